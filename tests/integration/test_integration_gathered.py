"""The attribution gathered along a path, for plots: the integral up to each point."""

import numpy as np
import numpy.typing as npt
import pytest

from igcli.integration import adaptive, fixed
from igcli.integration.integral import Integral, Segment
from igcli.integration.options import PathOptions
from igcli.integration.quadrature import RULES
from igcli.pipeline.engine.engine import Engine
from support.networks import Separable

SHAPE = (2, 3, 3)
START = np.full(SHAPE, 1, np.float32)
END = np.linspace(2, 4, 18, dtype=np.float32).reshape(SHAPE)
SEGMENT = Segment(START, END, 0, gathered=True)
Vector = npt.NDArray[np.float64]

# Sums of slopes, each times a tenth of the path, that come before the point numbered i.
SLOPES_BEFORE = {
    "left": lambda s, i: s[:i].sum(),
    "right": lambda s, i: s[: i + 1].sum(),
    "midpoint": lambda s, i: s[:i].sum() + s[i] / 2,
    "trapezoid": lambda s, i: sum((s[j] + s[j + 1]) / 2 for j in range(i)),
}


def cubes() -> Separable:
    return Separable(SHAPE, lambda x: x**3, lambda x: 3 * x**2)


def integrate(name: str, steps: int, segment: Segment = SEGMENT) -> Integral:
    [integral] = Engine(cubes(), batch_size=4).run([fixed.integrate(segment, RULES[name](steps))])
    return integral


def slopes(alphas: Vector) -> Vector:
    direction = (END - START).astype(np.float64)
    x = START + alphas[:, None, None, None] * direction
    total: Vector = (3 * x**2 * direction).sum((1, 2, 3))
    return total


@pytest.mark.parametrize("name", SLOPES_BEFORE)
def test_each_slope_holds_over_its_part_of_the_path(name: str) -> None:
    integral = integrate(name, 10)
    along = slopes(integral.alphas)
    expected = [18 + SLOPES_BEFORE[name](along, i) / 10 for i in range(len(along))]
    assert integral.gathered is not None
    np.testing.assert_allclose(integral.gathered, expected, rtol=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_it_follows_the_score_where_the_rule_is_fine(name: str) -> None:
    integral = integrate(name, 300)
    assert integral.gathered is not None
    np.testing.assert_allclose(integral.gathered, integral.scores, rtol=0.02)


@pytest.mark.parametrize("steps", [1, 10])
def test_the_gap_at_the_end_is_the_completeness_error(steps: int) -> None:
    integral = integrate("trapezoid", steps)
    assert integral.gathered is not None
    assert integral.gathered[0] == integral.start_score
    total = integral.attributions.sum(dtype=np.float64)
    assert integral.gathered[-1] == pytest.approx(integral.start_score + total, rel=1e-6)
    assert integral.gathered[-1] > integral.end_score * 1.0001


def test_it_is_known_at_the_points_of_refined_paths() -> None:
    options = PathOptions.model_validate({"steps": "auto", "tolerance": 0.0005})
    [integral] = Engine(cubes(), batch_size=4).run([adaptive.integrate(SEGMENT, options)])
    along = slopes(integral.alphas)
    widths = np.diff(integral.alphas)
    assert len(set(np.round(widths, 9))) > 1
    expected = 18 + np.cumsum([0, *(widths * (along[1:] + along[:-1]) / 2)])
    assert integral.gathered is not None
    np.testing.assert_allclose(integral.gathered, expected, rtol=1e-5)


def test_it_is_none_where_nobody_asks() -> None:
    segment = Segment(START, END, 0)
    assert integrate("trapezoid", 5, segment).gathered is None
    job = adaptive.integrate(segment, PathOptions(steps="auto"))
    [integral] = Engine(cubes(), batch_size=4).run([job])
    assert integral.gathered is None
