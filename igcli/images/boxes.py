"""The structure of AVIF, HEIF and JPEG 2000 files: boxes with a length and a kind."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BOXES = 1 << 16
BLOCK = 64
JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM = b"\xff\x4f\xff\x51"
END_OF_CODESTREAM = b"\xff\xd9"
AVIF, HEIF = {b"avif", b"avis"}, {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1"}
PIXELS = (b"mdat", b"jp2c")
REQUIRED = (*PIXELS, b"meta", b"moov")
EXIF_UUID = b"JpgTiffExif->JP2"
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, and where its content starts and ends in the file."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes in a part of a file; the last one may extend beyond the end.

    Raises:
        ValueError: The boxes are broken.

    Source: ISO/IEC 14496-12, section 4.2; ISO/IEC 15444-1, annex I.4.
    """
    end = len(data) if end is None else end
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        size = size or end - start
        if size < header:
            raise ValueError("a box is smaller than its header")
        yield Box(kind, start + header, start + size)
        start += size
    raise ValueError(f"more than {MAX_BOXES:,} boxes")


def brands(data: bytes) -> set[bytes]:
    """Return the file types that a file declares, an empty set if it declares none."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4]), len(data), 1024)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}


def without_exif(data: bytes) -> bytes:
    """Return an AVIF or HEIF with its EXIF items marked as free space.

    Pillow parses EXIF data and warns if they are broken; these formats state the orientation
    elsewhere.

    Raises:
        ValueError, struct.error: The boxes are broken.

    Source: ISO/IEC 14496-12, sections 8.11.1 and 8.11.6.
    """
    stripped = bytearray(data)
    for items in _in_meta(data, b"iinf"):
        first = items.start + (6 if data[items.start] == 0 else 8)
        for item in boxes(data, first, min(items.end, len(data))):
            at = item.start + (8 if data[item.start] < 3 else 10)
            if data[at : at + 4] == b"Exif":
                stripped[at : at + 4] = b"free"
    return bytes(stripped)


def largest_size(data: bytes) -> tuple[int, int]:
    """Return a lower bound of width and height of the largest picture in an AVIF or HEIF.

    It is (0, 0) if the file states no size. A stated size may be rounded up to whole blocks.

    Raises:
        ValueError, struct.error: The boxes are broken.

    Source: ISO/IEC 23008-12, section 6.5.3.
    """
    sizes: list[tuple[int, int]] = [(0, 0)]
    for properties in _in_meta(data, b"iprp"):
        for container in boxes(data, properties.start, min(properties.end, len(data))):
            if container.kind == b"ipco":
                sizes += (
                    struct.unpack_from(">II", data, box.start + 4)
                    for box in boxes(data, container.start, min(container.end, len(data)))
                    if box.kind == b"ispe"
                )
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return max(0, width - BLOCK + 1), max(0, height - BLOCK + 1)


def _in_meta(data: bytes, kind: bytes) -> Iterator[Box]:
    """Yield the boxes of a kind in the metadata that cover the whole file."""
    for meta in boxes(data):
        if meta.kind == b"meta":
            for box in boxes(data, meta.start + 4, min(meta.end, len(data))):
                if box.kind == kind:
                    yield box


def is_complete(data: bytes) -> bool:
    """Return whether all required boxes are complete; anything may follow them."""
    has_pixels = b"idat" in data
    try:
        for box in boxes(data):
            if box.kind in REQUIRED and box.end > len(data):
                return False
            has_pixels |= box.kind in PIXELS
    except (ValueError, struct.error):
        return has_pixels
    return has_pixels


def codestream(data: bytes) -> int:
    """Return the position of the codestream, the pixels of a JPEG 2000.

    Raises:
        ValueError: The file has no codestream.
    """
    if data.startswith(CODESTREAM):
        return 0
    for box in boxes(data):
        if box.kind == b"jp2c" and data.startswith(CODESTREAM, box.start):
            return box.start
    raise ValueError("it has no codestream")


def jpeg2000_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG 2000; those of its header if they are larger.

    Raises:
        ValueError, struct.error: The file is broken or ends too early.

    Source: ISO/IEC 15444-1, annexes A.5.1 and I.5.3.1.
    """
    right, bottom, left, top = struct.unpack_from(">IIII", data, codestream(data) + 8)
    size = max(0, right - left), max(0, bottom - top)
    for box in boxes(data) if data.startswith(JP2) else ():
        if box.kind == b"jp2h":
            for inner in boxes(data, box.start, box.end):
                if inner.kind == b"ihdr":
                    height, width = struct.unpack_from(">II", data, inner.start)
                    return max(size, (width, height), key=lambda pair: pair[0] * pair[1])
    return size


def jpeg2000_is_complete(data: bytes) -> bool:
    """Return whether the codestream of a JPEG 2000 has its end mark."""
    return END_OF_CODESTREAM in data[-64:] and (not data.startswith(JP2) or is_complete(data))
