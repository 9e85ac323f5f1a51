"""The five file formats: how each is told, opened safely and seen to be cut short."""

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
from igcli.images import headers


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
        canvas: Width and height out of the bytes, where opening already takes memory or warns.
        lean: Drops from the bytes what the pixels do not need, so that it can do no harm.
    """

    name: str
    starts: Callable[[bytes], bool]
    open: Callable[[IO[bytes]], ImageFile]
    is_whole: Callable[[bytes], bool]
    canvas: Callable[[bytes], tuple[int, int]] = lambda _: (0, 0)
    lean: Callable[[bytes], bytes] = lambda data: data


def detect(data: bytes) -> Format:
    """Return the format of a file by its content.

    Raises:
        ImageError: It is none of the five.
    """
    for form in FORMATS:
        if form.starts(data):
            return form
    raise ImageError("not an image: the content is none of JPEG, PNG, WebP, BMP and GIF")


BMP_HEADERS = (b"", *(bytes([size]) for size in (12, 40, 52, 56, 64, 108, 124)))

FORMATS = (
    Format(
        name="JPEG",
        starts=lambda data: data[:3] == b"\xff\xd8\xff",
        open=_Jpeg,
        is_whole=lambda data: b"\xff\xd9" in data[-64:],
        lean=headers.lean_jpeg,
    ),
    Format(
        name="PNG",
        starts=lambda data: data[:8] == b"\x89PNG\r\n\x1a\n",
        open=PngImageFile,
        is_whole=lambda data: b"IEND" in data[-64:],
        lean=headers.lean_png,
    ),
    Format(
        name="WebP",
        starts=lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP",
        open=WebPImageFile,
        is_whole=lambda data: int.from_bytes(data[4:8], "little") + 8 <= len(data),
        canvas=headers.webp_canvas,
    ),
    Format(
        name="BMP",
        starts=lambda data: data[:2] == b"BM" and data[14:15] in BMP_HEADERS,
        open=BmpImageFile,
        is_whole=lambda data: int.from_bytes(data[2:6], "little") <= len(data) > 26,
    ),
    Format(
        name="GIF",
        starts=lambda data: data[:6] in (b"GIF87a", b"GIF89a"),
        open=GifImageFile,
        is_whole=lambda data: b";" in data[-8:],
        canvas=headers.gif_canvas,
        lean=headers.lean_gif,
    ),
)
