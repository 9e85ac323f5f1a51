import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss

from igcli.integration.quadrature import REFINABLE_RULES, RULES

DEGREES: dict[str, Callable[[int], int]] = {
    "left": lambda steps: 0,
    "right": lambda steps: 0,
    "midpoint": lambda steps: 1,
    "trapezoid": lambda steps: 1,
    "gauss_legendre": lambda steps: 2 * steps - 1,
}
STEPS = [1, 2, 7, 50, 1000]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("steps", STEPS)
def test_weights_sum_to_one(name: str, steps: int) -> None:
    weights = RULES[name](steps).weights
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert (weights > 0).all()


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("steps", STEPS)
def test_points_rise_within_the_path(name: str, steps: int) -> None:
    points = RULES[name](steps).points
    assert (np.diff(points) > 0).all()
    assert points[0] >= 0
    assert points[-1] <= 1


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_rule_is_exact_to_its_degree_and_no_further(name: str, steps: int) -> None:
    rule = RULES[name](steps)
    degree = DEGREES[name](steps)
    for power in range(degree + 1):
        assert rule.weights @ rule.points**power == pytest.approx(1 / (power + 1), abs=1e-14)
    power = degree + 1
    assert abs(rule.weights @ rule.points**power - 1 / (power + 1)) > 1e-10


@pytest.mark.parametrize(
    ("name", "error"),
    [("left", -1 / 20), ("right", 1 / 20), ("midpoint", -1 / 1200), ("trapezoid", 1 / 600)],
)
def test_known_remainders_in_ten_steps(name: str, error: float) -> None:
    rule = RULES[name](10)
    power = DEGREES[name](10) + 1
    assert rule.weights @ rule.points**power - 1 / (power + 1) == pytest.approx(error)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 51, 200])
def test_gauss_legendre_is_numpys(steps: int) -> None:
    points, weights = leggauss(steps)
    rule = RULES["gauss_legendre"](steps)
    np.testing.assert_allclose(rule.points, (1 + points) / 2, atol=1e-15)
    np.testing.assert_allclose(rule.weights, weights / 2, rtol=1e-9)


def test_rules_that_can_be_refined_are_rules() -> None:
    assert set(REFINABLE_RULES) <= set(RULES)


def test_names_of_rules_are_had_without_numpy() -> None:
    code = "import sys, igcli.integration.options; print('numpy' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
