"""Figures of campaigns and of pool studies."""
