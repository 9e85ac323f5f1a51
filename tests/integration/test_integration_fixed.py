"""Integration by rules whose points are known beforehand."""

import numpy as np
import pytest

from igcli.integration import fixed
from igcli.integration.integral import Integral, Segment
from igcli.integration.quadrature import RULES
from igcli.pipeline.engine.engine import Engine
from support.networks import Separable

SHAPE = (2, 3, 3)
START = np.full(SHAPE, 1, np.float32)
END = np.linspace(2, 4, 18, dtype=np.float32).reshape(SHAPE)
POINTS = {"left": 10, "right": 10, "midpoint": 10, "trapezoid": 11, "gauss_legendre": 10}


def cubes() -> Separable:
    return Separable(SHAPE, lambda x: x**3, lambda x: 3 * x**2)


def integrate(name: str, *, interior: bool = False) -> tuple[Integral, Separable]:
    network = cubes()
    segment = Segment(START, END, 0, interior)
    [found] = Engine(network, batch_size=4).run([fixed.integrate(segment, RULES[name](10))])
    return found, network


@pytest.mark.parametrize("name", RULES)
def test_scores_of_both_ends_are_right_whatever_the_points(name: str) -> None:
    found, _ = integrate(name)
    assert found.start_score == pytest.approx(18)
    assert found.end_score == pytest.approx((END.astype(np.float64) ** 3).sum())


@pytest.mark.parametrize("name", RULES)
def test_points_and_scores_are_those_evaluated(name: str) -> None:
    found, network = integrate(name)
    assert found.evaluations == len(found.alphas) == POINTS[name]
    x = START + found.alphas[:, None, None, None] * (END - START)
    np.testing.assert_allclose(found.scores, (x**3).sum((1, 2, 3)), rtol=1e-6)
    assert sum(network.batches) == 12
    # An end that is no point of the rule costs a prediction, not a gradient.
    assert network.predictions == (name != "trapezoid")


@pytest.mark.parametrize("name", RULES)
def test_attributions_are_off_by_no_more_than_the_rules_remainder(name: str) -> None:
    found, network = integrate(name)
    exact = network.integrated(END, START)
    # Slopes along the path are 3 d (x + a d)**2: first derivative up to 6 d**2 (x + d).
    d = (END - START).astype(np.float64)
    bounds = {
        "left": 6 * d**2 * END / 20,
        "right": 6 * d**2 * END / 20,
        "midpoint": 6 * d**3 / 2400,
        "trapezoid": 6 * d**3 / 1200,
        "gauss_legendre": 0 * d,
    }
    assert (np.abs(found.attributions - exact) <= bounds[name] + 1e-5 * exact).all()


@pytest.mark.parametrize("name", RULES)
def test_interior_gradients_are_those_of_the_points(name: str) -> None:
    found, _ = integrate(name, interior=True)
    assert found.interior is not None
    np.testing.assert_array_equal(found.interior.alphas, found.alphas)
    x = START + found.alphas[:, None, None, None] * (END - START)
    np.testing.assert_allclose(found.interior.maps, (END * 3 * x**2).mean(-1), rtol=1e-5)
