"""Runs on many machines through Ray."""
