"""Which of a network's scores are explained. Importing this imports no NumPy."""

from __future__ import annotations

import csv
import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from igcli.errors import IgcliError, UsageError

if TYPE_CHECKING:
    from igcli.models.load import Model
    from igcli.records import Array, Source

_TOP = re.compile(r"top(?::([0-9]{1,9}))?")
_INDEX = re.compile(r"[0-9]{1,9}")
_HEADER = {"path", "image", "file"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The targets of an image: the `top` highest scores, or the one with `index`."""

    top: int = 1
    index: int | None = None

    @property
    def is_chosen(self) -> bool:
        """Whether somebody asked for more than the top label."""
        return self.index is not None or self.top > 1

    def of(self, scores: Array) -> tuple[int, ...]:
        """Return the outputs, by falling score where they are the top ones.

        Args:
            scores: Float32 (K,).
        """
        if self.index is not None:
            return (self.index,)
        if self.top == 1:
            return (int(scores.argmax()),)
        # Stable, so that of equal scores the first comes first.
        return tuple((-scores).argsort(kind="stable")[: self.top].tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """The targets of every image.

    Attributes:
        usual: Of images without a row of their own.
        own: Of the images that have one, by path.
    """

    usual: Wanted = Wanted()
    own: Mapping[str, Wanted] = field(default_factory=dict)

    def of(self, source: Source | None) -> Wanted:
        """Return the targets of an image, found by its path or its name in the output."""
        if source is not None and self.own:
            for path in (source.path, source.name, os.path.abspath(source.path)):  # noqa: PTH100
                if path in self.own:
                    return self.own[path]
        return self.usual


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file of targets."""

    line: int
    path: str
    target: str


def read_rows(file: str) -> list[Row]:
    """Return the rows of a CSV file: path of an image, label or index.

    Raises:
        UsageError: It cannot be read, or a row is no pair; the message names file and line.
    """
    try:
        # Paths need not be UTF-8.
        with open(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:  # noqa: PTH123
            return list(_rows(file, csv.reader(stream, strict=True)))
    except OSError as error:
        raise UsageError(f"targets: {file}: {error.strerror}") from None


def _rows(file: str, reader: Iterator[list[str]]) -> Iterator[Row]:
    seen: dict[str, int] = {}
    try:
        for cells in reader:
            line: int = reader.line_num  # type: ignore[attr-defined]
            values = [cell.strip() for cell in cells]
            if not any(values) or (line == 1 and values[0].lower() in _HEADER):
                continue
            if len(values) != 2 or not all(values):
                raise UsageError(f"targets: {file}:{line}: expected a path, a comma and a target")
            if values[0] in seen:
                raise UsageError(
                    f"targets: {file}:{line}: {values[0]} has a row already, line {seen[values[0]]}"
                )
            check_form(values[1], where=f"targets: {file}:{line}")
            seen[values[0]] = line
            yield Row(line, *values)
    except csv.Error as error:
        line = reader.line_num  # type: ignore[attr-defined]
        raise UsageError(f"targets: {file}:{line}: {error}: is it CSV?") from None


def check_form(wanted: int | str, *, where: str) -> None:
    """Refuse what is a target of no network: "top:0".

    Raises:
        UsageError: It is; `where` begins the message.
    """
    top = _TOP.fullmatch(wanted) if isinstance(wanted, str) else None
    if top and top[1] and not int(top[1]):
        raise UsageError(f"{where}: {wanted}: explains nothing; give top, or top:2 and more")


def targets(wanted: int | str, file: str | None, model: Model) -> Targets:
    """Return the targets of a run.

    Args:
        wanted: "top", "top:N", an index or a label.
        file: CSV file with rows for some images, or None.
        model: The network, whose labels are known.

    Raises:
        UsageError: The file cannot be read.
        IgcliError: The network has no such output.
    """
    labels, outputs = model.labels, model.network.outputs
    own = {}
    for row in read_rows(file) if file else ():
        found = parse(row.target, labels, outputs, where=f"targets: {file}:{row.line}")
        own[row.path] = found
        if not os.path.isabs(row.path):  # noqa: PTH117
            own.setdefault(os.path.abspath(row.path), found)  # noqa: PTH100
    return Targets(parse(wanted, labels, outputs, where="target"), own)


def parse(wanted: int | str, labels: Sequence[str] | None, outputs: int, *, where: str) -> Wanted:
    """Return what "top", "top:N", an index or a label means for a network.

    Raises:
        IgcliError: The network has no such output; `where` begins the message.
    """
    if isinstance(wanted, str) and (top := _TOP.fullmatch(wanted)):
        count = int(top[1] or 1)
        if not 1 <= count <= outputs:
            raise IgcliError(
                f"{where}: {wanted}: the network has {outputs:,} outputs, so top:1 to top:{outputs}"
            )
        return Wanted(top=count)
    if isinstance(wanted, int) or _INDEX.fullmatch(wanted):
        if int(wanted) >= outputs:
            raise IgcliError(
                f"{where}: {wanted} is out of range: the network has {outputs:,} outputs, "
                f"0 to {outputs - 1}"
            )
        return Wanted(index=int(wanted))
    return Wanted(index=_labelled(wanted, labels, where=where))


def _labelled(label: str, labels: Sequence[str] | None, *, where: str) -> int:
    if labels is None:
        raise IgcliError(
            f"{where}: {label!r} is no index, and the network has no labels: set model.labels"
        )
    places = [place for place, name in enumerate(labels) if name == label]
    folded = [name.casefold() for name in labels]
    places = places or [place for place, name in enumerate(folded) if name == label.casefold()]
    if len(places) == 1:
        return places[0]
    if places:
        indices = ", ".join(map(str, places))
        raise IgcliError(
            f"{where}: {label!r} is the label of several outputs: give one of {indices}"
        )
    near = difflib.get_close_matches(label.casefold(), folded, 3, 0.5)
    near += [name for name in folded if label.casefold() in name]
    names = [labels[folded.index(name)] for name in dict.fromkeys(near)][:3]
    hint = f"; the nearest: {', '.join(names)}" if names else ""
    raise IgcliError(f"{where}: the network has no label {label!r}{hint}")
