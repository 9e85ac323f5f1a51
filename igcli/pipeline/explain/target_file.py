"""The target file: its rows, and the images that they belong to. Imports no NumPy.

Such CSV files are written by hand, by scripts and by spreadsheets, with or without a header.
"""

# Paths stay as given, byte for byte.
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
from igcli.images.walk_statistics import EXTENSIONS
from igcli.urls import is_url

if TYPE_CHECKING:
    from igcli.records import Source

SEPARATORS = {"\t": "a tab", ";": "a semicolon", ",": "a comma"}
"""Cell separators; if several fit, the first one, which is the rarest in names, is used."""

_EXCEL = re.compile(r"sep=([\t;,])\s*$", re.MULTILINE)
"""A first line that tells Excel the separator."""

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
"""Names of a first of two columns that mark a header, whatever the second is called."""

Table = Iterator[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A row of a target file: the path of an image, and its label or index."""

    line: int
    path: str
    target: str


def read_rows(file: str) -> list[TargetRow]:
    """Return the rows of a target file.

    Args:
        file: Path of a CSV file in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        UsageError: It cannot be read, or a row is not a path and a target.
    """
    text = _text(file)
    separator = _separator(text)
    return list(_rows(file, _table(text, separator, file), separator))


def image_keys(source: Source) -> tuple[str, ...]:
    """Return the keys by which an image may find its row, the most specific first."""
    path = source.path if is_url(source.path) else os.path.abspath(source.path)
    whole = (source.path, source.name, path, source.shown)
    stems = (os.path.splitext(name)[0] for name in whole)
    # Tables often omit extensions. But a.jpg.png does not match a row for a.jpg.
    bare = (stem for stem in stems if os.path.splitext(stem)[1].lower() not in EXTENSIONS)
    return tuple(map(_composed, (*whole, *bare)))


def row_keys(path: str) -> tuple[str, ...]:
    """Return the keys of a row; one of them is among the `image_keys` of its image."""
    return tuple(map(_composed, (path,) if is_url(path) else (path, os.path.abspath(path))))


class RowMatcher:
    """Finds out which rows of a target file belong to no image of the run.

    Attributes:
        file: Path of the target file.
    """

    def __init__(self, file: str, rows: Sequence[TargetRow]) -> None:
        """Start with all rows unmatched."""
        self.file = file
        self._rows = rows
        self._matched = bytearray(len(rows))
        self._numbers: dict[str, int] = {}
        for number, row in enumerate(rows):
            for key in row_keys(row.path):
                self._numbers.setdefault(key, number)
        self._inside: dict[str, list[int]] = {}

    @property
    def unmatched(self) -> list[TargetRow]:
        """The rows that belong to none of the images so far."""
        return [row for row, hit in zip(self._rows, self._matched, strict=True) if not hit]

    @property
    def matches_nothing(self) -> bool:
        """Whether there are rows, and none of them belongs to an image."""
        return bool(self._rows) and not any(self._matched)

    def match(self, source: Source) -> None:
        """Match the row of an image."""
        keys = image_keys(source)
        number = next((self._numbers[key] for key in keys if key in self._numbers), None)
        if number is not None:
            self._matched[number] = True

    def match_archive(self, source: Source, *, is_read: bool = False) -> None:
        """Match all rows whose paths are inside an archive.

        Args:
            source: The archive.
            is_read: True to undo it, as the images of the archive now follow one by one.
        """
        if not self._inside:
            for key, number in self._numbers.items():
                for end, letter in enumerate(key):
                    if letter == "/":
                        self._inside.setdefault(key[:end], []).append(number)
        for key in image_keys(source):
            for number in self._inside.get(key, ()):
                self._matched[number] = not is_read


def _composed(path: str) -> str:
    """Return a path with composed letters (NFC): macOS decomposes them."""
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
        raise UsageError(
            f"targets: {file}: begins with a UTF-16 byte order mark but is not UTF-16"
        ) from None


def _separator(text: str) -> str:
    """Return the separator: the one that gives a header, else the first that fits all rows."""
    if excel := _EXCEL.match(text):
        return excel[1]
    fitting = [separator for separator in SEPARATORS if _fits(text, separator)]
    for separator in fitting:
        if _columns(_first_cells(text, separator)):
            return separator
    if fitting:
        return fitting[0]
    first_line = next((line for line in text.splitlines() if line.strip()), "")
    return next((separator for separator in SEPARATORS if separator in first_line), ",")


def _fits(text: str, separator: str) -> bool:
    """Tell whether a separator divides every row."""
    if separator not in text:
        return False
    try:
        return all(len(cells) > 1 for _, cells in _table(text, separator))
    except UsageError:
        return False


def _first_cells(text: str, separator: str) -> list[str]:
    return next((cells for _, cells in _table(text, separator)), [])


def _table(text: str, separator: str, file: str = "") -> Table:
    """Yield line number and cells of each row that is not empty, without trailing empty cells.

    Raises:
        UsageError: A quote is not closed.
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


def _rows(file: str, table: Table, separator: str) -> Iterator[TargetRow]:
    lines: dict[str, int] = {}
    columns: tuple[int, int] | None = None
    for number, (line, cells) in enumerate(table):
        if number == 0 and (columns := _columns(cells)):
            continue
        if columns is None and len(cells) > 2 and is_url(cells[0]):  # commas in its query
            cells = [separator.join(cells[:-1]), cells[-1]]
        row = _row(line, cells, columns or (0, 1))
        if row is None or (columns is None and len(cells) != 2):
            name = SEPARATORS[separator]
            raise UsageError(f"targets: {file}:{line}: expected a path, {name} and a target")
        first = lines.setdefault(_composed(row.path), line)
        if first != line:
            raise UsageError(f"targets: {file}:{line}: {row.path} already has a row, line {first}")
        yield row


def _row(line: int, cells: list[str], columns: tuple[int, int]) -> TargetRow | None:
    path, target = (cells[column] if column < len(cells) else "" for column in columns)
    return TargetRow(line, path, target) if path and target else None


def _columns(cells: list[str]) -> tuple[int, int] | None:
    """Return the columns of paths and targets if cells are a header."""
    names = [cell.lower().replace(" ", "_").replace("-", "_") for cell in cells]
    path = next((names.index(name) for name in _FILES if name in names), None)
    target = next((names.index(name) for name in _CLASSES if name in names), None)
    if path is not None and target is not None:
        return path, target
    return (0, 1) if len(names) == 2 and names[0] in _ALONE else None
