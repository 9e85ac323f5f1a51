"""The first page of a TIFF file: what is in it, and the file without anything else.

Pillow and libtiff read every tag and page of a file as they find it, however large, and warn of
what is odd; they are given a directory with the tags alone that pixels need, each looked at here.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Of files in either order of bytes, the last two with offsets of 64 bits (BigTIFF)."""

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION = 256, 257, 258, 259, 262, 274
STRIPS, SAMPLES, ROWS, STRIP_SIZES, PLANAR = 273, 277, 278, 279, 284
COLOURS = 320
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, FORMAT, XMP, ICC = 322, 323, 324, 325, 339, 700, 34675

SINGLE = frozenset({WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, 266, SAMPLES, ROWS, PLANAR, 317})
SINGLE |= {TILE_WIDTH, TILE_HEIGHT, 292, 293, ORIENTATION}
"""Tags of one value."""

FOR_PIXELS = (SINGLE - {ORIENTATION}) | {BITS, STRIPS, STRIP_SIZES, TILES, TILE_SIZES, FORMAT}
FOR_PIXELS |= {COLOURS, 338, 347, *range(512, 522), 529, 530, 531, 532}
"""Tags without which there are no pixels: colours, extra samples, tables of JPEG."""

# fmt: off
KINDS = {
    1: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 13: "u4", 16: "u8", 17: "i8",
    18: "u8",
}
# fmt: on
SIZES = {2: 1, 5: 8, 10: 8, 11: 4, 12: 8} | {kind: int(code[1]) for kind, code in KINDS.items()}
MOST_ENTRIES = 4096
MOST_SAMPLES = 6
"""Of a pixel, that Pillow reads; of more it logs an error."""

MOST_BYTES = 1 << 24
"""Of a tag: offsets of four million strips."""

FLOAT, NUMBERS = 3, {1: "u", 2: "i", 3: "f"}


@dataclass(frozen=True, slots=True)
class TiffEntry:
    """One tag.

    Attributes:
        raw: Its entry in the directory.
        kind: Type of its values.
        count: How many there are.
        place: Where they lie in the file.
    """

    raw: bytes
    kind: int
    count: int
    place: int

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return self.count * SIZES[self.kind]


class TiffPage:
    """The first page.

    Attributes:
        order: Of bytes, as `struct` has it.
        is_big: Whether offsets have 64 bits.
        tags: Its entries, by tag.
    """

    def __init__(self, data: bytes) -> None:
        """Read the directory.

        Raises:
            struct.error, ValueError: The file ends before, or there is none.
        """
        self.order = "<" if data[:2] == b"II" else ">"
        self.is_big = data[:4] in STARTS[2:]
        self._data = data
        start = self._unpacked("Q" if self.is_big else "I", 8 if self.is_big else 4)
        count = self._unpacked("Q" if self.is_big else "H", start)
        if count > MOST_ENTRIES:
            raise ValueError(f"{count:,} tags")
        first = start + (8 if self.is_big else 2)
        self.tags = dict(self._entries(first, count))

    def _entries(self, first: int, count: int) -> Iterator[tuple[int, TiffEntry]]:
        form, size = (f"{self.order}HHQ", 20) if self.is_big else (f"{self.order}HHI", 12)
        inline = 8 if self.is_big else 4
        if first + count * size > len(self._data):
            raise ValueError("its directory lies beyond the end")
        for at in range(first, first + count * size, size):
            tag, kind, number = struct.unpack_from(form, self._data, at)
            if kind not in SIZES:
                continue
            value = at + size - inline
            fits = number * SIZES[kind] <= inline
            place = value if fits else self._unpacked("Q" if self.is_big else "I", value)
            yield tag, TiffEntry(self._data[at : at + size], kind, number, place)

    def _unpacked(self, form: str, at: int) -> int:
        (value,) = struct.unpack_from(self.order + form, self._data, at)
        return int(value)

    def values(self, tag: int) -> npt.NDArray[Any]:
        """Return the values of a tag, none where it is missing or no whole numbers.

        Raises:
            ValueError: They are too many, or lie beyond the end.
        """
        entry = self.tags.get(tag)
        if entry is None or entry.kind not in KINDS:
            return np.empty(0, np.int64)
        self._check(entry)
        form = np.dtype(f"{self.order}{KINDS[entry.kind]}")
        return np.frombuffer(self._data, form, entry.count, entry.place)

    def bytes_of(self, tag: int) -> bytes:
        """Return the bytes of a tag, none where it is missing, too large or beyond the end."""
        entry = self.tags.get(tag)
        if entry is None or entry.size > MOST_BYTES:
            return b""
        return self._data[entry.place : entry.place + entry.size]

    def value(self, tag: int, default: int) -> int:
        """Return the first value of a tag."""
        values = self.values(tag)
        return int(values[0]) if len(values) else default

    def _check(self, entry: TiffEntry) -> None:
        if entry.size > MOST_BYTES:
            raise ValueError(f"a tag of {entry.size:,} bytes")
        if entry.place + entry.size > len(self._data):
            raise ValueError("a tag lies beyond the end")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height; those of its tiles where they are larger."""
        width, height = self.value(WIDTH, 0), self.value(HEIGHT, 0)
        tile = self.value(TILE_WIDTH, 0), self.value(TILE_HEIGHT, 0)
        return tile if tile[0] * tile[1] > max(width * height, 1 << 22) else (width, height)

    @property
    def parts(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Where the strips or tiles begin, and their bytes."""
        tags = (TILES, TILE_SIZES) if TILES in self.tags else (STRIPS, STRIP_SIZES)
        return self.values(tags[0]), self.values(tags[1])

    @property
    def number_of_parts(self) -> int:
        """How many strips or tiles there should be."""
        width, height = self.value(WIDTH, 0), self.value(HEIGHT, 0)
        planes = self.value(SAMPLES, 1) if self.value(PLANAR, 1) == 2 else 1
        if TILES in self.tags:
            columns = math.ceil(width / max(1, self.value(TILE_WIDTH, width)))
            return columns * math.ceil(height / max(1, self.value(TILE_HEIGHT, height))) * planes
        return math.ceil(height / max(1, self.value(ROWS, height))) * planes

    def lean(self) -> bytes:
        """Return the file with a directory of what the pixels need, and no further page.

        Raises:
            ValueError: Something in it is broken.
        """
        kept = {tag: entry for tag, entry in self.tags.items() if tag in FOR_PIXELS}
        for tag, entry in kept.items():
            self._check(entry)
            if tag in SINGLE and entry.count != 1:
                raise ValueError(f"tag {tag} has {entry.count:,} values")
        if sum(entry.size for entry in kept.values()) > len(self._data):
            raise ValueError("its tags are larger than the file")
        if self.value(SAMPLES, 1) > MOST_SAMPLES:
            raise ValueError("unknown pixel mode")
        found, wanted = len(self.parts[0]), self.number_of_parts
        if found > wanted:
            raise ValueError(f"{found:,} strips or tiles, and {wanted:,} would do")
        raw = {tag: entry.raw for tag, entry in kept.items()}
        if self.is_inverted:
            raw[PHOTOMETRIC] = self._black_is_zero()
        data = self._data + bytes(-len(self._data) % 8)
        count, offset, head = ("Q", "Q", data[:8]) if self.is_big else ("H", "I", data[:4])
        head += struct.pack(self.order + offset, len(data))
        directory = struct.pack(self.order + count, len(raw))
        directory += b"".join(raw[tag] for tag in sorted(raw)) + bytes(struct.calcsize(offset))
        return head + data[len(head) :] + directory

    def palette(self) -> list[int] | None:
        """Return a palette of 8 bits, where it stands as it is in the 16 bits that there are.

        Pillow takes the upper halves of its numbers, and every colour would be black.
        """
        colours = self.values(COLOURS)
        if not len(colours) or colours.max() > 255 or not colours.any():
            return None
        return [int(each) for each in colours.reshape(3, -1).T.reshape(-1)]

    def _black_is_zero(self) -> bytes:
        form = "HHQHHI" if self.is_big else "HHIHH"
        return struct.pack(f"{self.order}{form}", PHOTOMETRIC, 3, 1, 1, *([0] * (len(form) - 4)))

    @property
    def is_inverted(self) -> bool:
        """Whether white is zero in numbers that Pillow leaves as they are."""
        return self.depth > 8 and self.value(PHOTOMETRIC, 0) == 0

    @property
    def is_whole(self) -> bool:
        """Whether all strips or tiles, and all tags that they need, are there."""
        needed = (entry for tag, entry in self.tags.items() if tag in FOR_PIXELS)
        if any(entry.place + entry.size > len(self._data) for entry in needed):
            return False
        starts, sizes = self.parts
        if not len(starts) or len(starts) < self.number_of_parts:
            return False
        sizes = sizes.astype(np.int64) if len(sizes) == len(starts) else np.zeros_like(starts)
        if self.value(COMPRESSION, 1) == 1:
            sizes = np.minimum(sizes, self._plain_sizes(len(starts)))  # Some writers count wrongly.
        return int((starts.astype(np.int64) + sizes).max()) <= len(self._data)

    def _plain_sizes(self, count: int) -> npt.NDArray[np.int64]:
        """Return the bytes of strips or tiles that are not compressed."""
        samples = 1 if self.value(PLANAR, 1) == 2 else self.value(SAMPLES, 1)
        width, height = self.value(WIDTH, 0), self.value(HEIGHT, 0)
        if TILES in self.tags:
            width, rows = self.value(TILE_WIDTH, 0), np.full(count, self.value(TILE_HEIGHT, 0))
        else:
            most = min(self.value(ROWS, height), height)
            rows = np.full(count, most)
            planes = self.value(SAMPLES, 1) if self.value(PLANAR, 1) == 2 else 1
            each = max(1, count // planes)
            rows[each - 1 :: each] = height - most * (each - 1)
        sizes: npt.NDArray[np.int64] = rows * math.ceil(width * self.depth * samples / 8)
        return sizes

    @property
    def depth(self) -> int:
        """Bits of the first sample of a pixel."""
        return self.value(BITS, 1)

    @property
    def kind(self) -> str:
        """What its pixels are: "3 x 32-bit float"."""
        names = {1: "integer", 2: "signed integer", FLOAT: "float"}
        name = names.get(self.value(FORMAT, 1), "other")
        samples = self.value(SAMPLES, 1)
        return f"{f'{samples} x ' if samples > 1 else ''}{self.depth}-bit {name}"

    def range(self) -> tuple[float, float] | None:
        """Return the least and the largest value of pixels that are not compressed."""
        letter = NUMBERS.get(self.value(FORMAT, 1))
        if self.value(COMPRESSION, 1) != 1 or letter is None or self.depth not in (8, 16, 32, 64):
            return None
        form = np.dtype(f"{self.order}{letter}{self.depth // 8}")
        found = []
        for start, size in zip(*self.parts, strict=False):
            part = self._data[int(start) : int(start) + int(size)]
            values = np.frombuffer(part[: len(part) // form.itemsize * form.itemsize], form)
            found += [values[np.isfinite(values)]]
        ends = [(float(each.min()), float(each.max())) for each in found if len(each)]
        return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None
