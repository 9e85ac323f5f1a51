"""From the bytes of a file to pixels."""

import io
import struct
import zlib
from dataclasses import dataclass

from igcli.errors import ImageError
from igcli.images import formats
from igcli.images.colour import profile_in, to_srgb
from igcli.images.metadata import upright
from igcli.images.options import Limits
from igcli.records import Pixels

# What Pillow's decoders were seen to raise, or may, on damaged files.
DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded image.

    Attributes:
        pixels: RGB, uint8 (H, W, 3), upright.
        profile: Name of its colour profile where that is another than sRGB's; else empty.
    """

    pixels: Pixels
    profile: str


def decode(data: bytes, limits: Limits) -> Pixels:
    """Return the pixels that `decode_whole` returns; arguments and errors as there."""
    return decode_whole(data, limits).pixels


def decode_whole(data: bytes, limits: Limits) -> Decoded:
    """Decode the first picture of a file in one of `formats.FORMATS`; safe for several threads.

    Args:
        data: The file.
        limits: What is too much, and what becomes of colour profiles.

    Raises:
        ImageError: It is no image, is damaged or beyond the limits.
    """
    form = formats.detect(data)
    try:
        _check_size(form.canvas(data), limits)
        with form.open(io.BytesIO(form.lean(data))) as image:
            _check_size(image.size, limits)
            image.load()
            if not (form.notices_ends or form.is_whole(data)):
                raise EOFError("truncated")
            metadata = form.metadata(data, image)
            pixels = form.pixels(image, data)
            profile = profile_in(metadata.icc, image.mode)
            if profile is not None and limits.icc == "srgb":
                pixels = to_srgb(image, pixels, profile)
            other = "" if profile is None or profile.is_srgb else profile.name
            return Decoded(upright(pixels, metadata), other)
    except DAMAGED as error:
        raise ImageError(_reason(form, data, error)) from error
    except MemoryError as error:
        raise ImageError("too many pixels for the memory") from error


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    most = limits.max_pixels
    if size[0] * size[1] > most:
        raise ImageError(
            f"too large: {size[0]:,} x {size[1]:,} pixels, the limit is {most:,} pixels"
        )


def _reason(form: formats.Format, data: bytes, error: Exception) -> str:
    """Tell a file cut short from one damaged within."""
    reason = " ".join(str(error).split())
    if "truncated" in reason.lower() or not _is_whole(form, data):
        return f"truncated image: the file ends after {len(data):,} bytes"
    if "unknown pixel mode" in reason:
        return f"a {form.name} of {form.kind(data)} values, which is not read"
    if "not installed" in reason:
        return f"{form.name} images are not read by the Pillow that is installed"
    if (
        "not identified" in reason
        or reason.isdigit()
        or not isinstance(error, OSError | SyntaxError | ValueError)
    ):
        reason = "its structure is broken"
    return f"damaged {form.name} image: {reason}"


def _is_whole(form: formats.Format, data: bytes) -> bool:
    try:
        return form.is_whole(data)
    except DAMAGED:
        return False  # It ends before it says how long it is.
