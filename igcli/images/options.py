"""Options for reading images."""

from typing import Literal

from pydantic import Field

from igcli.options import Options

PILLOW_MAX_PIXELS = 178_956_970
"""Number of pixels beyond which Pillow refuses an image, whatever its own limit is set to."""


class Limits(Options):
    """Limits of size, checked before an image is decoded, and the treatment of colour profiles."""

    max_pixels: int = Field(default=50_000_000, ge=1, le=PILLOW_MAX_PIXELS)
    """Maximum number of pixels in an image; a larger image is recorded as failed."""

    max_bytes: int = Field(default=1 << 28, ge=1)
    """Maximum size of an image file in bytes; a larger file is recorded as failed."""

    icc: Literal["ignore", "srgb"] = "ignore"
    """Treatment of colour profiles: ignore uses pixel values as stored, as most networks were
    trained; srgb converts them to sRGB (from Display P3, Adobe RGB, CMYK)."""
