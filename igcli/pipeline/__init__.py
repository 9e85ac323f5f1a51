"""Joins the rooms: the order of work, batching, and what survives a bad image."""
