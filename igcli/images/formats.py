"""The five file formats: how each is told, opened safely and seen to be cut short."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from igcli.errors import ImageError


class _Jpeg(JpegImageFile):
    """A JPEG whose EXIF data Pillow does not parse: it would look for a resolution, and warn."""

    def getexif(self) -> Image.Exif:
        return Image.Exif()


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    Attributes:
        name: As users write it.
        starts: Tells from its bytes whether a file has this format.
        open: Opens a stream of it; unlike `Image.open` without a warning for large images.
        is_whole: Tells from its bytes whether a file ends where it should.
        canvas: Width and height out of the bytes, where opening already takes memory.
        still: Drops animation from the bytes, where Pillow warns of mistakes in it.
    """

    name: str
    starts: Callable[[bytes], bool]
    open: Callable[[IO[bytes]], ImageFile]
    is_whole: Callable[[bytes], bool]
    canvas: Callable[[bytes], tuple[int, int] | None] = lambda _: None
    still: Callable[[bytes], bytes] = lambda data: data


def detect(data: bytes) -> Format:
    """Return the format of a file by its content.

    Raises:
        ImageError: It is none of the five.
    """
    for form in FORMATS:
        if form.starts(data):
            return form
    raise ImageError("not an image: the content is none of JPEG, PNG, WebP, BMP and GIF")


def _gif_canvas(data: bytes) -> tuple[int, int] | None:
    """Return the size of the screen, grown to hold the first frame, as Pillow does."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _palette_bytes(flags)
    while data[at] == 0x21:  # extension: a label, then blocks until an empty one
        at += 2
        while data[at]:
            at += 1 + data[at]
        at += 1
    if data[at] != 0x2C:
        return width, height
    left, top, columns, rows = struct.unpack_from("<HHHH", data, at + 1)
    return max(width, left + columns), max(height, top + rows)


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp_canvas(data: bytes) -> tuple[int, int] | None:
    """Return the size out of the first chunk.

    Source: RFC 9649, sections 2.5 to 2.7.
    """
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _still_png(data: bytes) -> bytes:
    """Return a PNG without the animation chunks before its pixels."""
    kept, at = [data[:8]], 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            break
        if kind not in (b"acTL", b"fcTL"):
            kept.append(data[at : at + length + 12])
        at += length + 12
    return b"".join([*kept, data[at:]])


FORMATS = (
    Format(
        name="JPEG",
        starts=lambda data: data[:3] == b"\xff\xd8\xff",
        open=_Jpeg,
        is_whole=lambda data: b"\xff\xd9" in data[-64:],
    ),
    Format(
        name="PNG",
        starts=lambda data: data[:8] == b"\x89PNG\r\n\x1a\n",
        open=PngImageFile,
        is_whole=lambda data: b"IEND" in data[-64:],
        still=_still_png,
    ),
    Format(
        name="WebP",
        starts=lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP",
        open=WebPImageFile,
        is_whole=lambda data: int.from_bytes(data[4:8], "little") + 8 <= len(data),
        canvas=_webp_canvas,
    ),
    Format(
        name="BMP",
        starts=lambda data: data[:2] == b"BM",
        open=BmpImageFile,
        is_whole=lambda data: int.from_bytes(data[2:6], "little") <= len(data),
    ),
    Format(
        name="GIF",
        starts=lambda data: data[:6] in (b"GIF87a", b"GIF89a"),
        open=GifImageFile,
        is_whole=lambda data: b";" in data[-8:],
        canvas=_gif_canvas,
    ),
)
