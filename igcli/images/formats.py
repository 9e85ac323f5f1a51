"""The image formats: how to recognize each, open it safely and detect a truncated file."""

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
from igcli.images import colour, metadata, structure, tiff
from igcli.images.metadata import Metadata
from igcli.records import Pixels


class _Jpeg(JpegImageFile):
    """A JPEG whose EXIF data Pillow does not parse; it would look for a resolution and warn."""

    def getexif(self) -> Image.Exif:
        return Image.Exif()


class _Tiff(TiffImageFile):
    """A TIFF whose EXIF data Pillow does not parse, and whose size it does not warn of."""

    def getexif(self) -> Image.Exif:
        return Image.Exif()

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = _imaging.new(self.mode, self._tile_size)
        ImageFile.load_prepare(self)


@functools.cache
def _silence_libtiff() -> None:
    """Keep libtiff from writing errors to standard error; Pillow raises an exception anyway.

    Pillow silences only the warnings. The call reaches the libtiff that Pillow loaded.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def _open_tiff(stream: IO[bytes]) -> ImageFile:
    _silence_libtiff()
    return _Tiff(stream)


def _open_heif(stream: IO[bytes]) -> ImageFile:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise ImageError("HEIC images need an extra: pip install 'igcli[heif]'") from None
    image: ImageFile = HeifImageFile(stream)  # type: ignore[no-untyped-call]
    return image


def _stripped_tiff(data: bytes) -> bytes:
    page = tiff.TiffPage(data)
    if colour.has_no_colours(page) and (span := page.range()) is not None:
        raise ImageError(colour.no_colours(page, span))
    return page.stripped()


def _plain(image: ImageFile, _data: bytes) -> Pixels:
    return colour.to_rgb(image)


@dataclass(frozen=True, slots=True)
class Format:
    """A file format; its functions take the bytes of a file unless stated otherwise.

    Attributes:
        name: Name for users.
        matches: Returns whether a file has this format.
        open: Opens a stream; unlike `Image.open`, it does not warn of large images.
        is_complete: Returns whether a file has its end.
        declared_size: Returns width and height, for formats that Pillow cannot open without
            allocating memory or warning.
        stripped: Returns the file without parts that the pixels do not need and that could harm.
        metadata: Returns the metadata of a file and its opened image.
        pixels: Returns the pixels of a loaded image and its file as RGB.
        pixel_kind: Returns the kind of pixels, for formats of which not all kinds are supported.
        detects_truncation: Whether the decoder refuses truncated files.
        is_lossy: Whether pixels may differ a little from those that were saved.
    """

    name: str
    matches: Callable[[bytes], bool]
    open: Callable[[IO[bytes]], ImageFile]
    is_complete: Callable[[bytes], bool]
    declared_size: Callable[[bytes], tuple[int, int]] = lambda _: (0, 0)
    stripped: Callable[[bytes], bytes] = lambda data: data
    metadata: Callable[[bytes, ImageFile], Metadata] = metadata.of_nothing
    pixels: Callable[[ImageFile, bytes], Pixels] = _plain
    pixel_kind: Callable[[bytes], str] = lambda _: ""
    detects_truncation: bool = True
    is_lossy: bool = False


BMP_HEADERS = (b"", *(bytes([size]) for size in (12, 40, 52, 56, 64, 108, 124)))


def _box_format(name: str, brands: set[bytes], opener: Callable[[IO[bytes]], ImageFile]) -> Format:
    return Format(
        name=name,
        matches=lambda data: not brands.isdisjoint(structure.brands(data)),
        open=opener,
        is_complete=structure.boxes_are_complete,
        declared_size=structure.largest_picture_size,
        stripped=structure.boxes_without_exif,
        metadata=metadata.of_info,
        detects_truncation=False,
        is_lossy=True,
    )


FORMATS = (
    Format(
        name="JPEG",
        matches=lambda data: data[:3] == b"\xff\xd8\xff",
        open=_Jpeg,
        is_complete=lambda data: b"\xff\xd9" in data[-64:],
        stripped=structure.stripped_jpeg,
        metadata=metadata.of_jpeg,
        is_lossy=True,
    ),
    Format(
        name="PNG",
        matches=lambda data: data[:8] == b"\x89PNG\r\n\x1a\n",
        open=PngImageFile,
        is_complete=lambda data: b"IEND" in data[-64:],
        stripped=structure.stripped_png,
        metadata=metadata.of_png,
    ),
    Format(
        name="WebP",
        matches=lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP",
        open=WebPImageFile,
        is_complete=lambda data: int.from_bytes(data[4:8], "little") + 8 <= len(data),
        declared_size=structure.webp_size,
        metadata=metadata.of_info,
        is_lossy=True,
    ),
    Format(
        name="BMP",
        matches=lambda data: data[:2] == b"BM" and data[14:15] in BMP_HEADERS,
        open=BmpImageFile,
        is_complete=lambda data: int.from_bytes(data[2:6], "little") <= len(data) > 26,
    ),
    Format(
        name="GIF",
        matches=lambda data: data[:6] in (b"GIF87a", b"GIF89a"),
        open=GifImageFile,
        is_complete=lambda data: b";" in data[-8:],
        declared_size=structure.gif_size,
        stripped=structure.stripped_gif,
    ),
    Format(
        name="TIFF",
        matches=lambda data: data[:4] in tiff.STARTS,
        open=_open_tiff,
        is_complete=lambda data: tiff.TiffPage(data).is_complete,
        declared_size=lambda data: tiff.TiffPage(data).size,
        stripped=_stripped_tiff,
        pixel_kind=lambda data: tiff.TiffPage(data).kind,
        metadata=metadata.of_tiff,
        pixels=lambda image, data: colour.of_tiff(image, tiff.TiffPage(data)),
        detects_truncation=False,
    ),
    _box_format("AVIF", structure.AVIF, AvifImageFile),
    _box_format("HEIF", structure.HEIF, _open_heif),
    Format(
        name="JPEG 2000",
        matches=lambda data: data.startswith((structure.JP2, structure.CODESTREAM)),
        open=Jpeg2KImageFile,
        is_complete=structure.jpeg2000_is_complete,
        declared_size=structure.jpeg2000_size,
        metadata=metadata.of_jpeg2000,
        detects_truncation=False,
        is_lossy=True,
    ),
)

_PAGE = "a web page, perhaps a server's error message in place of an image"
_SVG = "SVG, which has no pixels: convert it to PNG"
OTHERS = {
    re.compile(rb"^version https://git-lfs"): "a Git LFS pointer: fetch the file with git lfs pull",
    re.compile(rb"^<!doctype html|^<html"): _PAGE,
    re.compile(rb"^(<\?xml|<!--|<!doctype svg|<svg).*<svg", re.DOTALL): _SVG,
    re.compile(rb"^<svg"): _SVG,
    re.compile(rb"^%pdf"): "a PDF: save its pages as images",
    re.compile(rb"^....ftyp", re.DOTALL): "a video or another file of the MP4 family",
}
"""Other content that files with names of images have in practice, by its start."""


def detect(data: bytes) -> Format:
    """Return the format of a file by its content.

    Raises:
        ImageError: The file has none of the formats.
    """
    for form in FORMATS:
        if form.matches(data):
            return form
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    other = next((text for pattern, text in OTHERS.items() if pattern.search(start)), "")
    *names, last = (form.name for form in FORMATS)
    reason = f"the content is none of {', '.join(names)} and {last}"
    raise ImageError(f"not an image: {other or reason}")
