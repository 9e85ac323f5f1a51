"""Whole runs: over single images, over tar archives, and what every run shares."""
