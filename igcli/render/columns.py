"""The order of the columns of a panel or an animation: what each cell shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SHARED = ("image", "label", "baseline")
"""Columns that all targets share."""

BESIDE = ("path", "colorbar")
"""Columns that belong to the method's column left of them, one for each of its pictures."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a cell shows.

    Attributes:
        name: One of `SHARED` or `BESIDE`, or a method.
        explanation: Number of the explanation that it belongs to.
    """

    name: str
    explanation: int


def arranged(names: Sequence[str], methods: Sequence[str]) -> list[Column]:
    """Return the cells of the columns from left to right.

    Baseline, path and colour bar are those of the method's column left of them, or else of the
    main method.

    Args:
        names: Names of columns, in which "method" is the main method.
        methods: The method of each explanation, that of the main one first; a method has one for
            each target.
    """
    main = methods[0]
    current = _of(main, methods)
    columns: list[Column] = []
    for group in _grouped([main if name == "method" else name for name in names]):
        current = _of(group[0], methods) or current
        if group[0] in SHARED:
            columns.append(Column(group.pop(0), current[0]))
        columns += [Column(name, number) for number in current for name in group]
    return columns


def _of(method: str, methods: Sequence[str]) -> list[int]:
    return [number for number, other in enumerate(methods) if other == method]


def _grouped(names: Sequence[str]) -> Iterator[list[str]]:
    """Split columns before each one that does not belong to the one left of it."""
    group: list[str] = []
    for name in names:
        if group and name not in BESIDE:
            yield group
            group = []
        group.append(name)
    if group:
        yield group
