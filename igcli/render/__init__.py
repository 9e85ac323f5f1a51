"""Pictures from arrays: panels, GIFs and their encodings. Pure functions, no files, no networks."""
