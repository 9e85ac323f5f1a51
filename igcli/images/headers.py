"""What is read, or taken out, of a file's structure before Pillow sees it."""

import struct

EXTENSION, DESCRIPTOR, TRAILER, CONTROL = 0x21, 0x2C, 0x3B, 0xF9
KEPT_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND")
START_OF_SCAN = 0xFFDA
DROPPED_SEGMENTS = frozenset((*range(0xFFE2, 0xFFEE), 0xFFEF, 0xFFFE))
MOST_PARTS = 1 << 18


def webp_canvas(data: bytes) -> tuple[int, int]:
    """Return width and height of a WebP out of its first chunk.

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


def gif_canvas(data: bytes) -> tuple[int, int]:
    """Return width and height of a GIF's screen, grown to hold the first frame as Pillow does.

    Raises:
        IndexError, ValueError, struct.error: The file ends before a frame, or there is none.
    """
    width, height = struct.unpack_from("<HH", data, 6)
    left, top, columns, rows = struct.unpack_from("<HHHH", data, _first_frame(data)[0] + 1)
    return max(width, left + columns), max(height, top + rows)


def lean_gif(data: bytes) -> bytes:
    """Return a GIF whose first frame follows its palette, transparency kept, disposal dropped.

    Pillow would fill the frame's area, whatever its size, as soon as it meets a disposal.
    Raises as `gif_canvas`.
    """
    frame, control = _first_frame(data)
    kept = data[control : control + 8] if control else b""
    if kept:
        kept = kept[:3] + bytes([kept[3] & 1]) + kept[4:7] + b"\0"
    return data[: _palette_end(data)] + kept + data[frame:]


def _first_frame(data: bytes) -> tuple[int, int]:
    """Return where the first frame's descriptor lies and the control before it, 0 for none.

    Source: GIF89a specification, sections 18 to 26.
    """
    at, control = _palette_end(data), 0
    for _ in range(MOST_PARTS):
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
    raise ValueError("no frame in it")


def _palette_end(data: bytes) -> int:
    flags = data[10]
    return 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)


def lean_png(data: bytes) -> bytes:
    """Return a PNG with nothing but its pixels, transparency and EXIF data.

    Pillow warns of broken animation chunks, and one broken text chunk would cost the image.

    Raises:
        ValueError: There are more chunks than in any sensible file, or it is none but for its name.

    Source: PNG specification (third edition), sections 5.3 and 5.6.
    """
    if data[12:16] == b"CgBI":
        raise ValueError("rewritten by Xcode for iOS; take the original, or undo it by pngcrush")
    kept, at = [data[:8]], 8
    for _ in range(MOST_PARTS):
        if at + 8 > len(data):
            return b"".join([*kept, data[at:]])
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in KEPT_CHUNKS:
            kept.append(data[at : at + 12 + length])
        at += 12 + length
    raise ValueError(f"more than {MOST_PARTS:,} chunks")


def lean_jpeg(data: bytes) -> bytes:
    """Return a JPEG without comments and applications' segments but JFIF, EXIF and Adobe's.

    Pillow parses them all, and warns of broken ones.

    Raises:
        ValueError: There are more segments than in any sensible file.
        struct.error: The file ends before the pixels.

    Source: ITU-T T.81, annex B.1.1.
    """
    kept, at = [data[:2]], 2
    for _ in range(MOST_PARTS):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker < 0xFF01 or marker == 0xFFFF:
            at += 1  # padding
        elif marker == START_OF_SCAN:
            return b"".join([*kept, data[at:]])
        else:
            if marker not in DROPPED_SEGMENTS:
                kept.append(data[at : at + 2 + length])
            at += 2 + length
    raise ValueError(f"more than {MOST_PARTS:,} segments")
