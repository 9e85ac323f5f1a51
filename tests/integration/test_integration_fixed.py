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
    [integral] = Engine(network, batch_size=4).run([fixed.integrate(segment, RULES[name](10))])
    return integral, network


@pytest.mark.parametrize("name", RULES)
def test_scores_of_both_ends_are_right_whatever_the_points(name: str) -> None:
    integral, _ = integrate(name)
    assert integral.start_score == pytest.approx(18)
    assert integral.end_score == pytest.approx((END.astype(np.float64) ** 3).sum())


@pytest.mark.parametrize("name", RULES)
def test_points_and_scores_are_those_evaluated(name: str) -> None:
    integral, network = integrate(name)
    assert integral.evaluations == len(integral.alphas) == POINTS[name]
    x = START + integral.alphas[:, None, None, None] * (END - START)
    np.testing.assert_allclose(integral.scores, (x**3).sum((1, 2, 3)), rtol=1e-6)
    assert sum(network.batches) == 12
    # An end that is no point of the rule costs a prediction, not a gradient.
    assert network.predictions == (name != "trapezoid")


@pytest.mark.parametrize("name", RULES)
def test_attributions_are_off_by_no_more_than_the_rules_remainder(name: str) -> None:
    integral, network = integrate(name)
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
    assert (np.abs(integral.attributions - exact) <= bounds[name] + 1e-5 * exact).all()


@pytest.mark.parametrize("name", RULES)
def test_interior_gradients_are_those_of_the_points(name: str) -> None:
    integral, _ = integrate(name, interior=True)
    assert integral.interior is not None
    np.testing.assert_array_equal(integral.interior.alphas, integral.alphas)
    x = START + integral.alphas[:, None, None, None] * (END - START)
    np.testing.assert_allclose(integral.interior.maps, (END * 3 * x**2).mean(-1), rtol=1e-5)
