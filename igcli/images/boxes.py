"""Files of boxes, each with its length and kind: JPEG 2000, AVIF and HEIF."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MOST_BOXES = 1 << 16
BLOCK = 64
JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM = b"\xff\x4f\xff\x51"
END_OF_CODESTREAM = b"\xff\xd9"
AVIF, HEIF = {b"avif", b"avis"}, {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1"}
PIXELS = (b"mdat", b"jp2c")
NEEDED = (*PIXELS, b"meta", b"moov")
EXIF_UUID = b"JpgTiffExif->JP2"
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, where its content begins, and where it ends."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes in a part of a file, the last one perhaps beyond its end.

    Raises:
        ValueError: They are broken.

    Source: ISO/IEC 14496-12, section 4.2; ISO/IEC 15444-1, annex I.4.
    """
    end = len(data) if end is None else end
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        size = size or end - start
        if size < head:
            raise ValueError("a box smaller than its head")
        yield Box(kind, start + head, start + size)
        start += size
    raise ValueError(f"more than {MOST_BOXES:,} boxes")


def brands(data: bytes) -> set[bytes]:
    """Return the kinds of file that a file says it is; none where it says nothing."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4]), len(data), 1024)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}


def lean_items(data: bytes) -> bytes:
    """Return an AVIF or HEIF whose EXIF data are no item of a known kind.

    Pillow parses them, and warns of broken ones; what is turned is said elsewhere in such files.

    Raises:
        ValueError, struct.error: Its boxes are broken.

    Source: ISO/IEC 14496-12, sections 8.11.1 and 8.11.6.
    """
    found = bytearray(data)
    for items in _in_meta(data, b"iinf"):
        first = items.start + (6 if data[items.start] == 0 else 8)
        for item in boxes(data, first, min(items.end, len(data))):
            at = item.start + (8 if data[item.start] < 3 else 10)
            if data[at : at + 4] == b"Exif":
                found[at : at + 4] = b"free"
    return bytes(found)


def canvas(data: bytes) -> tuple[int, int]:
    """Return width and height that the largest picture in an AVIF or HEIF has at least.

    They are 0 where none says them. What is said may be rounded up to blocks that are cropped.

    Raises:
        ValueError, struct.error: Its boxes are broken.

    Source: ISO/IEC 23008-12, section 6.5.3.
    """
    sizes: list[tuple[int, int]] = [(0, 0)]
    for properties in _in_meta(data, b"iprp"):
        for container in boxes(data, properties.start, min(properties.end, len(data))):
            if container.kind == b"ipco":
                sizes += (
                    struct.unpack_from(">II", data, each.start + 4)
                    for each in boxes(data, container.start, min(container.end, len(data)))
                    if each.kind == b"ispe"
                )
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return max(0, width - BLOCK + 1), max(0, height - BLOCK + 1)


def _in_meta(data: bytes, kind: bytes) -> Iterator[Box]:
    """Yield the boxes of a kind in what a file says of all its pictures."""
    for meta in boxes(data):
        if meta.kind == b"meta":
            for box in boxes(data, meta.start + 4, min(meta.end, len(data))):
                if box.kind == kind:
                    yield box


def is_whole(data: bytes) -> bool:
    """Tell whether all boxes that matter are there; what follows them may be odd."""
    has_pixels = b"idat" in data
    try:
        for box in boxes(data):
            if box.kind in NEEDED and box.end > len(data):
                return False
            has_pixels |= box.kind in PIXELS
    except (ValueError, struct.error):
        return has_pixels
    return has_pixels


def codestream(data: bytes) -> int:
    """Return where the pixels of a JPEG 2000 begin.

    Raises:
        ValueError: There are none.
    """
    if data.startswith(CODESTREAM):
        return 0
    for box in boxes(data):
        if box.kind == b"jp2c" and data.startswith(CODESTREAM, box.start):
            return box.start
    raise ValueError("no codestream in it")


def jpeg2000_canvas(data: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG 2000; those of its header where they are larger.

    Raises:
        ValueError, struct.error: It is broken or ends before.

    Source: ISO/IEC 15444-1, annexes A.5.1 and I.5.3.1.
    """
    right, bottom, left, top = struct.unpack_from(">IIII", data, codestream(data) + 8)
    size = max(0, right - left), max(0, bottom - top)
    for box in boxes(data) if data.startswith(JP2) else ():
        if box.kind == b"jp2h":
            for inner in boxes(data, box.start, box.end):
                if inner.kind == b"ihdr":
                    height, width = struct.unpack_from(">II", data, inner.start)
                    return max(size, (width, height), key=lambda each: each[0] * each[1])
    return size


def jpeg2000_is_whole(data: bytes) -> bool:
    """Tell whether the pixels of a JPEG 2000 end where they should."""
    return END_OF_CODESTREAM in data[-64:] and (not data.startswith(JP2) or is_whole(data))
