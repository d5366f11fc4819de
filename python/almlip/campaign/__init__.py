"""Active learning: explore, label, refit, test, and again."""
