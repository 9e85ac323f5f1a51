"""ICC profiles made by hand.

Source: ICC.1:2010 (profile version 4.3), sections 7 to 10.
"""

import struct

import numpy as np

P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
"""Red, green and blue in XYZ, adapted to D50 as profiles have them."""

_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SRGB_CURVE = b"para" + struct.pack(">IHH5i", 0, 3, 0, *(round(value * 65536) for value in _CURVE))
ADOBE_CURVE = b"curv" + struct.pack(">IIH", 0, 1, 0x0233)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    head = struct.pack(">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", len(encoded), 28)
    return head + encoded


def _profile(space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    white = struct.pack(">3i", 63190, 65536, 54061)
    head = struct.pack(">I4sI4s4s4s", 0, b"none", 0x04300000, b"mntr", space, pcs)
    head += bytes(12) + b"acsp" + bytes(28) + white + bytes(48)
    at = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content = content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", name, at + len(data), len(content))
        data += content
    whole = head + table + data
    return struct.pack(">I", len(whole)) + whole[4:]


def rgb(name: str, primaries: tuple[tuple[float, ...], ...], curve: bytes = SRGB_CURVE) -> bytes:
    """Return a profile of three primaries and one curve."""
    tags = {b"desc": _text(name), b"cprt": _text("none"), b"wtpt": _xyz((0.9642, 1, 0.8249))}
    for letter, colour in zip(b"rgb", primaries, strict=True):
        tags[bytes([letter]) + b"XYZ"] = _xyz(colour)
        tags[bytes([letter]) + b"TRC"] = curve
    return _profile(b"RGB ", b"XYZ ", tags)


def grey(name: str, gamma: float) -> bytes:
    """Return a profile of one gamma."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))
    tags = {b"desc": _text(name), b"cprt": _text("none"), b"wtpt": _xyz((0.9642, 1, 0.8249))}
    return _profile(b"GRAY", b"XYZ ", {**tags, b"kTRC": curve})


def cmyk(name: str) -> bytes:
    """Return a profile whose inks are grey: each takes a share of the lightness, black all."""
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0])
    lut += struct.pack(">9i", *(65536 * (n % 4 == 0) for n in range(9)))
    identity = bytes(range(256))
    corners = b""
    for number in range(16):  # The first ink changes slowest.
        c, m, y, k = (number >> shift & 1 for shift in (3, 2, 1, 0))
        lightness = 0 if k else 255 * (10 - c - 2 * m - 3 * y) / 10
        corners += bytes([round(lightness), 128, 128])
    lut += identity * 4 + corners + identity * 3
    tags = {b"desc": _text(name), b"cprt": _text("none"), b"wtpt": _xyz((0.9642, 1, 0.8249))}
    return _profile(b"CMYK", b"Lab ", {**tags, b"A2B0": lut})


def srgb_of(
    colours: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]",
    primaries: tuple[tuple[float, ...], ...],
    gamma: float | None = None,
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """Return colours (..., 3) of other primaries in sRGB, 0...255, by the formulas."""
    values = colours / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = values**gamma if gamma else linear
    there = linear @ np.array(primaries) @ np.linalg.inv(np.array(SRGB))
    there = np.clip(there, 0, 1)
    encoded = np.where(there <= 0.0031308, 12.92 * there, 1.055 * there ** (1 / 2.4) - 0.055)
    return np.asarray(255 * encoded)
