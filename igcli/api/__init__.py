"""The engine without files: arrays in, attributions out."""
