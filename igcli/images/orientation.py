"""The orientation that a camera writes into an image file."""

import struct
from collections.abc import Callable

import numpy as np

from igcli.images.metadata import Metadata, orientation_in
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
ORIENTATION = 0x0112
NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f"}
"""Types of values that stand in their entries; the standard asks for the second."""

PAIRS = {5: "II", 10: "ii"}
"""Types of fractions, which lie elsewhere, as those of 12, double precision, do."""


def upright(pixels: Pixels, metadata: Metadata) -> Pixels:
    """Turn an image as its EXIF data say, else its XMP; unreadable data turn nothing.

    Args:
        pixels: RGB, uint8 (H, W, 3).
        metadata: Of its file.

    Returns:
        RGB, uint8 (H, W, 3) or (W, H, 3), contiguous.
    """
    exif = metadata.exif
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    try:
        found = _orientation(exif)
    except struct.error:
        found = None
    turn = TURNS.get(orientation_in(metadata.xmp) if found is None else found)
    return np.ascontiguousarray(turn(pixels) if turn else pixels)


def _orientation(exif: bytes) -> int | None:
    """Return the value of the tag in the first directory, None without one.

    Source: CIPA DC-008-2012 (Exif 2.3), sections 4.5.2 and 4.6.4.
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (entries,) = struct.unpack_from(order + "H", exif, start)
    for entry in range(entries):
        at = start + 2 + 12 * entry
        tag, kind, count, place = struct.unpack_from(order + "HHII", exif, at)
        if tag == ORIENTATION:
            value = _value(exif, order, kind, at + 8 if kind in NUMBERS else place)
            return int(value) if count and value.is_integer() else 1
    return None


def _value(exif: bytes, order: str, kind: int, at: int) -> float:
    """Return a number of any type, 1 for what is none."""
    if kind in NUMBERS:
        (value,) = struct.unpack_from(order + NUMBERS[kind], exif, at)
        return float(value)
    if kind in PAIRS:
        above, below = struct.unpack_from(order + PAIRS[kind], exif, at)
        return above / below if below else 1.0
    if kind == 12:
        (value,) = struct.unpack_from(order + "d", exif, at)
        return float(value)
    return 1.0
