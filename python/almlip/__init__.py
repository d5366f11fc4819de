"""ALMLIP from Python: labels from first principles, active-learning campaigns, figures."""
