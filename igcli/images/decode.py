"""Decodes the bytes of an image file to pixels."""

import contextlib
import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL.ImageFile import ImageFile

from igcli.errors import ImageError
from igcli.images import formats
from igcli.images.colour import profile_in, to_srgb
from igcli.images.metadata import SIDEWAYS, orientation_of, upright
from igcli.images.options import Limits
from igcli.records import Pixels

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
"""Exceptions that Pillow's decoders raise, or may raise, for damaged files."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded image.

    Attributes:
        pixels: RGB, uint8 (H, W, 3), upright.
        profile: Name of its colour profile; empty if it has none or it is sRGB.
    """

    pixels: Pixels
    profile: str


def decode(data: bytes, limits: Limits) -> Pixels:
    """Return the pixels of `decode_whole`, with the same arguments and errors."""
    return decode_whole(data, limits).pixels


def decode_whole(data: bytes, limits: Limits) -> Decoded:
    """Decode the first picture of a file in one of `formats.FORMATS`; thread-safe.

    Args:
        data: The file.
        limits: Maximum sizes and the treatment of colour profiles.

    Raises:
        ImageError: It is not an image, damaged or beyond the limits.
    """
    with loaded(data, limits) as (form, image):
        metadata = form.metadata(data, image)
        pixels = form.pixels(image, data)
        profile = profile_in(metadata.icc, image.mode)
        if profile is not None and limits.icc == "srgb":
            pixels = to_srgb(image, pixels, profile)
        profile_name = "" if profile is None or profile.is_srgb else profile.name
        return Decoded(upright(pixels, metadata), profile_name)


def upright_size(data: bytes, limits: Limits) -> tuple[int, int]:
    """Return height and width of an image file's pixels, upright, without decoding them.

    Raises:
        ImageError: As in `decode_whole`; damage to the pixels is not noticed.
    """
    with _opened(data, limits) as (form, image):
        width, height = image.size
        is_sideways = orientation_of(form.metadata(data, image)) in SIDEWAYS
        return (width, height) if is_sideways else (height, width)


@contextlib.contextmanager
def loaded(data: bytes, limits: Limits) -> Iterator[tuple[formats.Format, ImageFile]]:
    """Open and load the first picture of a file; what its block raises is an error of the file.

    Args:
        data: The file.
        limits: Maximum sizes.

    Raises:
        ImageError: As in `decode_whole`.
    """
    with _opened(data, limits) as (form, image):
        image.load()
        if not (form.detects_truncation or form.is_complete(data)):
            raise EOFError("truncated")
        yield form, image


@contextlib.contextmanager
def _opened(data: bytes, limits: Limits) -> Iterator[tuple[formats.Format, ImageFile]]:
    form = formats.detect(data)
    try:
        _check_size(form.declared_size(data), limits)
        with form.open(io.BytesIO(form.stripped(data))) as image:
            _check_size(image.size, limits)
            yield form, image
    except DAMAGED as error:
        raise ImageError(_reason(form, data, error)) from error
    except MemoryError as error:
        raise ImageError("too many pixels for the available memory") from error


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    if size[0] * size[1] > limits.max_pixels:
        raise ImageError(
            f"too large: {size[0]:,} x {size[1]:,} pixels, "
            f"the limit is {limits.max_pixels:,} pixels"
        )


def _reason(form: formats.Format, data: bytes, error: Exception) -> str:
    """Return the reason of an error; a truncated file is told from one damaged inside."""
    reason = " ".join(str(error).split())
    if "truncated" in reason.lower() or not _is_complete(form, data):
        return f"truncated image: the file ends after {len(data):,} bytes"
    if "unknown pixel mode" in reason:
        return f"a {form.name} of {form.pixel_kind(data)} values, which is not supported"
    if "not installed" in reason:
        return f"{form.name} images are not supported by the installed Pillow"
    if (
        "not identified" in reason
        or reason.isdigit()
        or not isinstance(error, OSError | SyntaxError | ValueError)
    ):
        reason = "its structure is broken"
    return f"damaged {form.name} image: {reason}"


def _is_complete(form: formats.Format, data: bytes) -> bool:
    try:
        return form.is_complete(data)
    except DAMAGED:
        return False  # It ends before it states its length.
