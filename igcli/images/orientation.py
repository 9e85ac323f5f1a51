"""The orientation that a camera writes into an image file."""

import struct
from collections.abc import Callable

import numpy as np

from igcli.records import Pixels

TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels.transpose(1, 0, 2)[:, ::-1],
    7: lambda pixels: pixels.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda pixels: pixels.transpose(1, 0, 2)[::-1],
}
ORIENTATION, SHORT = 0x0112, 3


def upright(pixels: Pixels, exif: bytes) -> Pixels:
    """Turn an image as its EXIF data say; unreadable data turn nothing.

    Args:
        pixels: RGB, uint8 (H, W, 3).
        exif: As in the file, with or without the leading "Exif".

    Returns:
        RGB, uint8 (H, W, 3) or (W, H, 3), contiguous.
    """
    try:
        turn = TURNS.get(_orientation(exif.removeprefix(b"Exif\0\0")))
    except struct.error:
        turn = None
    return np.ascontiguousarray(turn(pixels) if turn else pixels)


def _orientation(exif: bytes) -> int:
    """Return the value of the tag in the first directory; 1, which is upright, without one.

    Source: CIPA DC-008-2012 (Exif 2.3), sections 4.5.2 and 4.6.4.
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (entries,) = struct.unpack_from(order + "H", exif, start)
    for entry in range(entries):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, start + 2 + 12 * entry)
        if tag == ORIENTATION:
            return int(value) if kind == SHORT else 1
    return 1
