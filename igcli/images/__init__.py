"""Finding, decoding and fitting images; knows no networks and writes no files."""
