"""Keeps the network's batches full: many pieces of work over one network."""
