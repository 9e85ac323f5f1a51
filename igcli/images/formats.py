"""The file formats: how each is told, opened safely and seen to be cut short."""

import contextlib
import ctypes
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from PIL import Image, _imaging
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from igcli.errors import ImageError
from igcli.images import boxes, colour, headers, metadata, tiff
from igcli.images.metadata import Metadata
from igcli.records import Pixels


class _Jpeg(JpegImageFile):
    """A JPEG whose EXIF data Pillow does not parse: it would look for a resolution, and warn."""

    def getexif(self) -> Image.Exif:
        return Image.Exif()


class _Tiff(TiffImageFile):
    """A TIFF of which Pillow neither parses EXIF data nor warns for its size."""

    def getexif(self) -> Image.Exif:
        return Image.Exif()

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = _imaging.new(self.mode, self._tile_size)
        ImageFile.load_prepare(self)


@functools.cache
def _hush_libtiff() -> None:
    """Keep libtiff from writing what is wrong with a file to standard error: an exception says it.

    Pillow does this for its warnings alone; both are asked of the library that Pillow loaded.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def _open_tiff(stream: IO[bytes]) -> ImageFile:
    _hush_libtiff()
    return _Tiff(stream)


def _open_heif(stream: IO[bytes]) -> ImageFile:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise ImageError("a HEIC image, which needs an extra: pip install 'igcli[heif]'") from None
    found: ImageFile = HeifImageFile(stream)  # type: ignore[no-untyped-call]
    return found


def _lean_tiff(data: bytes) -> bytes:
    page = tiff.TiffPage(data)
    if colour.has_no_colours(page) and (span := page.range()) is not None:
        raise ImageError(colour.no_colours(page, span))
    return page.lean()


def _plain(image: ImageFile, _data: bytes) -> Pixels:
    return colour.to_rgb(image)


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
        metadata: Returns what the bytes, or the opened image, say of the pixels.
        pixels: Returns the pixels of the loaded image as RGB; the bytes tell more of them.
        kind: Returns what kind of pixels the bytes have, where decoders know some kinds alone.
        notices_ends: Whether the decoder refuses files that are cut short.
    """

    name: str
    starts: Callable[[bytes], bool]
    open: Callable[[IO[bytes]], ImageFile]
    is_whole: Callable[[bytes], bool]
    canvas: Callable[[bytes], tuple[int, int]] = lambda _: (0, 0)
    lean: Callable[[bytes], bytes] = lambda data: data
    metadata: Callable[[bytes, ImageFile], Metadata] = metadata.of_nothing
    pixels: Callable[[ImageFile, bytes], Pixels] = _plain
    kind: Callable[[bytes], str] = lambda _: ""
    notices_ends: bool = True


def detect(data: bytes) -> Format:
    """Return the format of a file by its content.

    Raises:
        ImageError: It is none of them.
    """
    for form in FORMATS:
        if form.starts(data):
            return form
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    other = next((name for mark, name in OTHERS.items() if mark.search(start)), "")
    *names, last = (form.name for form in FORMATS)
    reason = f"the content is none of {', '.join(names)} and {last}"
    raise ImageError(f"not an image: {other or reason}")


_PAGE = "a page of the web, perhaps what a server said in place of an image"
OTHERS = {
    re.compile(rb"^version https://git-lfs"): "a pointer of Git LFS: fetch it by git lfs pull",
    re.compile(rb"^<!doctype html|^<html"): _PAGE,
    re.compile(rb"^(<\?xml|<!--|<!doctype svg|<svg).*<svg", re.DOTALL): "SVG, which has no pixels",
    re.compile(rb"^<svg"): "SVG, which has no pixels: draw it as PNG",
    re.compile(rb"^%pdf"): "a PDF: save its pages as images",
    re.compile(rb"^....ftyp", re.DOTALL): "a film, or what is in a box of one",
}
"""What files under names of images were seen to be instead."""


BMP_HEADERS = (b"", *(bytes([size]) for size in (12, 40, 52, 56, 64, 108, 124)))

FORMATS = (
    Format(
        name="JPEG",
        starts=lambda data: data[:3] == b"\xff\xd8\xff",
        open=_Jpeg,
        is_whole=lambda data: b"\xff\xd9" in data[-64:],
        lean=headers.lean_jpeg,
        metadata=metadata.of_jpeg,
    ),
    Format(
        name="PNG",
        starts=lambda data: data[:8] == b"\x89PNG\r\n\x1a\n",
        open=PngImageFile,
        is_whole=lambda data: b"IEND" in data[-64:],
        lean=headers.lean_png,
        metadata=metadata.of_png,
    ),
    Format(
        name="WebP",
        starts=lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP",
        open=WebPImageFile,
        is_whole=lambda data: int.from_bytes(data[4:8], "little") + 8 <= len(data),
        canvas=headers.webp_canvas,
        metadata=metadata.of_info,
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
    Format(
        name="TIFF",
        starts=lambda data: data[:4] in tiff.STARTS,
        open=_open_tiff,
        is_whole=lambda data: tiff.TiffPage(data).is_whole,
        canvas=lambda data: tiff.TiffPage(data).size,
        lean=_lean_tiff,
        kind=lambda data: tiff.TiffPage(data).kind,
        metadata=metadata.of_tiff,
        pixels=lambda image, data: colour.of_tiff(image, tiff.TiffPage(data)),
        notices_ends=False,
    ),
    Format(
        name="AVIF",
        starts=lambda data: not boxes.AVIF.isdisjoint(boxes.brands(data)),
        open=AvifImageFile,
        is_whole=boxes.is_whole,
        canvas=boxes.canvas,
        lean=boxes.lean_items,
        metadata=metadata.of_info,
        notices_ends=False,
    ),
    Format(
        name="HEIF",
        starts=lambda data: not boxes.HEIF.isdisjoint(boxes.brands(data)),
        open=_open_heif,
        is_whole=boxes.is_whole,
        canvas=boxes.canvas,
        lean=boxes.lean_items,
        metadata=metadata.of_info,
        notices_ends=False,
    ),
    Format(
        name="JPEG 2000",
        starts=lambda data: data.startswith((boxes.JP2, boxes.CODESTREAM)),
        open=Jpeg2KImageFile,
        is_whole=boxes.jpeg2000_is_whole,
        canvas=boxes.jpeg2000_canvas,
        metadata=metadata.of_jpeg2000,
        notices_ends=False,
    ),
)
