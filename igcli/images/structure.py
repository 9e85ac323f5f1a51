"""The structure of image files: their sizes, their ends, and copies without the risky parts.

Covers WebP, GIF, PNG and JPEG, and the formats made of boxes: AVIF, HEIF and JPEG 2000. Pillow is
given the copies, because it parses everything in a file and warns of what is broken. TIFF files
have a module of their own.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

EXTENSION, DESCRIPTOR, TRAILER, CONTROL = 0x21, 0x2C, 0x3B, 0xF9
KEPT_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND")
START_OF_SCAN = 0xFFDA
DROPPED_SEGMENTS = frozenset((*range(0xFFE2, 0xFFEE), 0xFFEF, 0xFFFE))
MAX_PARTS = 1 << 18

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


def webp_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a WebP from its first chunk.

    Raises:
        struct.error: The file is too short.

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


def gif_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a GIF's screen, enlarged to hold the first frame, as in Pillow.

    Raises:
        IndexError, ValueError, struct.error: The file has no frame or ends before it.
    """
    width, height = struct.unpack_from("<HH", data, 6)
    left, top, columns, rows = struct.unpack_from("<HHHH", data, _first_frame(data)[0] + 1)
    return max(width, left + columns), max(height, top + rows)


def stripped_gif(data: bytes) -> bytes:
    """Return a GIF whose first frame follows the palette, with transparency, without disposal.

    Pillow fills the area of a frame with a disposal, whatever its size.
    Raises the errors of `gif_size`.
    """
    frame, control = _first_frame(data)
    kept = data[control : control + 8] if control else b""
    if kept:
        kept = kept[:3] + bytes([kept[3] & 1]) + kept[4:7] + b"\0"
    return data[: _palette_end(data)] + kept + data[frame:]


def _first_frame(data: bytes) -> tuple[int, int]:
    """Return the positions of the first frame's descriptor and of its control, 0 for none.

    Source: GIF89a specification, sections 18 to 26.
    """
    at, control = _palette_end(data), 0
    for _ in range(MAX_PARTS):
        if data[at] == DESCRIPTOR:
            return at, control
        if data[at] == TRAILER:
            break
        if data[at] == EXTENSION:
            if data[at + 1] == CONTROL and data[at + 2] == 4:
                control = at
            at += 2
            while data[at]:
                at += 1 + data[at]
        at += 1  # the empty block that ends an extension, or a stray byte
    raise ValueError("it has no frame")


def _palette_end(data: bytes) -> int:
    flags = data[10]
    return 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)


def stripped_png(data: bytes) -> bytes:
    """Return a PNG with only its pixels, transparency and EXIF data.

    Pillow warns of broken animation chunks and refuses an image for one broken text chunk.

    Raises:
        ValueError: The file has an absurd number of chunks, or was rewritten for iOS.

    Source: PNG specification (third edition), sections 5.3 and 5.6.
    """
    if data[12:16] == b"CgBI":
        raise ValueError(
            "rewritten by Xcode for iOS; use the original, or restore it with pngcrush"
        )
    kept, at = [data[:8]], 8
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            return b"".join([*kept, data[at:]])
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in KEPT_CHUNKS:
            kept.append(data[at : at + 12 + length])
        at += 12 + length
    raise ValueError(f"more than {MAX_PARTS:,} chunks")


def stripped_jpeg(data: bytes) -> bytes:
    """Return a JPEG without comments and application segments, except JFIF, EXIF and Adobe's.

    Raises:
        ValueError: The file has an absurd number of segments.
        struct.error: The file ends before the pixels.

    Source: ITU-T T.81, annex B.1.1.
    """
    kept, at = [data[:2]], 2
    for _ in range(MAX_PARTS):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker < 0xFF01 or marker == 0xFFFF:
            at += 1  # padding
        elif marker == START_OF_SCAN:
            return b"".join([*kept, data[at:]])
        else:
            if marker not in DROPPED_SEGMENTS:
                kept.append(data[at : at + 2 + length])
            at += 2 + length
    raise ValueError(f"more than {MAX_PARTS:,} segments")


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


def boxes_without_exif(data: bytes) -> bytes:
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


def largest_picture_size(data: bytes) -> tuple[int, int]:
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


def boxes_are_complete(data: bytes) -> bool:
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
    has_end_mark = END_OF_CODESTREAM in data[-64:]
    return has_end_mark and (not data.startswith(JP2) or boxes_are_complete(data))
