"""Panels keep the published geometry to the pixel, for any picture."""

import numpy as np
import pytest

from igcli.records import Pixels
from igcli.render import panel
from igcli.render.options import LabelLine
from igcli.render.panel import (
    PictureCell,
    TargetInfo,
    TextCell,
    attribution_cell,
    image_cell,
    label_cell,
)

RED, GREEN = (255, 0, 0), (0, 255, 0)


def picture(height: int = 224, width: int = 224, colour: tuple[int, ...] = RED) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def box(canvas: Pixels, colour: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the pixels of one colour, which fill them."""
    matches = (canvas == np.array(colour)).all(axis=2)
    rows, columns = np.flatnonzero(matches.any(axis=1)), np.flatnonzero(matches.any(axis=0))
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    assert matches.sum() == height * width
    return int(columns[0]), int(rows[0]), width, height


def ink(canvas: Pixels, x: slice, y: slice) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the dark pixels within a part of the canvas."""
    dark = canvas[y, x].max(axis=2) < 140
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    return (
        x.start + int(columns[0]),
        y.start + int(rows[0]),
        x.start + int(columns[-1]) + 1,
        y.start + int(rows[-1]) + 1,
    )


def facts(label: str) -> TargetInfo:
    return TargetInfo(label, 0.5, 3)


def published() -> Pixels:
    return panel.compose(
        [
            image_cell(picture()),
            TextCell(("Label and score",), ("Inception top label: baboon", "Score: 0.989469")),
            PictureCell(("Integrated gradients", "(for Inception label)"), picture(colour=GREEN)),
        ]
    )


def test_three_cells_as_published() -> None:
    canvas = published()
    assert canvas.shape == (294, 728, 3)
    assert box(canvas, RED) == (0, 60, 224, 224)
    assert box(canvas, GREEN) == (494, 60, 224, 224)


def test_text_as_published() -> None:
    canvas = published()
    top, middle, bottom = slice(0, 29), slice(30, 60), slice(234, 490)
    # Measured on reference/panels/023d8b91c64faf4b.jpg, dark pixels below 140.
    assert ink(canvas, slice(0, 230), top) == (11, 3, 115, 18)
    assert ink(canvas, bottom, top) == (245, 3, 359, 15)
    assert ink(canvas, slice(494, 728), top) == (505, 3, 653, 18)
    assert ink(canvas, slice(494, 728), middle) == (505, 33, 646, 48)
    assert ink(canvas, bottom, slice(60, 92)) == (245, 72, 420, 86)
    assert ink(canvas, bottom, slice(92, 130)) == (245, 103, 347, 113)


def test_four_cells_with_single_headings_as_published() -> None:
    canvas = panel.compose(
        [
            PictureCell(("Original image",), picture()),
            TextCell(("Label and score",), ("Top label: baboon", "Score: 0.999383")),
            PictureCell(("Integrated gradients", "(for top label)"), picture(colour=(0, 0, 255))),
            PictureCell(("Gradients at image",), picture(colour=GREEN)),
        ],
        headings="short",
    )
    assert canvas.shape == (274, 962, 3)
    assert box(canvas, RED) == (0, 40, 224, 224)
    assert box(canvas, GREEN) == (728, 40, 224, 224)
    # Measured on reference/panels_2017_06/023d8b91c64faf4b.jpg.
    assert ink(canvas, slice(0, 230), slice(0, 38)) == (11, 3, 130, 21)
    assert ink(canvas, slice(728, 960), slice(0, 38)) == (739, 3, 893, 21)
    assert ink(canvas, slice(234, 492), slice(72, 130)) == (245, 83, 347, 93)


def test_headings_over_pictures_alone_as_published() -> None:
    canvas = panel.compose(
        [image_cell(picture()), label_cell([TargetInfo("baboon", 0.999383, 1)])],
        headings="pictures",
    )
    # Measured on reference/panels_2016/023d8b91c64faf4b.jpg.
    assert canvas[:40, 234:].min() == 255
    assert ink(canvas, slice(0, 230), slice(0, 38)) == (11, 3, 130, 21)
    assert ink(canvas, slice(234, 490), slice(72, 130)) == (245, 83, 347, 93)


def test_no_cells_are_an_empty_panel() -> None:
    assert panel.compose([]).shape == (50, 0, 3)


def test_published_words() -> None:
    cell = label_cell([TargetInfo("volleyball", 0.99473512, 890)])
    assert cell.heading == ("Label and score",)
    assert cell.lines == ("Top label: volleyball", "Score: 0.994735")
    assert label_cell([TargetInfo("x", 0.5, 1, is_top=False)]).lines[0] == "Label: x"
    assert attribution_cell("X", picture(), label="cat").heading == ("X", "(for cat)")
    assert label_cell([TargetInfo("x", 1e-7, 0)]).lines[1] == "Score: 1e-07"
    heading = attribution_cell("Integrated gradients", picture()).heading
    assert heading == ("Integrated gradients", "(for top label)")


def test_further_lines_of_the_label() -> None:
    lines: tuple[LabelLine, ...] = ("completeness_error", "target", "label")
    shown = label_cell([TargetInfo("cat", 0.5, 281, 0.0131)], lines).lines
    assert shown == ("Completeness error: 1.31%", "Target: 281", "Top label: cat")
    both = label_cell([facts("cat"), TargetInfo("dog", 0.25, 9, is_top=False)]).lines
    assert both == ("Top label: cat", "Score: 0.5", "Label: dog", "Score: 0.25")
    assert label_cell([facts("cat")], lines).lines[0] == "Completeness error: undefined"


def test_columns_in_any_order() -> None:
    canvas = panel.compose([label_cell([facts("a")]), image_cell(picture())])
    assert canvas.shape == (274, 494, 3)
    assert box(canvas, RED) == (260, 40, 224, 224)
    assert ink(canvas, slice(0, 260), slice(0, 30))[0] == 11


def test_text_alone() -> None:
    canvas = panel.compose([label_cell([facts("a")])])
    assert canvas.shape[1] == 260
    assert (canvas < 100).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (50, 1000), (299, 299)])
def test_any_picture_is_shown_whole(size: tuple[int, int]) -> None:
    canvas = panel.compose(
        [
            image_cell(picture(*size)),
            label_cell([facts("a")]),
            attribution_cell("x", picture(*size)),
        ]
    )
    assert (canvas == np.array(RED)).all(axis=2).sum() == 2 * size[0] * size[1]


def test_narrow_pictures_leave_room_for_their_headings() -> None:
    canvas = panel.compose([image_cell(picture(1, 1)), image_cell(picture(1, 1, GREEN))])
    first = ink(canvas, slice(0, canvas.shape[1]), slice(0, 30))
    assert box(canvas, GREEN)[0] >= 116
    assert first[2] <= canvas.shape[1] - 5


def test_pictures_of_different_sizes_share_a_top() -> None:
    canvas = panel.compose([image_cell(picture(30, 300)), image_cell(picture(90, 40, GREEN))])
    assert box(canvas, RED) == (0, 40, 300, 30)
    assert box(canvas, GREEN)[:2] == (310, 40)
    assert canvas.shape[0] == 40 + 90 + 10


@pytest.mark.parametrize("label", ["many words " * 30, "W" * 300, "中" * 300, "", "\n\n"])
def test_labels_stay_in_their_cell(label: str) -> None:
    alone = panel.compose(
        [image_cell(picture()), label_cell([facts(label)]), image_cell(picture())]
    )
    assert alone.shape[1] == 728
    assert alone[60:, 224:244].min() == 255
    assert alone[60:, 485:494].min() == 255
    assert alone[-10:].min() == 255


def test_long_labels_make_the_panel_higher() -> None:
    low = panel.compose([label_cell([facts("a")]), image_cell(picture(10, 10))])
    high = panel.compose([label_cell([facts("many words " * 40)]), image_cell(picture(10, 10))])
    assert high.shape[0] > low.shape[0] > 90


def test_very_long_headings_are_cut() -> None:
    canvas = panel.compose([attribution_cell("X", picture(), label="W" * 300)])
    # Under the method three lines of the label.
    assert box(canvas, RED) == (0, 4 * 30, 224, 224)
    assert ink(canvas, slice(0, 234), slice(90, 120))[2] <= 234
    whole = panel.compose([attribution_cell("X", picture(), label="W" * 30)])
    assert box(whole, RED)[1] == 4 * 30
