"""The first page of a TIFF file: its tags, and the file without anything else.

Pillow and libtiff read all tags and pages of a file, however large, and warn of odd ones. They are
given a directory with only the tags that the pixels need, each of them checked here.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Signatures for both byte orders; the last two are of BigTIFF, with 64-bit offsets."""

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION = 256, 257, 258, 259, 262, 274
STRIPS, SAMPLES, ROWS, STRIP_SIZES, PLANAR = 273, 277, 278, 279, 284
COLOURS = 320
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, FORMAT, XMP, ICC = 322, 323, 324, 325, 339, 700, 34675

SINGLE = frozenset({WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, 266, SAMPLES, ROWS, PLANAR, 317})
SINGLE |= {TILE_WIDTH, TILE_HEIGHT, 292, 293, ORIENTATION}
"""Tags with a single value."""

PIXEL_TAGS = (SINGLE - {ORIENTATION}) | {BITS, STRIPS, STRIP_SIZES, TILES, TILE_SIZES, FORMAT}
PIXEL_TAGS |= {COLOURS, 338, 347, *range(512, 522), 529, 530, 531, 532}
"""Tags needed for decoding, including colours, extra samples and JPEG tables."""

# fmt: off
KINDS = {
    1: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 13: "u4", 16: "u8", 17: "i8",
    18: "u8",
}
# fmt: on
SIZES = {2: 1, 5: 8, 10: 8, 11: 4, 12: 8} | {kind: int(code[1]) for kind, code in KINDS.items()}
MAX_ENTRIES = 4096
MAX_SAMPLES = 6
"""Maximum number of samples per pixel; Pillow logs an error for more."""

MAX_TAG_BYTES = 1 << 24
"""Maximum size of a tag: the offsets of four million strips."""

FLOAT, NUMBERS = 3, {1: "u", 2: "i", 3: "f"}


@dataclass(frozen=True, slots=True)
class TiffEntry:
    """One tag.

    Attributes:
        raw: Bytes of its entry in the directory.
        kind: Type of its values.
        count: Number of its values.
        offset: Position of the values in the file.
    """

    raw: bytes
    kind: int
    count: int
    offset: int

    @property
    def size(self) -> int:
        """Number of bytes of the values."""
        return self.count * SIZES[self.kind]


class TiffPage:
    """The first page of a TIFF file.

    Attributes:
        order: Byte order, as in `struct`.
        is_big: Whether offsets have 64 bits.
        tags: Entries by tag.
    """

    def __init__(self, data: bytes) -> None:
        """Read the directory.

        Raises:
            struct.error, ValueError: The directory is missing or cut off.
        """
        self.order = "<" if data[:2] == b"II" else ">"
        self.is_big = data[:4] in STARTS[2:]
        self._data = data
        start = self._unpacked("Q" if self.is_big else "I", 8 if self.is_big else 4)
        count = self._unpacked("Q" if self.is_big else "H", start)
        if count > MAX_ENTRIES:
            raise ValueError(f"{count:,} tags")
        first = start + (8 if self.is_big else 2)
        self.tags = dict(self._entries(first, count))

    def _entries(self, first: int, count: int) -> Iterator[tuple[int, TiffEntry]]:
        form, size = (f"{self.order}HHQ", 20) if self.is_big else (f"{self.order}HHI", 12)
        inline = 8 if self.is_big else 4
        if first + count * size > len(self._data):
            raise ValueError("its directory lies beyond the end of the file")
        for at in range(first, first + count * size, size):
            tag, kind, number = struct.unpack_from(form, self._data, at)
            if kind not in SIZES:
                continue
            value = at + size - inline
            fits = number * SIZES[kind] <= inline
            offset = value if fits else self._unpacked("Q" if self.is_big else "I", value)
            yield tag, TiffEntry(self._data[at : at + size], kind, number, offset)

    def _unpacked(self, form: str, at: int) -> int:
        (value,) = struct.unpack_from(self.order + form, self._data, at)
        return int(value)

    def values(self, tag: int) -> npt.NDArray[Any]:
        """Return the values of a tag, none if it is missing or holds no whole numbers.

        Raises:
            ValueError: The values are too many or lie beyond the end of the file.
        """
        entry = self.tags.get(tag)
        if entry is None or entry.kind not in KINDS:
            return np.empty(0, np.int64)
        self._check(entry)
        form = np.dtype(f"{self.order}{KINDS[entry.kind]}")
        return np.frombuffer(self._data, form, entry.count, entry.offset)

    def bytes_of(self, tag: int) -> bytes:
        """Return the bytes of a tag, none if it is missing, too large or beyond the end."""
        entry = self.tags.get(tag)
        if entry is None or entry.size > MAX_TAG_BYTES:
            return b""
        return self._data[entry.offset : entry.offset + entry.size]

    def value(self, tag: int, default: int) -> int:
        """Return the first value of a tag, or a default."""
        values = self.values(tag)
        return int(values[0]) if len(values) else default

    def _check(self, entry: TiffEntry) -> None:
        if entry.size > MAX_TAG_BYTES:
            raise ValueError(f"a tag of {entry.size:,} bytes")
        if entry.offset + entry.size > len(self._data):
            raise ValueError("a tag lies beyond the end of the file")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image, or of its tiles if they are larger."""
        width, height = self.value(WIDTH, 0), self.value(HEIGHT, 0)
        tile = self.value(TILE_WIDTH, 0), self.value(TILE_HEIGHT, 0)
        return tile if tile[0] * tile[1] > max(width * height, 1 << 22) else (width, height)

    @property
    def parts(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Offsets and byte counts of the strips or tiles."""
        tags = (TILES, TILE_SIZES) if TILES in self.tags else (STRIPS, STRIP_SIZES)
        return self.values(tags[0]), self.values(tags[1])

    @property
    def number_of_parts(self) -> int:
        """Number of strips or tiles that the size requires."""
        width, height = self.value(WIDTH, 0), self.value(HEIGHT, 0)
        planes = self.value(SAMPLES, 1) if self.value(PLANAR, 1) == 2 else 1
        if TILES in self.tags:
            columns = math.ceil(width / max(1, self.value(TILE_WIDTH, width)))
            return columns * math.ceil(height / max(1, self.value(TILE_HEIGHT, height))) * planes
        return math.ceil(height / max(1, self.value(ROWS, height))) * planes

    def stripped(self) -> bytes:
        """Return the file with only the tags that the pixels need, and without further pages.

        Raises:
            ValueError: A tag is broken.
        """
        kept = {tag: entry for tag, entry in self.tags.items() if tag in PIXEL_TAGS}
        for tag, entry in kept.items():
            self._check(entry)
            if tag in SINGLE and entry.count != 1:
                raise ValueError(f"tag {tag} has {entry.count:,} values")
        if sum(entry.size for entry in kept.values()) > len(self._data):
            raise ValueError("its tags are larger than the file")
        if self.value(SAMPLES, 1) > MAX_SAMPLES:
            raise ValueError("unknown pixel mode")
        count, required = len(self.parts[0]), self.number_of_parts
        if count > required:
            raise ValueError(f"{count:,} strips or tiles instead of {required:,}")
        raw = {tag: entry.raw for tag, entry in kept.items()}
        if self.is_inverted:
            raw[PHOTOMETRIC] = self._black_is_zero()
        data = self._data + bytes(-len(self._data) % 8)
        count_type, offset_type = ("Q", "Q") if self.is_big else ("H", "I")
        header = data[: 8 if self.is_big else 4] + struct.pack(self.order + offset_type, len(data))
        directory = struct.pack(self.order + count_type, len(raw))
        directory += b"".join(raw[tag] for tag in sorted(raw)) + bytes(struct.calcsize(offset_type))
        return header + data[len(header) :] + directory

    def palette(self) -> list[int] | None:
        """Return the palette if its 16-bit entries hold 8-bit values, else None.

        Pillow uses the upper bytes of the entries, which would make every colour black.
        """
        colours = self.values(COLOURS)
        if not len(colours) or colours.max() > 255 or not colours.any():
            return None
        return [int(value) for value in colours.reshape(3, -1).T.reshape(-1)]

    def _black_is_zero(self) -> bytes:
        form = "HHQHHI" if self.is_big else "HHIHH"
        return struct.pack(f"{self.order}{form}", PHOTOMETRIC, 3, 1, 1, *([0] * (len(form) - 4)))

    @property
    def is_inverted(self) -> bool:
        """Whether zero is white and Pillow does not invert the values."""
        return self.depth > 8 and self.value(PHOTOMETRIC, 0) == 0

    @property
    def is_complete(self) -> bool:
        """Whether all strips or tiles, and the tags that they need, lie within the file."""
        needed = (entry for tag, entry in self.tags.items() if tag in PIXEL_TAGS)
        if any(entry.offset + entry.size > len(self._data) for entry in needed):
            return False
        starts, sizes = self.parts
        if not len(starts) or len(starts) < self.number_of_parts:
            return False
        sizes = sizes.astype(np.int64) if len(sizes) == len(starts) else np.zeros_like(starts)
        if self.value(COMPRESSION, 1) == 1:
            sizes = np.minimum(sizes, self._plain_sizes(len(starts)))  # Some writers count wrong.
        return int((starts.astype(np.int64) + sizes).max()) <= len(self._data)

    def _plain_sizes(self, count: int) -> npt.NDArray[np.int64]:
        """Return the byte counts of uncompressed strips or tiles."""
        samples = 1 if self.value(PLANAR, 1) == 2 else self.value(SAMPLES, 1)
        width, height = self.value(WIDTH, 0), self.value(HEIGHT, 0)
        if TILES in self.tags:
            width, rows = self.value(TILE_WIDTH, 0), np.full(count, self.value(TILE_HEIGHT, 0))
        else:
            rows_per_strip = min(self.value(ROWS, height), height)
            rows = np.full(count, rows_per_strip)
            planes = self.value(SAMPLES, 1) if self.value(PLANAR, 1) == 2 else 1
            strips = max(1, count // planes)  # of one plane
            rows[strips - 1 :: strips] = height - rows_per_strip * (strips - 1)
        sizes: npt.NDArray[np.int64] = rows * math.ceil(width * self.depth * samples / 8)
        return sizes

    @property
    def depth(self) -> int:
        """Number of bits of a pixel's first sample."""
        return self.value(BITS, 1)

    @property
    def kind(self) -> str:
        """The kind of its pixels: "3 x 32-bit float"."""
        names = {1: "integer", 2: "signed integer", FLOAT: "float"}
        name = names.get(self.value(FORMAT, 1), "other")
        samples = self.value(SAMPLES, 1)
        return f"{f'{samples} x ' if samples > 1 else ''}{self.depth}-bit {name}"

    def range(self) -> tuple[float, float] | None:
        """Return the smallest and largest value of uncompressed pixels, None for others."""
        letter = NUMBERS.get(self.value(FORMAT, 1))
        if self.value(COMPRESSION, 1) != 1 or letter is None or self.depth not in (8, 16, 32, 64):
            return None
        form = np.dtype(f"{self.order}{letter}{self.depth // 8}")
        finite = []
        for start, size in zip(*self.parts, strict=False):
            part = self._data[int(start) : int(start) + int(size)]
            values = np.frombuffer(part[: len(part) // form.itemsize * form.itemsize], form)
            finite += [values[np.isfinite(values)]]
        ends = [(float(values.min()), float(values.max())) for values in finite if len(values)]
        return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None
