"""Endings of files that may hold images. Importing this imports no NumPy."""

# fmt: off
EXTENSIONS = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".jpg_large", ".png", ".webp", ".bmp", ".gif",
    ".tif", ".tiff", ".avif", ".heic", ".heif", ".jp2", ".j2k",
))
# fmt: on
"""In lower case; what a file holds is told by its content."""
