"""The structure of WebP, GIF, PNG and JPEG files: their sizes, and copies without the risky parts.

Pillow is given these copies, as it parses everything in a file and warns of what is broken.
"""

import struct

EXTENSION, DESCRIPTOR, TRAILER, CONTROL = 0x21, 0x2C, 0x3B, 0xF9
KEPT_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND")
START_OF_SCAN = 0xFFDA
DROPPED_SEGMENTS = frozenset((*range(0xFFE2, 0xFFEE), 0xFFEF, 0xFFFE))
MAX_PARTS = 1 << 18


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
