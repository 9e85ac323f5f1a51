"""Frames as the bytes of an animated WebP: about half of the GIF, no frame merged.

Pillow compresses each frame; the container around them is written here, because the library
beneath merges neighbouring frames that are equal.
Source: WebP Container Specification, https://developers.google.com/speed/webp/docs/riff_container
"""

import struct
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise

import numpy as np
from PIL import Image

from igcli.records import Pixels

QUALITY = 75
_ANIMATED = 0x02
_NOT_BLENDED = 0x02
_STILL_HEADER = 12


def encode_webp(frames: Sequence[Pixels], *, frame_ms: int, loop: int) -> bytes:
    """Return an animated WebP of `frames`, uint8 (H, W, 3), at least one and all of one size.

    Each frame stands for `frame_ms` milliseconds; the animation is repeated `loop` times, for
    ever where it is 0.
    """
    height, width = frames[0].shape[:2]
    canvas = struct.pack("<B3x", _ANIMATED) + _three(width - 1) + _three(height - 1)
    chunks = [
        _chunk(b"VP8X", canvas),
        _chunk(b"ANIM", struct.pack("<4sH", b"\xff\xff\xff\xff", loop)),
        _frame(frames[0], (0, 0), frame_ms),
        *(_frame_difference(before, frame, frame_ms) for before, frame in pairwise(frames)),
    ]
    content = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _frame_difference(before: Pixels, frame: Pixels, frame_ms: int) -> bytes:
    """Return the rectangle of `frame` that differs from `before`, from even coordinates on."""
    changed = (frame != before).any(axis=2)
    rows = np.flatnonzero(changed.any(axis=1))
    columns = np.flatnonzero(changed.any(axis=0))
    top, bottom = (int(rows[0]) & ~1, int(rows[-1])) if len(rows) else (0, 0)
    left, right = (int(columns[0]) & ~1, int(columns[-1])) if len(columns) else (0, 0)
    return _frame(frame[top : bottom + 1, left : right + 1], (left, top), frame_ms)


def _frame(part: Pixels, offset: tuple[int, int], frame_ms: int) -> bytes:
    still = BytesIO()
    Image.fromarray(np.ascontiguousarray(part)).save(still, "WEBP", quality=QUALITY, method=0)
    sizes = (offset[0] // 2, offset[1] // 2, part.shape[1] - 1, part.shape[0] - 1, frame_ms)
    header = b"".join(map(_three, sizes)) + bytes([_NOT_BLENDED])
    return _chunk(b"ANMF", header + still.getvalue()[_STILL_HEADER:])


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
