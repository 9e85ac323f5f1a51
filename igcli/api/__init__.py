"""The Python interface: arrays in, attributions out, without files."""
