"""Metadata of an image file: EXIF and XMP for the orientation, ICC for the colours."""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL.ImageFile import ImageFile

from igcli.images import structure
from igcli.images.structure import MAX_PARTS, START_OF_SCAN
from igcli.images.tiff import ICC, ORIENTATION, XMP, TiffPage
from igcli.records import Pixels

EXIF_START, XMP_START = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
ICC_START = b"ICC_PROFILE\0"
APP1, APP2 = 0xFFE1, 0xFFE2
MAX_UNPACKED = 1 << 24
"""Maximum number of bytes of one unpacked chunk."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of an image file; each field is empty if the file has none.

    Attributes:
        exif: EXIF data, in the layout of a TIFF file.
        xmp: XMP, an XML document.
        icc: ICC colour profile.
    """

    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""


def of_info(_data: bytes, image: ImageFile) -> Metadata:
    """Return the metadata that Pillow read from a WebP, AVIF or HEIF.

    AVIF and HEIF have orientation properties of their own, which override EXIF and XMP: they are
    applied already, or are in the EXIF data that Pillow returns.
    """
    exif = _bytes(image.info.get("exif"))
    xmp = b"" if image.format in ("AVIF", "HEIF") else _bytes(image.info.get("xmp"))
    return Metadata(exif, xmp, _bytes(image.info.get("icc_profile")))


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def of_jpeg(data: bytes, _image: ImageFile) -> Metadata:
    """Return the metadata in the segments of a JPEG.

    Source: CIPA DC-008-2012, section 4.7.2; XMP specification part 3, section 1.1.3; ICC.1:2010,
    annex B.4.
    """
    exif, xmp, icc = b"", b"", {}
    for marker, content in _segments(data):
        if marker == APP1 and content.startswith(EXIF_START):
            exif = exif or content[len(EXIF_START) :]
        elif marker == APP1 and content.startswith(XMP_START):
            xmp = xmp or content[len(XMP_START) :]
        elif marker == APP2 and content.startswith(ICC_START) and len(content) > 14:
            icc[content[12]] = content[14:]
    return Metadata(exif, xmp, b"".join(icc[number] for number in sorted(icc)))


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    for _ in range(MAX_PARTS):
        if at + 4 > len(data):
            return
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == START_OF_SCAN:
            return
        if marker < 0xFF01 or marker == 0xFFFF:
            at += 1  # padding
        else:
            yield marker, data[at + 4 : at + 2 + length]
            at += 2 + length


def of_png(data: bytes, _image: ImageFile) -> Metadata:
    """Return the metadata in the chunks of a PNG, in any order.

    Source: PNG specification (third edition), section 11.3; ImageMagick's raw profiles.
    """
    exif, raw, xmp, icc = b"", b"", b"", b""
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"eXIf":
            exif = exif or content
        elif kind == b"iCCP":
            icc = icc or _unpacked(content.partition(b"\0")[2][1:])
        elif kind == b"iTXt" and content.startswith(b"XML:com.adobe.xmp\0"):
            xmp = xmp or _international(content)
        elif kind in (b"zTXt", b"tEXt") and content.startswith(b"Raw profile type "):
            raw = raw or _raw_profile(kind, content)
    return Metadata(exif or raw, xmp, icc)


def _international(content: bytes) -> bytes:
    """Return the text of an iTXt chunk: keyword, flag, method, language, keyword, text."""
    _, _, rest = content.partition(b"\0")
    text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return _unpacked(text) if rest[:1] == b"\1" else text


def _raw_profile(kind: bytes, content: bytes) -> bytes:
    """Return the EXIF data of a text chunk: a name, a length and hexadecimal digits."""
    keyword, _, text = content.partition(b"\0")
    if keyword.rpartition(b" ")[2].lower() not in (b"exif", b"app1"):
        return b""
    text = _unpacked(text[1:]) if kind == b"zTXt" else text
    digits = b"".join(text.strip().split(b"\n")[2:])
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return b""


def _unpacked(data: bytes) -> bytes:
    """Decompress data of zlib; return nothing if they are broken or too large."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(data, MAX_UNPACKED)
    except zlib.error:
        return b""
    return content if unpacker.eof else b""


def of_tiff(data: bytes, _image: ImageFile) -> Metadata:
    """Return the metadata of a TIFF's first page; its own tags are the EXIF data."""
    page = TiffPage(data)
    exif = _oriented(page.value(ORIENTATION, 1)) if ORIENTATION in page.tags else b""
    return Metadata(exif, page.bytes_of(XMP), page.bytes_of(ICC))


def _oriented(value: int) -> bytes:
    """Return EXIF data with only an orientation."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, ORIENTATION, 3, 1, value & 0xFFFF, 0, 0)


def of_jpeg2000(data: bytes, _image: ImageFile) -> Metadata:
    """Return the metadata in the boxes of a JPEG 2000."""
    exif, xmp, icc = b"", b"", b""
    for box in structure.boxes(data) if data.startswith(structure.JP2) else ():
        if box.kind == b"uuid":
            uuid, content = data[box.start : box.start + 16], data[box.start + 16 : box.end]
            exif = exif or (content if uuid == structure.EXIF_UUID else b"")
            xmp = xmp or (content if uuid == structure.XMP_UUID else b"")
        elif box.kind == b"jp2h":
            for inner in structure.boxes(data, box.start, box.end):
                if inner.kind == b"colr" and data[inner.start] in (2, 3):
                    icc = icc or data[inner.start + 3 : inner.end]
    return Metadata(exif, xmp, icc)


def of_nothing(_data: bytes, _image: ImageFile) -> Metadata:
    """Return no metadata, for BMP and GIF."""
    return Metadata()


def orientation_in(xmp: bytes) -> int:
    """Return the orientation in an XMP document; 1, which is upright, if it states none."""
    match = re.search(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])", xmp)
    return int(match[1]) if match else 1


TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels.transpose(1, 0, 2)[:, ::-1],
    7: lambda pixels: pixels.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda pixels: pixels.transpose(1, 0, 2)[::-1],
}
SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations that swap height and width."""

NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f"}
"""Types of values that are stored in their entries; the standard requires the second."""

PAIRS = {5: "II", 10: "ii"}
"""Types of fractions, which are stored elsewhere, like type 12, double precision."""


def upright(pixels: Pixels, metadata: Metadata) -> Pixels:
    """Turn an image upright by its EXIF data, else by its XMP; broken data turn nothing.

    Args:
        pixels: RGB, uint8 (H, W, 3).
        metadata: Metadata of its file.

    Returns:
        RGB, uint8 (H, W, 3) or (W, H, 3), contiguous.
    """
    turn = TURNS.get(orientation_of(metadata))
    return np.ascontiguousarray(turn(pixels) if turn else pixels)


def orientation_of(metadata: Metadata) -> int:
    """Return the orientation in the EXIF data, else in the XMP, else 1, which is upright."""
    exif = metadata.exif
    while exif.startswith(EXIF_START):
        exif = exif.removeprefix(EXIF_START)
    try:
        orientation = _orientation(exif)
    except struct.error:
        orientation = None
    return orientation_in(metadata.xmp) if orientation is None else orientation


def _orientation(exif: bytes) -> int | None:
    """Return the orientation in the first directory, None without one.

    Source: CIPA DC-008-2012 (Exif 2.3), sections 4.5.2 and 4.6.4.
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (entries,) = struct.unpack_from(order + "H", exif, start)
    for entry in range(entries):
        at = start + 2 + 12 * entry
        tag, kind, count, place = struct.unpack_from(order + "HHII", exif, at)
        if tag == ORIENTATION:
            value = _value(exif, order, kind, at + 8 if kind in NUMBERS else place)
            return int(value) if count and value.is_integer() else 1
    return None


def _value(exif: bytes, order: str, kind: int, at: int) -> float:
    """Return a number of any type, 1 if the value is not a number."""
    if kind in NUMBERS:
        (value,) = struct.unpack_from(order + NUMBERS[kind], exif, at)
        return float(value)
    if kind in PAIRS:
        above, below = struct.unpack_from(order + PAIRS[kind], exif, at)
        return above / below if below else 1.0
    if kind == 12:
        (value,) = struct.unpack_from(order + "d", exif, at)
        return float(value)
    return 1.0
