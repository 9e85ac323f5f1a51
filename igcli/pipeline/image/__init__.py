"""One image, from its file to its record."""
