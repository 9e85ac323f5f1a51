"""Whole runs: local, over tar archives, and what they share."""
