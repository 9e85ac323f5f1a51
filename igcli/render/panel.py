"""Panels: pictures and text side by side, in the published geometry.

First the cells of a panel and how they are made, then their layout.

Source: the published panels, 728x294 for three cells of 224x224 pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from igcli.records import Array, Pixels
from igcli.render import colorbar, curve, text
from igcli.render.curve import Curve
from igcli.render.options import Headings, LabelLine, StyleOptions
from igcli.render.style_common import as_rgb, to_pixels
from igcli.render.text import PACKAGED, Face
from igcli.render.visualize import Painting

GAP = 10
LINE_HEIGHT = 30
WRAPPED_LINE_HEIGHT = 18
MIN_TOP = 40
TEXT_WIDTH = 260
TEXT_ROOM = TEXT_WIDTH - 2 * GAP
HEADING_ROOM = 214
MAX_HEADING_LINES = 3
BODY_SIZE = 14
HEADING_LINES: dict[Headings, tuple[int | None, int | None]] = {
    "full": (None, None),
    "short": (1, 1),
    "pictures": (1, 0),
}
"""Number of heading lines over pictures and over text; None for all."""

HEADING_SIZES: dict[Headings, int] = {"full": 16, "short": 18, "pictures": 18}


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


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """An explained target, as the text cell shows it.

    Attributes:
        label: Name of the target.
        score: Its score at the image.
        target: Its index.
        completeness_error: Relative; None if it is undefined.
        is_top: Whether no other score is higher.
    """

    label: str
    score: float
    target: int
    completeness_error: float | None = None
    is_top: bool = True


def image_cell(image: Pixels) -> PictureCell:
    """Return the image, uint8 (H, W, 3), under its heading."""
    return PictureCell(("Original image",), image)


def label_cell(
    targets: Sequence[TargetInfo], lines: tuple[LabelLine, ...] = ("label", "score")
) -> TextCell:
    """Return the label, score and error of each target, in the published words."""
    wordings = tuple(_worded(target, line) for target in targets for line in lines)
    return TextCell(("Label and score",), wordings)


def _worded(target: TargetInfo, line: LabelLine) -> str:
    if line == "label":
        return f"{'Top label' if target.is_top else 'Label'}: {target.label}"
    if line == "score":
        return f"Score: {target.score:.6g}"
    if line == "target":
        return f"Target: {target.target}"
    error = target.completeness_error
    return f"Completeness error: {'undefined' if error is None else f'{100 * error:.3g}%'}"


def attribution_cell(heading: str, picture: Pixels, *, label: str = "top label") -> PictureCell:
    """Return the picture, uint8 (H, W, 3), of a method's attributions to a label."""
    return PictureCell((heading, f"(for {label})"), picture)


def colorbar_cell(attributions: Array, painting: Painting, options: StyleOptions) -> PictureCell:
    """Return the colour bar of `painting`, a picture of `attributions` (H, W, 3)."""
    height = painting.picture.shape[0]
    bar = colorbar.draw(attributions, scales=painting.scales, options=options, height=height)
    return PictureCell((), bar)


def baseline_cell(baseline: Array) -> PictureCell:
    """Return the picture of a baseline, float32 (H, W, C), 0...255."""
    return PictureCell(("Baseline",), as_rgb(to_pixels(baseline)))


def path_cell(path: Curve, *, height: int, width: int) -> PictureCell:
    """Return the plot of the path, at least as large as the pictures beside it."""
    plot = curve.draw(path, height=height, width=width)
    return PictureCell(("Score along the path", f"(for {path.label})"), plot)


@dataclass(frozen=True, slots=True, eq=False)
class PlacedCell:
    """A cell with its text broken into lines.

    Attributes:
        heading: Lines over the cell.
        body: Lines of text, each with its distance from the top of the pictures.
        picture: uint8 (H, W, 3), empty for text.
        width: Distance to the next cell in pixels.
        height: Height in pixels, from the top of the pictures down.
    """

    heading: tuple[str, ...]
    body: tuple[tuple[str, int], ...]
    picture: Pixels
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The positions of everything on a panel.

    Attributes:
        cells: From left to right.
        lefts: Left edge of each cell, and the right edge of the last.
        top: Top edge of the pictures.
        heading_size: Height of the headings' letters in pixels.
        face: The fonts of all text.
    """

    cells: tuple[PlacedCell, ...]
    lefts: tuple[int, ...]
    top: int
    heading_size: int
    face: Face = PACKAGED

    def draw(self) -> Pixels:
        """Return the panel, uint8 (H, W, 3)."""
        height = self.top + max((cell.height for cell in self.cells), default=0) + GAP
        canvas = np.full((height, self.lefts[-1], 3), 255, np.uint8)
        for cell, left in zip(self.cells, self.lefts, strict=False):
            for number, line in enumerate(cell.heading):
                y = LINE_HEIGHT * number
                self._write(canvas, line, (left + GAP, y), self.heading_size)
            for line, y in cell.body:
                self._write(canvas, line, (left + GAP, self.top + y), BODY_SIZE)
            rows, columns = cell.picture.shape[:2]
            canvas[self.top : self.top + rows, left : left + columns] = cell.picture
        return canvas

    def _write(self, canvas: Pixels, line: str, corner: tuple[int, int], size: int) -> None:
        x, y = corner
        text.write(canvas, line, x=x, y=y, size=size, face=self.face)


def arrange(cells: Sequence[Cell], *, headings: Headings = "full", face: Face = PACKAGED) -> Layout:
    """Return the layout of `cells` from left to right.

    Full headings have all their lines; short ones only the first, in larger letters; with
    "pictures", text has none. A picture cell is as wide as its picture and a gap, or as its heading
    if that is wider; the panel is as high as its highest cell.
    """
    size = HEADING_SIZES[headings]
    over_pictures, over_text = HEADING_LINES[headings]
    placed = tuple(
        _placed_text(cell, over_text, size, face)
        if isinstance(cell, TextCell)
        else _placed_picture(cell, over_pictures, size, face)
        for cell in cells
    )
    top = max(MIN_TOP, LINE_HEIGHT * max((len(cell.heading) for cell in placed), default=0))
    lefts = tuple(accumulate((cell.width for cell in placed), initial=0))
    return Layout(placed, lefts, top, size, face)


def compose(cells: Sequence[Cell], *, headings: Headings = "full", face: Face = PACKAGED) -> Pixels:
    """Return the panel, uint8 (H, W, 3), of `cells` as `arrange` places them."""
    return arrange(cells, headings=headings, face=face).draw()


def _placed_text(cell: TextCell, heading_lines: int | None, size: int, face: Face) -> PlacedCell:
    body: list[tuple[str, int]] = []
    y = GAP
    for line in cell.lines:
        parts = text.wrap(line, size=BODY_SIZE, room=TEXT_ROOM, face=face)
        body += [(part, y + WRAPPED_LINE_HEIGHT * number) for number, part in enumerate(parts)]
        y = body[-1][1] + LINE_HEIGHT
    height = body[-1][1] + WRAPPED_LINE_HEIGHT if body else 0
    no_picture = np.empty((0, 0, 3), np.uint8)
    heading = _wrapped(cell.heading[:heading_lines], size, TEXT_ROOM, face)
    return PlacedCell(heading, tuple(body), no_picture, TEXT_WIDTH, height)


def _placed_picture(
    cell: PictureCell, heading_lines: int | None, size: int, face: Face
) -> PlacedCell:
    height, width = map(int, cell.picture.shape[:2])
    heading = _wrapped(cell.heading[:heading_lines], size, max(HEADING_ROOM, width - GAP), face)
    needed = max((GAP + text.width(line, size, face) for line in heading), default=0)
    return PlacedCell(heading, (), cell.picture, max(width, needed) + GAP, height)


def _wrapped(lines: tuple[str, ...], size: int, room: int, face: Face) -> tuple[str, ...]:
    """Return headings in lines; a very long one is cut; the text cell shows it whole."""
    return tuple(
        part for line in lines for part in _cut(text.wrap(line, size=size, room=room, face=face))
    )


def _cut(parts: tuple[str, ...]) -> tuple[str, ...]:
    kept = parts[:MAX_HEADING_LINES]
    return parts if len(parts) == len(kept) else (*kept[:-1], f"{kept[-1][:-1]}…")
