"""Frames as the bytes of an animated GIF: one palette, no dithering, no frame merged.

Pillow compresses the pixels; the blocks around them are written here, because Pillow merges
neighbouring frames that are equal and looks for a palette per frame.
"""

import math
import struct
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import GifImagePlugin, Image

from igcli.records import Array, Pixels

Bins = npt.NDArray[np.uint16]

COLOURS = (128, 48, 32)
"""Sizes of the palette, tried until the file is small enough; the last one is taken as it is."""

_BITS = 5
_LEVELS = (1 << _BITS) - 1
_UNCHANGED = 255
_ROUNDED = np.rint(np.arange(256) * (_LEVELS / 255)).astype(np.uint16)


def encode_gif(
    frames: Sequence[Pixels], *, frame_ms: int, loop: int, most: float = math.inf
) -> bytes:
    """Return an animated GIF of `frames`, uint8 (H, W, 3), at least one and all of one size.

    Each frame stands for `frame_ms` milliseconds, in steps of ten; the animation is repeated
    `loop` times, for ever where it is 0. Colours are given up where it has over `most` bytes.
    """
    binned = [_bins(frame) for frame in frames]
    file = b""
    for colours in COLOURS:
        palette, index = _palette(binned, colours)
        blocks = _blocks([index[bins] for bins in binned], frame_ms)
        file = b"".join([_header(binned[0].shape, palette, loop), *blocks, b";"])
        if len(file) <= most:
            break
    return file


def _bins(frame: Pixels) -> Bins:
    """Return the number of each pixel's colour rounded to five bits a channel, (H, W)."""
    red, green, blue = (_ROUNDED[frame[..., channel]] for channel in range(3))
    bins: Bins = (red << 2 * _BITS) | (green << _BITS) | blue
    return bins


def _palette(binned: Sequence[Bins], colours: int) -> tuple[Pixels, Pixels]:
    """Return the palette (256, 3) and, for each bin, the number of its nearest colour.

    Black and white, for the text, come before the `colours` found. Bins count by the square
    root of their frequency, so that rare bright marks get colours too.
    """
    counts = np.zeros(1 << 3 * _BITS, np.int64)
    for bins in binned:
        counts += np.bincount(bins.ravel(), minlength=len(counts))
    used = np.flatnonzero(counts)
    channels = (used >> 2 * _BITS, (used >> _BITS) & _LEVELS, used & _LEVELS)
    shown = np.rint(np.stack(channels, axis=-1) * (255 / _LEVELS)).astype(np.uint8)
    weighted = np.repeat(shown, np.ceil(np.sqrt(counts[used])).astype(int), axis=0)
    cut = Image.fromarray(weighted[np.newaxis]).quantize(colours, Image.Quantize.MEDIANCUT)
    found = np.array(cut.getpalette("RGB"), np.uint8).reshape(-1, 3)[:colours]
    chosen = np.concatenate([np.array([[0] * 3, [255] * 3], np.uint8), found])
    index = np.zeros(len(counts), np.uint8)
    index[used] = _nearest(shown.astype(np.float32), chosen.astype(np.float32))
    return np.pad(chosen, ((0, 256 - len(chosen)), (0, 0))), index


def _nearest(colours: Array, palette: Array) -> npt.NDArray[np.intp]:
    distances: Array = (palette**2).sum(axis=1) - 2 * colours @ palette.T
    nearest: npt.NDArray[np.intp] = distances.argmin(axis=1)
    return nearest


def _header(shape: tuple[int, ...], palette: Pixels, loop: int) -> bytes:
    screen = struct.pack("<6sHHBBB", b"GIF89a", shape[1], shape[0], 0xF7, 0, 0)
    repeat = b"!\xff\x0bNETSCAPE2.0" + struct.pack("<BBHB", 3, 1, loop, 0)
    return screen + palette.tobytes() + repeat


def _blocks(indexed: Sequence[Pixels], frame_ms: int) -> list[bytes]:
    differences = [_difference(before, frame, frame_ms) for before, frame in pairwise(indexed)]
    return [_block(indexed[0], (0, 0), frame_ms), *differences]


def _difference(before: Pixels, frame: Pixels, frame_ms: int) -> bytes:
    """Return the part of `frame` that differs from `before`, transparent where it does not."""
    changed = frame != before
    rows = np.flatnonzero(changed.any(axis=1))
    columns = np.flatnonzero(changed.any(axis=0))
    top, bottom = (int(rows[0]), int(rows[-1])) if len(rows) else (0, 0)
    left, right = (int(columns[0]), int(columns[-1])) if len(columns) else (0, 0)
    part = np.where(changed, frame, np.uint8(_UNCHANGED))[top : bottom + 1, left : right + 1]
    return _block(part, (left, top), frame_ms)


def _block(indexed: Pixels, offset: tuple[int, int], frame_ms: int) -> bytes:
    image = Image.fromarray(indexed)
    parts = GifImagePlugin.getdata(
        image, offset, duration=frame_ms, transparency=_UNCHANGED, disposal=1
    )
    return b"".join(parts)


def encode_image(picture: Pixels, *, format: Literal["jpg", "png"], quality: int) -> bytes:  # noqa: A002
    """Return `picture`, uint8 (H, W, 3), as a JPEG or PNG file.

    JPEGs keep full colour resolution: halved, the marks of single pixels would smear.
    """
    file = BytesIO()
    if format == "jpg":
        Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:4:4")
    else:
        Image.fromarray(picture).save(file, "PNG", compress_level=4)
    return file.getvalue()


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
