"""What the first images of a run determine for all of them: batch size, precision, scale."""
