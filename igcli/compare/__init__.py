"""The agreement of two runs: their attributions compared image by image."""
