"""Frames as the bytes of an animated GIF: one palette, no dithering, no frame merged.

Pillow compresses the pixels; the blocks around them are written here, because Pillow merges
neighbouring frames that are equal and looks for a palette per frame.
"""

import struct
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import GifImagePlugin, Image

from igcli.records import Pixels

COLOURS = 128
_BITS = 5
_LEVELS = (1 << _BITS) - 1
_UNCHANGED = 255
_ROUNDED = np.rint(np.arange(256) * (_LEVELS / 255)).astype(np.uint16)


def encode_gif(frames: Sequence[Pixels], *, frame_ms: int, loop: int) -> bytes:
    """Return an animated GIF of `frames`, uint8 (H, W, 3), all of one size.

    Args:
        frames: At least one.
        frame_ms: Milliseconds a frame stands, in steps of ten.
        loop: Repetitions; 0 is endless.
    """
    binned = [_bins(frame) for frame in frames]
    palette, index = _palette(binned)
    indexed = [index[bins] for bins in binned]
    blocks = [_header(indexed[0], palette, loop), _block(indexed[0], (0, 0), frame_ms)]
    blocks += [_difference(*pair, frame_ms) for pair in pairwise(indexed)]
    return b"".join([*blocks, b";"])


def _bins(frame: Pixels) -> npt.NDArray[np.uint16]:
    """Return the number of each pixel's colour rounded to five bits a channel, (H, W)."""
    red, green, blue = (_ROUNDED[frame[..., channel]] for channel in range(3))
    bins: npt.NDArray[np.uint16] = (red << 2 * _BITS) | (green << _BITS) | blue
    return bins


def _palette(binned: Sequence[npt.NDArray[np.uint16]]) -> tuple[Pixels, Pixels]:
    """Return the colours (256, 3) and, for each bin, the number of its nearest colour.

    Bins count by the square root of their frequency, so that rare bright marks get colours too.
    """
    counts = np.zeros(1 << 3 * _BITS, np.int64)
    for bins in binned:
        counts += np.bincount(bins.ravel(), minlength=len(counts))
    used = np.flatnonzero(counts)
    channels = (used >> 2 * _BITS, (used >> _BITS) & _LEVELS, used & _LEVELS)
    colours = np.rint(np.stack(channels, axis=-1) * (255 / _LEVELS)).astype(np.uint8)
    weighted = np.repeat(colours, np.ceil(np.sqrt(counts[used])).astype(int), axis=0)
    cut = Image.fromarray(weighted[np.newaxis]).quantize(COLOURS, Image.Quantize.MEDIANCUT)
    found = np.array(cut.getpalette("RGB"), np.uint8).reshape(-1, 3)[:COLOURS]
    palette = np.zeros((256, 3), np.uint8)
    palette[1] = 255
    palette[2 : 2 + len(found)] = found
    chosen = palette[: 2 + len(found)].astype(np.float32)
    distances = (chosen**2).sum(axis=1) - 2 * colours.astype(np.float32) @ chosen.T
    index = np.zeros(1 << 3 * _BITS, np.uint8)
    index[used] = distances.argmin(axis=1)
    return palette, index


def _header(first: Pixels, palette: Pixels, loop: int) -> bytes:
    height, width = first.shape
    screen = struct.pack("<6sHHBBB", b"GIF89a", width, height, 0xF7, 0, 0)
    repeat = b"!\xff\x0bNETSCAPE2.0" + struct.pack("<BBHB", 3, 1, loop, 0)
    return screen + palette.tobytes() + repeat


def _difference(before: Pixels, frame: Pixels, frame_ms: int) -> bytes:
    """Return the part of `frame` that differs from `before`, transparent where it does not."""
    changed = frame != before
    rows = np.flatnonzero(changed.any(axis=1))
    columns = np.flatnonzero(changed.any(axis=0))
    top, bottom = (rows[0], rows[-1]) if len(rows) else (0, 0)
    left, right = (columns[0], columns[-1]) if len(columns) else (0, 0)
    part = np.where(changed, frame, np.uint8(_UNCHANGED))[top : bottom + 1, left : right + 1]
    return _block(part, (int(left), int(top)), frame_ms)


def _block(indexed: Pixels, offset: tuple[int, int], frame_ms: int) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(indexed))
    parts = GifImagePlugin.getdata(
        image, offset, duration=frame_ms, transparency=_UNCHANGED, disposal=1
    )
    return b"".join(parts)
