"""Pictures as the bytes of files: still JPEG and PNG, animated GIF and WebP.

Pillow compresses the pixels of animations; the blocks around them are written here. Pillow itself
merges neighbouring frames that are equal, and looks for a palette for each frame of a GIF, where
here all frames share one, without dithering.

Sources: GIF89a specification (CompuServe 1990) with Netscape's looping extension; WebP container
specification (RFC 9649).
"""

import math
import struct
from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from igcli.records import Pixels

Bins = npt.NDArray[np.uint16]

COLOURS = (128, 48, 32)
"""Sizes of a GIF's palette, tried until the file is small enough; the last is used regardless."""

WEBP_QUALITY = 75

SAMPLED_FRAMES = 8
"""Every which frame is encoded to tell whether the file will be small enough."""

COUNTED_FRAMES = 16
"""Maximum number of frames whose colours are counted for the palette, evenly spaced."""

_BITS = 5
_MAX_LEVEL = (1 << _BITS) - 1
_LAST_BITS = 1 << 2 * _BITS | 1 << _BITS | 1
"""The last bit of each channel of a bin."""

_BLOCK = 64
"""Colours compared with the palette at a time."""

_TRANSPARENT = 255
_CODE_BITS = 8
_WEBP_ANIMATED = 0x02
_WEBP_NOT_BLENDED = 0x02
_WEBP_STILL_HEADER = 12


def encode_image(picture: Pixels, *, format: Literal["jpg", "png"], quality: int) -> bytes:  # noqa: A002
    """Return `picture`, uint8 (H, W, 3), as a JPEG or PNG file.

    JPEGs keep the full colour resolution: halved, the marks of single pixels would smear.
    """
    file = BytesIO()
    if format == "jpg":
        Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:4:4")
    else:
        Image.fromarray(picture).save(file, "PNG", compress_level=4)
    return file.getvalue()


def encode_gif(
    frames: Iterable[Pixels], *, frame_ms: int, loop: int, max_bytes: float = math.inf
) -> bytes:
    """Return an animated GIF.

    Args:
        frames: uint8 (H, W, 3), one or more of one size.
        frame_ms: Time of each frame in milliseconds, in steps of ten.
        loop: Repetitions; 0 is endless.
        max_bytes: Size above which the palette is made smaller, as far as `COLOURS` goes.
    """
    binned = [_bins(frame) for frame in frames]
    left, top, right, bottom = _moving(binned)
    moved = [bins[top : bottom + 1, left : right + 1] for bins in binned]
    counts = _counts([binned[0], *moved[1 :: 1 + len(moved) // COUNTED_FRAMES]])
    for colours in COLOURS:
        palette, nearest = _palette(counts, colours)
        pairs = list(pairwise(nearest.take(bins) for bins in moved))
        still = _gif_block(nearest[binned[0]], (0, 0), frame_ms)
        sampled = {
            number: _gif_change(*pairs[number], (left, top), frame_ms)
            for number in range(0, len(pairs), SAMPLED_FRAMES)
        }
        expected = sum(map(len, sampled.values())) * len(pairs) / max(1, len(sampled))
        if len(still) + expected <= max_bytes:
            break
    changes = (
        sampled.get(number) or _gif_change(*pair, (left, top), frame_ms)
        for number, pair in enumerate(pairs)
    )
    return b"".join([_gif_header(binned[0].shape, palette, loop), still, *changes, b";"])


def _bins(frame: Pixels) -> Bins:
    """Return the number of each pixel's colour, rounded to five bits a channel, (H, W)."""
    # 249 / 2048 is 31 / 255 for all 8-bit values, once rounded.
    levels: Bins = frame * np.uint16(249)
    levels += 1014
    levels >>= 11
    bins = levels[..., 0] << np.uint16(_BITS)
    bins |= levels[..., 1]
    bins <<= _BITS
    bins |= levels[..., 2]
    return bins


def _moving(binned: Sequence[Bins]) -> tuple[int, int, int, int]:
    """Return the bounds of all that differs from the first frame."""
    differs = np.zeros(binned[0].shape, np.bool_)
    for bins in binned[1:]:
        differs |= bins != binned[0]
    return _bounds(differs)


def _counts(binned: Sequence[Bins]) -> npt.NDArray[np.int64]:
    """Return how often each bin is used."""
    counts = np.zeros(1 << 3 * _BITS, np.int64)
    for bins in binned:
        counts += np.bincount(bins.ravel(), minlength=len(counts))
    return counts


def _palette(counts: npt.NDArray[np.int64], colours: int) -> tuple[Pixels, Pixels]:
    """Return the palette (256, 3) and, for each bin, the index of its nearest colour.

    Black and white, for the text, come before the `colours` of the frames. Bins count by the square
    root of their frequency, so that rare bright marks get colours too.
    """
    used = np.flatnonzero(counts)
    rgb = _rgb(used)
    weighted = np.repeat(rgb, np.ceil(np.sqrt(counts[used])).astype(int), axis=0)
    quantized = Image.fromarray(weighted[np.newaxis]).quantize(colours, Image.Quantize.MEDIANCUT)
    picked = np.array(quantized.getpalette("RGB"), np.uint8).reshape(-1, 3)[:colours]
    palette = np.concatenate([np.array([[0] * 3, [255] * 3], np.uint8), picked])
    # Bins of frames that were not counted share the colour of bins around them.
    bins = np.arange(len(counts))
    coarse = bins & ~_LAST_BITS
    nearest = np.zeros(len(counts), np.uint8)
    nearest[bins == coarse] = _nearest(_rgb(bins[bins == coarse]), palette)
    nearest = nearest[coarse]
    nearest[used] = _nearest(rgb, palette)
    return np.pad(palette, ((0, 256 - len(palette)), (0, 0))), nearest


def _rgb(bins: npt.NDArray[np.intp]) -> Pixels:
    """Return the colours of bins, (N, 3)."""
    channels = (bins >> 2 * _BITS, (bins >> _BITS) & _MAX_LEVEL, bins & _MAX_LEVEL)
    rgb: Pixels = np.rint(np.stack(channels, axis=-1) * (255 / _MAX_LEVEL)).astype(np.uint8)
    return rgb


def _nearest(colours: Pixels, palette: Pixels) -> npt.NDArray[np.intp]:
    """Return the index of the palette's nearest colour to each colour, (N, 3)."""
    # Not one matrix product: BLAS would use all cores, which then wait busily and hold up the
    # network.
    nearest = np.empty(len(colours), np.intp)
    rows, columns = colours.astype(np.float32), palette.T.astype(np.float32)
    lengths = (columns**2).sum(axis=0)
    for start in range(0, len(colours), _BLOCK):
        part = slice(start, start + _BLOCK)
        nearest[part] = (lengths - 2 * rows[part] @ columns).argmin(axis=1)
    return nearest


def _gif_header(shape: tuple[int, ...], palette: Pixels, loop: int) -> bytes:
    screen = struct.pack("<6sHHBBB", b"GIF89a", shape[1], shape[0], 0xF7, 0, 0)
    repeat = b"!\xff\x0bNETSCAPE2.0" + struct.pack("<BBHB", 3, 1, loop, 0)
    return screen + palette.tobytes() + repeat


def _gif_change(previous: Pixels, frame: Pixels, corner: tuple[int, int], frame_ms: int) -> bytes:
    """Return the changed rectangle of `frame`, transparent where it is as in `previous`."""
    same = frame == previous
    left, top, right, bottom = _bounds(~same)
    # As a byte, minus one is `_TRANSPARENT`.
    rectangle = (frame | -same.view(np.uint8))[top : bottom + 1, left : right + 1]
    return _gif_block(rectangle, (corner[0] + left, corner[1] + top), frame_ms)


def _gif_block(indexed: Pixels, offset: tuple[int, int], frame_ms: int) -> bytes:
    """Return a frame with its time, transparent in some pixels, that stays until the next."""
    height, width = indexed.shape
    control = struct.pack("<3sBHBB", b"!\xf9\x04", 0b101, frame_ms // 10, _TRANSPARENT, 0)
    place = struct.pack("<cHHHHBB", b",", *offset, width, height, 0, _CODE_BITS)
    return control + place + Image.fromarray(indexed).tobytes("gif", "L") + b"\0"


def _bounds(changed: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the changes, inclusive; one pixel if there are none."""
    rows = np.flatnonzero(changed.any(axis=1))
    columns = np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def encode_webp(frames: Iterable[Pixels], *, frame_ms: int, loop: int) -> bytes:
    """Return an animated WebP; arguments as in `encode_gif`, with a time in full milliseconds."""
    frames = list(frames)
    height, width = frames[0].shape[:2]
    canvas = struct.pack("<B3x", _WEBP_ANIMATED) + _uint24(width - 1) + _uint24(height - 1)
    chunks = [
        _webp_chunk(b"VP8X", canvas),
        _webp_chunk(b"ANIM", struct.pack("<4sH", b"\xff\xff\xff\xff", loop)),
        _webp_frame(frames[0], (0, 0), frame_ms),
        *(_webp_change(previous, frame, frame_ms) for previous, frame in pairwise(frames)),
    ]
    content = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _webp_change(previous: Pixels, frame: Pixels, frame_ms: int) -> bytes:
    """Return the changed rectangle of `frame`, from even coordinates on, as the format requires."""
    left, top, right, bottom = _bounds((frame != previous).any(axis=2))
    left, top = left & ~1, top & ~1
    return _webp_frame(frame[top : bottom + 1, left : right + 1], (left, top), frame_ms)


def _webp_frame(rectangle: Pixels, offset: tuple[int, int], frame_ms: int) -> bytes:
    still = BytesIO()
    image = Image.fromarray(np.ascontiguousarray(rectangle))
    image.save(still, "WEBP", quality=WEBP_QUALITY, method=0)
    height, width = rectangle.shape[:2]
    fields = (offset[0] // 2, offset[1] // 2, width - 1, height - 1, frame_ms)
    header = b"".join(map(_uint24, fields)) + bytes([_WEBP_NOT_BLENDED])
    return _webp_chunk(b"ANMF", header + still.getvalue()[_WEBP_STILL_HEADER:])


def _uint24(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _webp_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
