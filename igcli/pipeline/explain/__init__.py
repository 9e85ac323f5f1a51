"""The attributions of one image: every target by every method."""
