import numpy as np
import pytest

from igcli.paths.quadrature import RULES

DEGREES = {"trapezoid": lambda steps: 1}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("steps", [1, 2, 7, 50])
def test_weights_sum_to_one(name: str, steps: int) -> None:
    assert RULES[name](steps).weights.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("steps", [1, 2, 7, 50])
def test_points_rise_within_the_path(name: str, steps: int) -> None:
    points = RULES[name](steps).points
    assert (np.diff(points) > 0).all()
    assert points[0] >= 0
    assert points[-1] <= 1


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_rule_is_exact_to_its_degree(name: str, steps: int) -> None:
    rule = RULES[name](steps)
    for degree in range(DEGREES[name](steps) + 1):
        assert (rule.weights * rule.points**degree).sum() == pytest.approx(1 / (degree + 1))


def test_trapezoid_of_a_square_is_off_by_the_known_remainder() -> None:
    rule = RULES["trapezoid"](10)
    assert (rule.weights * rule.points**2).sum() == pytest.approx(1 / 3 + 1 / (6 * 10**2))
