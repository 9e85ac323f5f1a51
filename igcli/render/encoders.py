"""Pictures as the bytes of files: still JPEG and PNG, animated GIF and WebP.

Pillow compresses the pixels of animations; the blocks around them are written here. Pillow itself
merges neighbouring frames that are equal, and looks for a palette for each frame of a GIF, where
here all frames share one, without dithering.

Sources: GIF89a specification (CompuServe 1990) with Netscape's looping extension; WebP container
specification (RFC 9649).
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
"""Sizes of a GIF's palette, tried until the file is small enough; the last is used regardless."""

WEBP_QUALITY = 75

_BITS = 5
_MAX_LEVEL = (1 << _BITS) - 1
_LEVELS = np.rint(np.arange(256) * (_MAX_LEVEL / 255)).astype(np.uint16)
"""Each 8-bit value rounded to five bits."""

_TRANSPARENT = 255
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
    frames: Sequence[Pixels], *, frame_ms: int, loop: int, max_bytes: float = math.inf
) -> bytes:
    """Return an animated GIF.

    Args:
        frames: uint8 (H, W, 3), one or more of one size.
        frame_ms: Time of each frame in milliseconds, in steps of ten.
        loop: Repetitions; 0 is endless.
        max_bytes: Size above which the palette is made smaller, as far as `COLOURS` goes.
    """
    binned = [_bins(frame) for frame in frames]
    file = b""
    for colours in COLOURS:
        palette, nearest = _palette(binned, colours)
        blocks = _gif_blocks([nearest[bins] for bins in binned], frame_ms)
        file = b"".join([_gif_header(binned[0].shape, palette, loop), *blocks, b";"])
        if len(file) <= max_bytes:
            break
    return file


def _bins(frame: Pixels) -> Bins:
    """Return the number of each pixel's colour, rounded to five bits a channel, (H, W)."""
    red, green, blue = (_LEVELS[frame[..., channel]] for channel in range(3))
    bins: Bins = (red << 2 * _BITS) | (green << _BITS) | blue
    return bins


def _palette(binned: Sequence[Bins], colours: int) -> tuple[Pixels, Pixels]:
    """Return the palette (256, 3) and, for each bin, the index of its nearest colour.

    Black and white, for the text, come before the `colours` of the frames. Bins count by the square
    root of their frequency, so that rare bright marks get colours too.
    """
    counts = np.zeros(1 << 3 * _BITS, np.int64)
    for bins in binned:
        counts += np.bincount(bins.ravel(), minlength=len(counts))
    used = np.flatnonzero(counts)
    channels = (used >> 2 * _BITS, (used >> _BITS) & _MAX_LEVEL, used & _MAX_LEVEL)
    rgb = np.rint(np.stack(channels, axis=-1) * (255 / _MAX_LEVEL)).astype(np.uint8)
    weighted = np.repeat(rgb, np.ceil(np.sqrt(counts[used])).astype(int), axis=0)
    quantized = Image.fromarray(weighted[np.newaxis]).quantize(colours, Image.Quantize.MEDIANCUT)
    picked = np.array(quantized.getpalette("RGB"), np.uint8).reshape(-1, 3)[:colours]
    palette = np.concatenate([np.array([[0] * 3, [255] * 3], np.uint8), picked])
    nearest = np.zeros(len(counts), np.uint8)
    nearest[used] = _nearest(rgb.astype(np.float32), palette.astype(np.float32))
    return np.pad(palette, ((0, 256 - len(palette)), (0, 0))), nearest


def _nearest(colours: Array, palette: Array) -> npt.NDArray[np.intp]:
    distances: Array = (palette**2).sum(axis=1) - 2 * colours @ palette.T
    nearest: npt.NDArray[np.intp] = distances.argmin(axis=1)
    return nearest


def _gif_header(shape: tuple[int, ...], palette: Pixels, loop: int) -> bytes:
    screen = struct.pack("<6sHHBBB", b"GIF89a", shape[1], shape[0], 0xF7, 0, 0)
    repeat = b"!\xff\x0bNETSCAPE2.0" + struct.pack("<BBHB", 3, 1, loop, 0)
    return screen + palette.tobytes() + repeat


def _gif_blocks(indexed: Sequence[Pixels], frame_ms: int) -> list[bytes]:
    """Return a block for each frame, of the part that differs from the previous frame."""
    changes = [_gif_change(previous, frame, frame_ms) for previous, frame in pairwise(indexed)]
    return [_gif_block(indexed[0], (0, 0), frame_ms), *changes]


def _gif_change(previous: Pixels, frame: Pixels, frame_ms: int) -> bytes:
    """Return the changed rectangle of `frame`, transparent where it is as in `previous`."""
    changed = frame != previous
    left, top, right, bottom = _bounds(changed)
    rectangle = np.where(changed, frame, np.uint8(_TRANSPARENT))[top : bottom + 1, left : right + 1]
    return _gif_block(rectangle, (left, top), frame_ms)


def _gif_block(indexed: Pixels, offset: tuple[int, int], frame_ms: int) -> bytes:
    image = Image.fromarray(indexed)
    parts = GifImagePlugin.getdata(
        image, offset, duration=frame_ms, transparency=_TRANSPARENT, disposal=1
    )
    return b"".join(parts)


def _bounds(changed: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the changes, inclusive; one pixel if there are none."""
    rows = np.flatnonzero(changed.any(axis=1))
    columns = np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def encode_webp(frames: Sequence[Pixels], *, frame_ms: int, loop: int) -> bytes:
    """Return an animated WebP; arguments as in `encode_gif`, with a time in full milliseconds."""
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
