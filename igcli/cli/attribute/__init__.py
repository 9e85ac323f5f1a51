"""The commands `attribute` and `gif`."""
