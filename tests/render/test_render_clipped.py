"""Morphology of the style clipped, against definitions written out pixel by pixel."""

import numpy as np
import pytest

from igcli.records import Array
from igcli.render.options import PanelOptions
from igcli.render.styles.clipped import cleaned, outlined
from igcli.render.visualize import paint


def extreme(values: Array, take: str) -> Array:
    """The largest or smallest value of each 3x3 neighbourhood, mirrored at the edges."""
    padded = np.pad(values, 1, mode="symmetric")
    rows, columns = values.shape
    shifted = [padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    extremes: Array = np.max(shifted, axis=0) if take == "max" else np.min(shifted, axis=0)
    return extremes


def test_cleaning_is_closing_then_opening() -> None:
    values = np.random.default_rng(0).random((15, 11)).astype(np.float32)
    closed = extreme(extreme(values, "max"), "min")
    opened = extreme(extreme(closed, "min"), "max")
    np.testing.assert_array_equal(cleaned(values), opened)


def test_cleaning_removes_specks_and_closes_gaps() -> None:
    values = np.zeros((20, 20), np.float32)
    values[15, 14] = 1
    values[4:10, 4:10] = 1
    values[6, 6] = 0
    expected = np.zeros((20, 20), np.float32)
    expected[4:10, 4:10] = 1
    np.testing.assert_array_equal(cleaned(values), expected)


def test_outlines_of_filled_shapes() -> None:
    values = np.zeros((10, 10), np.float32)
    values[2:8, 2:8] = 0.5
    values[4:6, 4:6] = 0
    expected = np.zeros((10, 10), np.float32)
    expected[2:8, 2:8] = 1
    expected[3:7, 3:7] = 0
    np.testing.assert_array_equal(outlined(values), expected)


def test_values_up_to_a_thousandth_are_no_shape() -> None:
    assert outlined(np.full((5, 5), 0.001, np.float32)).sum() == 0
    assert outlined(np.full((5, 5), 0.0011, np.float32)).sum() == 16


def squares(*sides: int) -> Array:
    values = np.zeros((40, 40 * len(sides)), np.float32)
    for number, side in enumerate(sides):
        values[1 : 1 + side, 40 * number + 1 : 40 * number + 1 + side] = 1
    return values


@pytest.mark.parametrize(
    ("sides", "kept"),
    [
        ((30,), [0]),
        ((30, 5), [0]),
        ((20, 20, 5), [0, 1]),
        ((20, 5, 20), [0, 2]),
        ((10, 10, 10, 10, 10), [0, 1, 2]),
        ((5, 30, 8), [1]),
        ((5, 30, 12), [1, 2]),
    ],
)
def test_the_largest_shapes_are_kept(sides: tuple[int, ...], kept: list[int]) -> None:
    drawn = outlined(squares(*sides))
    outlines = [number for number in range(len(sides)) if drawn[:, 40 * number :][:, :40].any()]
    assert outlines == kept


def test_corners_connect() -> None:
    values = np.zeros((20, 20), np.float32)
    values[2:6, 2:6] = 1
    values[6:10, 6:10] = 1
    values[15, 15] = 1
    assert outlined(values)[2:10, 2:10].sum() == 24
    assert outlined(values)[15, 15] == 0


def test_nothing_has_no_outline() -> None:
    assert outlined(np.zeros((4, 4), np.float32)).sum() == 0


@pytest.mark.parametrize("polarity", ["positive", "negative", "both"])
def test_cleanup_and_outlines_in_a_picture(polarity: str) -> None:
    image = np.zeros((30, 30, 3), np.uint8)
    attributions = np.zeros((30, 30, 3), np.float32)
    attributions[2:9, 2:9] = 0.5
    attributions[15:24, 15:24] = -0.5
    attributions[27, 3] = 0.5
    options = PanelOptions.model_validate(
        {"style": "clipped", "polarity": polarity, "cleanup": True, "outlines": True}
    )
    picture = paint(image, attributions, options).picture
    expected = np.zeros((30, 30, 3), np.uint8)
    if polarity != "negative":
        expected[2:9, 2:9, 1] = 127
        expected[3:8, 3:8, 1] = 0
    if polarity != "positive":
        expected[15:24, 15:24, 0] = 127
        expected[16:23, 16:23, 0] = 0
    np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (50, 2)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    attributions = np.full((*size, 3), 0.3, np.float32)
    options = PanelOptions(style="clipped", cleanup=True, outlines=True)
    assert paint(image, attributions, options).picture.shape == (*size, 3)
