"""Continuing where earlier runs stopped: what they left, and what of it is up to date."""
