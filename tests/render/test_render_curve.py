"""The plot of the path shows the numbers that it is given, whatever they are."""

import numpy as np
import numpy.typing as npt
import pytest

from igcli.records import Pixels
from igcli.render.curve import GATHERED_COLOUR, MARK_COLOUR, SCORE_COLOUR, Curve, draw, marked
from igcli.render.panel import baseline_cell, path_cell

Places = npt.NDArray[np.intp]
ALPHAS = np.linspace(0, 1, 11)


def ramp() -> Curve:
    return Curve(ALPHAS, ALPHAS.astype(np.float32))


def near(plot: Pixels, colour: tuple[int, int, int]) -> tuple[Places, ...]:
    return np.nonzero(np.abs(plot.astype(int) - colour).max(axis=2) < 40)


def within(plot: Pixels) -> Pixels:
    """The part over the axis and right of the labels."""
    return plot[:180, 60:]


def test_a_rising_score_rises() -> None:
    rows, columns = near(within(draw(ramp(), height=224, width=224)), SCORE_COLOUR)
    assert np.corrcoef(rows, columns)[0, 1] < -0.999


def test_a_constant_score_is_level() -> None:
    plot = draw(Curve(ALPHAS, np.full(11, 0.7, np.float32)), height=224, width=224)
    rows, _ = near(within(plot), SCORE_COLOUR)
    assert np.ptp(rows) <= 5


def test_the_completeness_gap_is_seen() -> None:
    gathered = 0.8 * ALPHAS
    plot = draw(Curve(ALPHAS, ALPHAS.astype(np.float32), gathered), height=224, width=224)
    last = within(plot)[:, -10]
    score = np.nonzero(np.abs(last.astype(int) - SCORE_COLOUR).max(axis=1) < 60)[0].mean()
    gathered = np.nonzero(np.abs(last.astype(int) - GATHERED_COLOUR).max(axis=1) < 60)[0].mean()
    height = 224 - 2 * 14 - 6 - 6
    assert gathered - score == pytest.approx(0.2 * height, abs=3)


@pytest.mark.parametrize("alpha", [0, 0.25, 1])
def test_the_mark_stands_on_the_score(alpha: float) -> None:
    plot = draw(ramp(), height=224, width=224)
    shown = marked(plot, ramp(), alpha)
    rows, columns = near(shown, MARK_COLOUR)
    left = near(marked(plot, ramp(), 0), MARK_COLOUR)[1].mean()
    right = near(marked(plot, ramp(), 1), MARK_COLOUR)[1].mean()
    assert columns.mean() == pytest.approx(left + alpha * (right - left), abs=1)
    assert rows.mean() == pytest.approx(6 + (1 - alpha) * (224 - 34 - 6), abs=1)
    assert near(plot, MARK_COLOUR)[0].size == 0


@pytest.mark.parametrize(
    "scores",
    [
        [np.nan] * 11,
        [0.5, np.nan, *[0.7] * 9],
        [np.inf] * 11,
        [1e30] * 10 + [-1e30],
        [1e-30] * 11,
        [1e30] * 11,
        [0.0] * 11,
    ],
)
def test_strange_scores_are_drawn(scores: list[float]) -> None:
    curve = Curve(ALPHAS, np.array(scores, np.float32), np.array(scores))
    plot = draw(curve, height=224, width=224)
    assert plot.shape == (224, 224, 3)
    assert marked(plot, curve, 0.1).shape == plot.shape


def test_a_single_point_is_a_dot() -> None:
    plot = draw(Curve(np.array([0.5]), np.array([0.3], np.float32)), height=224, width=224)
    rows, columns = near(within(plot), SCORE_COLOUR)
    assert 4 <= rows.size <= 25
    assert np.ptp(columns) < 6


@pytest.mark.parametrize(("height", "width"), [(1, 1), (224, 224), (50, 1000), (1000, 50)])
def test_plots_have_the_size_of_the_pictures(height: int, width: int) -> None:
    cell = path_cell(ramp(), height=height, width=width)
    assert cell.picture.shape == (max(height, 120), max(width, 200), 3)


def test_thousand_points_are_drawn() -> None:
    alphas = np.linspace(0, 1, 1000)
    plot = draw(Curve(alphas, np.sin(9 * alphas).astype(np.float32)), height=224, width=224)
    assert near(within(plot), SCORE_COLOUR)[0].size > 500


def test_the_baseline_is_shown_as_it_is() -> None:
    picture = baseline_cell(np.full((3, 4, 3), 128.0, np.float32)).picture
    assert (picture == 128).all()
    assert picture.dtype == np.uint8
