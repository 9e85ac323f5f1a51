"""Panels: pictures and text side by side, in the published geometry."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from igcli.records import Pixels
from igcli.render import text

GAP = 10
LINE = 30
TEXT_WIDTH = 260
HEADING_ROOM = 214
HEADING_SIZE = 16
BODY_SIZE = 14
WRAPPED_LINE = 18
LEAST_TOP = 40


@dataclass(frozen=True, slots=True, eq=False)
class PictureCell:
    """A picture under its heading.

    Attributes:
        heading: Lines over the picture.
        picture: uint8 (H, W, 3).
    """

    heading: tuple[str, ...]
    picture: Pixels


@dataclass(frozen=True, slots=True)
class TextCell:
    """Lines of text under a heading; long ones wrap."""

    heading: tuple[str, ...]
    lines: tuple[str, ...]


Cell = PictureCell | TextCell


def compose(cells: Sequence[Cell], *, heading_size: int = HEADING_SIZE) -> Pixels:
    """Return the panel, uint8 (H, W, 3), of `cells` from left to right.

    A picture cell is as wide as its picture and a gap, or as its heading where that needs more;
    the panel is as high as its highest cell.
    Source: the published panels, 728x294 for three cells of 224x224 pictures.
    """
    headings = [_wrapped(cell.heading, heading_size, _heading_room(cell)) for cell in cells]
    top = max(LEAST_TOP, LINE * max(map(len, headings), default=0))
    widths = [
        _width(cell, heading, heading_size) for cell, heading in zip(cells, headings, strict=True)
    ]
    bodies = [_body(cell) for cell in cells]
    height = top + max((_height(cell, body) for cell, body in zip(cells, bodies, strict=True)))
    canvas = np.full((height + GAP, sum(widths), 3), 255, np.uint8)
    x = 0
    for cell, heading, body, width in zip(cells, headings, bodies, widths, strict=True):
        for number, line in enumerate(heading):
            text.write(canvas, line, x=x + GAP, y=LINE * number, size=heading_size)
        for line, y in body:
            text.write(canvas, line, x=x + GAP, y=top + y, size=BODY_SIZE)
        if isinstance(cell, PictureCell):
            rows, columns = cell.picture.shape[:2]
            canvas[top : top + rows, x : x + columns] = cell.picture
        x += width
    return canvas


def _heading_room(cell: Cell) -> int:
    if isinstance(cell, TextCell):
        return TEXT_WIDTH - 2 * GAP
    return max(HEADING_ROOM, int(cell.picture.shape[1]) - GAP)


def _wrapped(lines: tuple[str, ...], size: int, room: int) -> tuple[str, ...]:
    return tuple(part for line in lines for part in text.wrap(line, size=size, room=room))


def _width(cell: Cell, heading: tuple[str, ...], size: int) -> int:
    """Return the distance from this cell's left edge to the next one's."""
    if isinstance(cell, TextCell):
        return TEXT_WIDTH
    needed = max((GAP + text.width(line, size) for line in heading), default=0)
    return max(int(cell.picture.shape[1]), needed) + GAP


def _body(cell: Cell) -> list[tuple[str, int]]:
    """Return the lines of a text cell, each with its height under the top of the pictures."""
    if isinstance(cell, PictureCell):
        return []
    placed = []
    y = GAP
    for line in cell.lines:
        parts = text.wrap(line, size=BODY_SIZE, room=TEXT_WIDTH - 2 * GAP)
        placed += [(part, y + WRAPPED_LINE * number) for number, part in enumerate(parts)]
        y = placed[-1][1] + LINE
    return placed


def _height(cell: Cell, body: list[tuple[str, int]]) -> int:
    if isinstance(cell, PictureCell):
        return int(cell.picture.shape[0])
    return body[-1][1] + WRAPPED_LINE if body else 0
