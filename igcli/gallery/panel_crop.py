"""The pictures on a panel, cut out where the layout of panels has placed them.

The file of a panel says nothing of its layout, which is therefore computed again from what the
panel shows. Only the size of the pictures is unknown: it is the one with which the panel has its
size, and with which all is white that the layout leaves white.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igcli import methods
from igcli.records import Pixels
from igcli.render import curve, panel
from igcli.render.columns import BESIDE, Column
from igcli.render.options import Headings, LabelLine
from igcli.render.panel import GAP, Layout, PictureCell, TargetInfo

BAR_WIDTHS = (30, 100)
"""Least and greatest width of a colour bar, which depends on the values beside it."""

INK = 160
"""Value below which a pixel is ink."""

MAX_INK = 0.05
"""Share of ink up to which a row or column counts as white."""

BLOCK = 8
"""Distance in pixels up to which JPEG blurs the edge of a picture into the white beside it."""


@dataclass(frozen=True, slots=True)
class PanelContent:
    """What a panel shows.

    Attributes:
        columns: From left to right.
        methods: The method of each explanation.
        targets: What the text tells of the target of each explanation.
        headings: The headings of the columns.
        lines: The lines of the text about each target.
    """

    columns: Sequence[Column]
    methods: Sequence[str]
    targets: Sequence[TargetInfo]
    headings: Headings
    lines: tuple[LabelLine, ...]

    @property
    def pictures(self) -> dict[int, int | None]:
        """The columns with the image or attributions, up to the first colour bar.

        By the number of the column: the explanation's number, None for the image.
        """
        names = [column.name for column in self.columns]
        end = names.index("colorbar") if "colorbar" in names else len(names)
        return {
            place: None if column.name == "image" else column.explanation
            for place, column in enumerate(self.columns[:end])
            if column.name not in ("label", "baseline", *BESIDE)
        }

    def layout(self, height: int, width: int) -> Layout:
        """Return the panel's layout for pictures of a size, colour bars having no width."""
        blank = np.broadcast_to(np.uint8(255), (height, width, 3))
        cells = [self._cell(column, blank) for column in self.columns]
        return panel.arrange(cells, headings=self.headings)

    def _cell(self, column: Column, blank: Pixels) -> panel.Cell:
        target = self.targets[column.explanation]
        label = "top label" if target.is_top else target.label
        if column.name == "image":
            return panel.image_cell(blank)
        if column.name == "label":
            main = self.methods[0]
            shown = [t for m, t in zip(self.methods, self.targets, strict=True) if m == main]
            return panel.label_cell(shown, self.lines)
        if column.name == "baseline":
            return panel.baseline_cell(blank.astype(np.float32))
        if column.name == "colorbar":
            return PictureCell((), blank[:, :0])
        if column.name == "path":
            height, width = blank.shape[:2]
            size = max(height, curve.MIN_HEIGHT), max(width, curve.MIN_WIDTH), 3
            heading = "Score along the path", f"(for {label})"
            return PictureCell(heading, np.broadcast_to(np.uint8(255), size))
        return panel.attribution_cell(methods.load(column.name).HEADING, blank, label=label)


def crop(drawn: Pixels, content: PanelContent) -> dict[int | None, Pixels] | None:
    """Cut out the image and the attributions; those right of a colour bar are not found.

    Args:
        drawn: The panel, uint8 (H, W, 3).
        content: What it shows.

    Returns:
        By the explanation's number, None for the image: uint8 (h, w, 3). None if it has no such
        pictures, or is not laid out as its content would be: edited, or drawn in another font.
    """
    size = _size(drawn, content)
    if size is None:
        return None
    height, width = size
    layout = content.layout(height, width)
    rows = slice(layout.top, layout.top + height)
    return {
        number: drawn[rows, layout.lefts[place] : layout.lefts[place] + width]
        for place, number in content.pictures.items()
    }


def _size(drawn: Pixels, content: PanelContent) -> tuple[int, int] | None:
    """Return height and width of the pictures; None if no size fits."""
    if not content.pictures:
        return None
    widths = _widths(drawn.shape[1], content)
    blurred = BLOCK if len(widths) == 1 else 0
    for width in widths:
        layout = content.layout(1, width)
        room = drawn.shape[0] - layout.top - GAP
        others = max(cell.height for cell in layout.cells)
        if others > room:
            return None
        cells = [
            drawn[layout.top :, layout.lefts[place] : layout.lefts[place + 1]]
            for place in content.pictures
        ]
        if any(len(_inked(cell[:, width + blurred :], axis=1)) for cell in cells):
            continue
        if others < room:
            is_inked_below = any(len(_inked(cell[room + BLOCK :], axis=0)) for cell in cells)
            return None if is_inked_below else (room, width)
        # Text is at least as high as the pictures, whose height only their pixels tell.
        height = min(room, _height([cell[:, :width] for cell in cells]))
        return (height, width) if height else None
    return None


def _height(cells: Sequence[Pixels]) -> int:
    """Return the number of rows up to the last one with ink."""
    return max(
        (int(rows[-1]) + 1 for cell in cells if len(rows := _inked(cell, axis=0))), default=0
    )


def _widths(total: int, content: PanelContent) -> range:
    """Return the widths of pictures with which a panel has the width `total`."""
    bars = sum(column.name == "colorbar" for column in content.columns)
    least, most = (bars * width for width in BAR_WIDTHS)

    def first(needed: int) -> int:
        """Return the smallest width of pictures whose panel has at least the width `needed`."""
        return 1 + bisect_left(
            range(1, total + 1), needed, key=lambda width: content.layout(1, width).lefts[-1]
        )

    return range(first(total - most), first(total - least + 1))


def _inked(part: Pixels, axis: int) -> npt.NDArray[np.intp]:
    """Return the rows (axis 0) or columns (axis 1) with ink."""
    if not part.size:
        return np.empty(0, np.intp)
    return np.flatnonzero((part < INK).any(axis=2).mean(axis=1 - axis) > MAX_INK)
