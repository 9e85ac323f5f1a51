"""The file of targets: its rows, and the images that they are for. Importing this imports no NumPy.

Such files are written by hand, by scripts and by spreadsheets, with or without a header.
"""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH100, PTH123

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from igcli.errors import UsageError
from igcli.images.endings import EXTENSIONS
from igcli.urls import is_url

if TYPE_CHECKING:
    from igcli.records import Source

SEPARATORS = {"\t": "a tab", ";": "a semicolon", ",": "a comma"}
"""What may stand between two cells; of several that fit the first, which is the rarest in names."""

_EXCEL = re.compile(r"sep=([\t;,])\s*$", re.MULTILINE)
"""A first line by which Excel learns what stands between cells."""

# fmt: off
_FILES = (
    "path", "file", "filename", "filepath", "file_name", "file_path", "image", "image_path",
    "imagepath", "image_name", "image_file", "img", "img_path", "image_id", "name", "id",
)
_CLASSES = (
    "target", "label", "class", "class_name", "classname", "label_name", "category", "class_id",
    "class_index", "label_id", "category_id", "index", "y",
)
# fmt: on
_ALONE = frozenset(_FILES) - {"name", "id"}
"""Names of a first column that make a header, whatever the second is called."""

Table = Iterator[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file of targets."""

    line: int
    path: str
    target: str


def read_rows(file: str) -> list[Row]:
    """Return the rows of a file of targets: path of an image, label or index.

    Args:
        file: A table in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        UsageError: It cannot be read, or a row is no pair; the message names file and line.
    """
    text = _text(file)
    separator = _separator(text)
    return list(_pairs(file, _table(text, separator, file), separator))


def keys_of(source: Source) -> tuple[str, ...]:
    """Return what the row of an image may call it, the most exact first."""
    path = source.path if is_url(source.path) else os.path.abspath(source.path)
    whole = (source.path, source.name, path, source.shown)
    stems = (os.path.splitext(each)[0] for each in whole)
    # Tables of names without endings are common; a.jpg is not what a row for a.jpg.png says.
    bare = (each for each in stems if os.path.splitext(each)[1].lower() not in EXTENSIONS)
    return tuple(map(_composed, (*whole, *bare)))


def keys_of_row(path: str) -> tuple[str, ...]:
    """Return what a row's path is to be found by among `keys_of` its image."""
    return tuple(map(_composed, (path,) if is_url(path) else (path, os.path.abspath(path))))


class Matching:
    """Which rows of a file are for images of the run."""

    def __init__(self, file: str, rows: Sequence[Row]) -> None:
        """Begin with no image seen."""
        self.file = file
        self._rows = rows
        self._seen = bytearray(len(rows))
        self._places: dict[str, int] = {}
        for place, row in enumerate(rows):
            for key in keys_of_row(row.path):
                self._places.setdefault(key, place)
        self._below: dict[str, list[int]] = {}

    @property
    def unmatched(self) -> list[Row]:
        """The rows without an image among those seen."""
        return [row for row, is_seen in zip(self._rows, self._seen, strict=True) if not is_seen]

    @property
    def is_vain(self) -> bool:
        """Whether there are rows, and none has an image."""
        return bool(self._rows) and not any(self._seen)

    def see(self, source: Source) -> None:
        """Find the row of an image."""
        place = next((self._places[key] for key in keys_of(source) if key in self._places), None)
        if place is not None:
            self._seen[place] = True

    def see_archive(self, source: Source, *, is_read: bool = False) -> None:
        """Take the rows of an archive's members as those of images.

        Args:
            source: The archive.
            is_read: Whether its images are about to be seen, one by one, and count alone.
        """
        if not self._below:
            for key, place in self._places.items():
                for end, letter in enumerate(key):
                    if letter == "/":
                        self._below.setdefault(key[:end], []).append(place)
        for key in keys_of(source):
            for place in self._below.get(key, ()):
                self._seen[place] = not is_read


def _composed(path: str) -> str:
    """Return a path in composed letters: macOS takes them apart."""
    return unicodedata.normalize("NFC", path)


def _text(file: str) -> str:
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise UsageError(f"targets: {file}: {error.strerror}") from None
    if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-8-sig", "surrogateescape")  # Paths need not be UTF-8.
    try:
        return data.decode("utf-16")
    except UnicodeError:
        raise UsageError(f"targets: {file}: begins as UTF-16 and is none") from None


def _separator(text: str) -> str:
    """Return what stands between cells: that of a header, else the first that fits all rows."""
    if excel := _EXCEL.match(text):
        return excel[1]
    fitting = [each for each in SEPARATORS if each in text and _fits(text, each)]
    if fitting:
        return next((each for each in fitting if _columns(_first(text, each))), fitting[0])
    first = next((line for line in text.splitlines() if line.strip()), "")
    return next((each for each in SEPARATORS if each in first), ",")


def _fits(text: str, separator: str) -> bool:
    try:
        return all(len(cells) > 1 for _, cells in _table(text, separator))
    except UsageError:
        return False


def _first(text: str, separator: str) -> list[str]:
    return next((cells for _, cells in _table(text, separator)), [])


def _table(text: str, separator: str, file: str = "") -> Table:
    """Yield the rows that are not empty, with their lines, empty cells at their ends left out.

    Raises:
        UsageError: Quotes are not closed.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            values = [cell.strip() for cell in cells]
            if reader.line_num == 1 and _EXCEL.fullmatch(text.split("\n", 1)[0]):
                continue
            while values and not values[-1]:
                values.pop()
            if values:
                yield reader.line_num, values
    except csv.Error as error:
        raise UsageError(f"targets: {file}:{reader.line_num}: {error}: is it CSV?") from None


def _pairs(file: str, table: Table, separator: str) -> Iterator[Row]:
    lines: dict[str, int] = {}
    columns: tuple[int, int] | None = None
    for number, (line, cells) in enumerate(table):
        if number == 0 and (columns := _columns(cells)):
            continue
        if columns is None and len(cells) > 2 and is_url(cells[0]):  # commas in its query
            cells = [separator.join(cells[:-1]), cells[-1]]
        row = _row(line, cells, columns or (0, 1))
        if row is None or (columns is None and len(cells) != 2):
            mark = SEPARATORS[separator]
            raise UsageError(f"targets: {file}:{line}: expected a path, {mark} and a target")
        first = lines.setdefault(_composed(row.path), line)
        if first != line:
            raise UsageError(f"targets: {file}:{line}: {row.path} has a row already, line {first}")
        yield row


def _row(line: int, cells: list[str], columns: tuple[int, int]) -> Row | None:
    path, target = (cells[column] if column < len(cells) else "" for column in columns)
    return Row(line, path, target) if path and target else None


def _columns(cells: list[str]) -> tuple[int, int] | None:
    """Return the columns of paths and of targets where cells are a header."""
    names = [cell.lower().replace(" ", "_").replace("-", "_") for cell in cells]
    path = next((names.index(name) for name in _FILES if name in names), None)
    target = next((names.index(name) for name in _CLASSES if name in names), None)
    if path is not None and target is not None:
        return path, target
    return (0, 1) if len(names) == 2 and names[0] in _ALONE else None
