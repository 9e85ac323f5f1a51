"""TrueType fonts made by hand: a filled box for each letter.

Source: OpenType specification 1.9, the tables that FreeType asks for.
"""

import struct
from pathlib import Path

UNITS = 1000


def _glyph(width: int, height: int) -> bytes:
    """Return a box that stands on the baseline."""
    head = struct.pack(">5h", 1, 0, 0, width, height)
    corners = struct.pack(">HH", 3, 0) + bytes([1, 1, 1, 1])
    across = struct.pack(">4h", 0, 0, width, 0)
    up = struct.pack(">4h", 0, height, 0, -height)
    data = head + corners + across + up
    return data + bytes(-len(data) % 4)


def _cmap(letters: str) -> bytes:
    groups = b"".join(
        struct.pack(">III", ord(letter), ord(letter), number)
        for number, letter in enumerate(letters, 1)
    )
    table = struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, len(letters)) + groups
    return struct.pack(">HHHHI", 0, 1, 3, 10, 12) + table


def box_font(letters: str, *, width: int = 900, height: int = 700) -> bytes:
    """Return a font of these letters, each a box `width` units wide of 1000 an em."""
    letters = "".join(sorted(letters))
    count = len(letters) + 1
    missing, box = _glyph(300, 100), _glyph(width - 100, height)
    glyphs = [missing] + [box] * len(letters)
    offsets = [sum(map(len, glyphs[:number])) for number in range(count + 1)]
    tables = {
        b"cmap": _cmap(letters),
        b"glyf": b"".join(glyphs),
        b"head": struct.pack(
            ">IIIIHHQQ4hHHhhh", 1 << 16, 1 << 16, 0, 0x5F0F3CF5, 0, UNITS, 0, 0,
            0, 0, width, height, 0, 8, 2, 1, 0,
        ),
        b"hhea": struct.pack(">I3hH11hH", 1 << 16, 800, -200, 0, width, *[0] * 11, count),
        b"hmtx": b"".join(struct.pack(">Hh", width, 0) for _ in range(count)),
        b"loca": b"".join(struct.pack(">I", offset) for offset in offsets),
        b"maxp": struct.pack(">IH13H", 1 << 16, count, 4, 1, *[0] * 11),
        b"name": struct.pack(">HHH", 0, 0, 6),
        b"post": struct.pack(">IIhhIIIII", 3 << 16, 0, 0, 0, 0, 0, 0, 0, 0),
    }  # fmt: skip
    at = 12 + 16 * len(tables)
    directory, data = struct.pack(">IHHHH", 1 << 16, len(tables), 128, 3, 16), b""
    for name, table in tables.items():
        directory += struct.pack(">4sIII", name, 0, at + len(data), len(table))
        data += table + bytes(-len(table) % 4)
    return directory + data


def write_font(path: Path, letters: str, **options: int) -> Path:
    """Write a font, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(box_font(letters, **options))
    return path
