"""Options of reading images."""

from typing import Literal

from pydantic import Field

from igcli.options import Options

PILLOWS = 178_956_970
"""Pixels beyond which Pillow refuses, whatever it is told."""


class Limits(Options):
    """What is too much for one image, checked before it is decoded; and what its colours mean."""

    max_pixels: int = Field(default=50_000_000, ge=1, le=PILLOWS)
    """Pixels of an image; a larger one is a failed record."""

    max_bytes: int = Field(default=1 << 28, ge=1)
    """Bytes of an image file; a larger one is a failed record."""

    icc: Literal["ignore", "srgb"] = "ignore"
    """Colour profiles in images: ignore takes numbers as they are, as what trained most networks
    did; srgb converts from them (Display P3, Adobe RGB, CMYK)."""
