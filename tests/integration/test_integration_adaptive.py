"""Integration to a tolerance, on scores whose integrated gradients are known."""

import math
import tracemalloc
import warnings

import numpy as np
import pytest

from igcli.integration import adaptive, fixed
from igcli.integration.integral import Integral, Segment
from igcli.integration.options import PathOptions
from igcli.integration.quadrature import RULES
from igcli.pipeline.engine.engine import Engine
from support.networks import Separable, Vector, step, step_slope

SHAPE = (1, 1, 4)
IMAGE = np.ones(SHAPE, np.float32)
BLACK = np.zeros(SHAPE, np.float32)
FACTORS = np.array([1.0, 2.0, -1.0, 0.5])


def sharp(where: float, width: float) -> Separable:
    return Separable(
        SHAPE,
        lambda x: FACTORS * step(x, where, width),
        lambda x: FACTORS * step_slope(x, where, width),
    )


def integrate(
    network: Separable, *, batch_size: int = 5, interior: bool = False, **options: object
) -> Integral:
    chosen = PathOptions.model_validate({"steps": "auto", **options})
    shape = network.input_shape
    segment = Segment(np.zeros(shape, np.float32), np.ones(shape, np.float32), 0, interior)
    [integral] = Engine(network, batch_size=batch_size).run([adaptive.integrate(segment, chosen)])
    return integral


def pixel_error(integral: Integral, network: Separable) -> float:
    exact = network.integrated(IMAGE, BLACK)
    return float(np.linalg.norm(integral.attributions - exact) / np.linalg.norm(exact))


def completeness(integral: Integral) -> float:
    difference = integral.end_score - integral.start_score
    return abs(float(integral.attributions.sum()) - difference) / abs(difference)


def test_a_smooth_score_takes_the_first_points_alone() -> None:
    network = Separable(SHAPE, lambda x: x**2, lambda x: 2 * x)
    integral = integrate(network)
    assert integral.evaluations == len(integral.alphas) == 9
    np.testing.assert_allclose(integral.attributions, 1, rtol=1e-6)
    assert not integral.warnings


def test_a_sharp_step_is_found_where_uniform_steps_fail() -> None:
    network = sharp(0.313, 0.0005)
    segment = Segment(BLACK, IMAGE, 0)
    [uniform] = Engine(network, batch_size=5).run(
        [fixed.integrate(segment, RULES["trapezoid"](50))]
    )
    assert completeness(uniform) > 0.5
    integral = integrate(network)
    assert completeness(integral) <= 0.05
    assert pixel_error(integral, network) <= 0.05
    assert integral.evaluations == len(integral.alphas) <= 50
    assert not integral.warnings


def test_most_points_lie_where_the_score_changes() -> None:
    integral = integrate(sharp(0.313, 0.0005))
    near = np.abs(integral.alphas - 0.313) < 0.05
    assert near.mean() > 0.5
    # The nine that every path begins with, and one on the way to the step.
    assert np.count_nonzero(~near) <= 10


def test_errors_that_cancel_in_the_sum_are_refined() -> None:
    # One pixel's step up and another's step down hide between the first points: the total is right
    # to begin with, each of the two pixels missing its whole attribution.
    def scores(x: Vector) -> Vector:
        values = x.copy()
        values[..., 1], values[..., 2] = step(x[..., 1], 0.3, 0.002), -step(x[..., 2], 0.7, 0.002)
        return values

    def slopes(x: Vector) -> Vector:
        values = np.ones_like(x)
        values[..., 1] = step_slope(x[..., 1], 0.3, 0.002)
        values[..., 2] = -step_slope(x[..., 2], 0.7, 0.002)
        return values

    network = Separable(SHAPE, scores, slopes)
    coarse = Segment(BLACK, IMAGE, 0)
    [first] = Engine(network, batch_size=5).run([fixed.integrate(coarse, RULES["trapezoid"](8))])
    assert completeness(first) < 1e-3
    assert pixel_error(first, network) > 0.5
    integral = integrate(network)
    assert 9 < integral.evaluations <= 80
    assert completeness(integral) <= 0.05
    assert pixel_error(integral, network) <= 0.05


def test_errors_that_cancel_at_every_point_are_refined() -> None:
    # Equal and opposite at the same place: the score is straight, and no gap shows anything.
    signs = np.array([0.0, 1.0, -1.0, 0.0])
    network = Separable(
        SHAPE,
        lambda x: x + signs * step(x, 0.3, 0.02),
        lambda x: 1 + signs * step_slope(x, 0.3, 0.02),
    )
    integral = integrate(network)
    assert 9 < integral.evaluations <= 40
    assert pixel_error(integral, network) <= 0.05


@pytest.mark.parametrize("tolerance", [0.1, 0.05, 0.01, 0.001])
def test_a_smaller_tolerance_takes_more_points_and_is_met(tolerance: float) -> None:
    network = sharp(0.6, 0.01)
    integral = integrate(network, tolerance=tolerance)
    assert completeness(integral) <= tolerance
    assert pixel_error(integral, network) <= tolerance
    assert not integral.warnings
    assert integral.evaluations <= 20 / math.sqrt(tolerance)


def test_the_cap_ends_it_with_a_warning() -> None:
    integral = integrate(sharp(0.313, 0.0005), max_steps=12)
    assert integral.evaluations == len(integral.alphas) == 13
    [warning] = integral.warnings
    assert warning.startswith("steps: auto stopped at max_steps (12): ")
    assert "tolerance 0.05" in warning


@pytest.mark.parametrize("most", [1, 3, 8])
def test_the_cap_may_be_lower_than_the_first_points(most: int) -> None:
    assert integrate(sharp(0.313, 0.0005), max_steps=most).evaluations == most + 1


def test_equal_scores_at_both_ends_end_it_at_once() -> None:
    network = Separable(SHAPE, lambda x: x * (1 - x), lambda x: 1 - 2 * x)
    integral = integrate(network)
    assert integral.evaluations == 9
    np.testing.assert_allclose(integral.attributions, 0, atol=1e-6)


def test_a_jump_that_no_gradient_shows_ends_before_the_cap_with_a_warning() -> None:
    network = Separable(SHAPE, lambda x: (x > 0.3).astype(np.float64), np.zeros_like)
    integral = integrate(network)
    assert integral.evaluations < 50
    assert not integral.attributions.any()
    [warning] = integral.warnings
    assert warning.startswith("steps: auto stopped because no interval can be split any further: ")
    assert "off by 100.0%" in warning


def test_a_gradient_that_is_not_finite_ends_it_with_a_warning() -> None:
    network = Separable(SHAPE, np.sqrt, lambda x: np.where(x > 0, 0.5, np.nan))
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        integral = integrate(network)
    assert integral.evaluations == 9
    assert integral.warnings == ("steps: auto stopped at a gradient that is not finite",)


def rough(shape: tuple[int, ...]) -> Separable:
    # Slopes that swing at every scale, as those of deep networks do.
    waves = 2.0 ** np.arange(4, 12)

    def scores(x: Vector) -> Vector:
        return x + sum((np.sin(wave * x) / wave * 0.3 for wave in waves), np.zeros_like(x))

    def slopes(x: Vector) -> Vector:
        return 1 + sum((np.cos(wave * x) * 0.3 for wave in waves), np.zeros_like(x))

    return Separable(shape, scores, slopes)


def test_gradients_that_were_let_go_still_have_their_final_weight() -> None:
    network = rough(SHAPE)
    integral = integrate(network, tolerance=0.01)
    assert len(integral.alphas) > 200
    # Some are taken twice, because only so many are kept.
    assert len(integral.alphas) < integral.evaluations < 2 * len(integral.alphas)
    assert sum(network.batches) >= integral.evaluations
    weights = (np.diff(integral.alphas, prepend=0) + np.diff(integral.alphas, append=1)) / 2
    points = np.broadcast_to(integral.alphas[:, None, None, None], (len(weights), *SHAPE))
    expected = (weights[:, None, None, None] * network.pixel_slopes(points)).sum(0)
    np.testing.assert_allclose(integral.attributions, expected, rtol=2e-5)


def test_memory_does_not_grow_with_the_number_of_points() -> None:
    def peak(most: int) -> int:
        tracemalloc.start()
        integral = integrate(rough((30, 30, 3)), tolerance=1e-4, max_steps=most, interior=True)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(integral.alphas) == most + 1
        return highest

    # Rounds, and with them what is under way, have their full size from 256 points on.
    gradient = 4 * 30 * 30 * 3
    assert peak(300) < 280 * gradient
    assert peak(900) < peak(300) + 60 * gradient


def test_interior_gradients_are_those_nearest_to_even_spacing() -> None:
    network = sharp(0.3, 0.01)
    integral = integrate(network, interior=True, tolerance=0.001)
    assert integral.interior is not None
    assert len(integral.alphas) > 51
    shown = integral.interior.alphas
    assert len(shown) <= 51
    for even in np.linspace(0, 1, 51):
        nearest = integral.alphas[np.abs(integral.alphas - even).argmin()]
        assert nearest in shown
    expected = (FACTORS * step_slope(shown[:, None], 0.3, 0.01)).mean(-1)
    np.testing.assert_allclose(integral.interior.maps[:, 0, 0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 7, 64])
def test_results_do_not_depend_on_the_batch_size(batch_size: int) -> None:
    network = rough(SHAPE)
    first = integrate(network, batch_size=5, tolerance=0.01)
    again = integrate(rough(SHAPE), batch_size=batch_size, tolerance=0.01)
    np.testing.assert_array_equal(first.alphas, again.alphas)
    np.testing.assert_array_equal(first.attributions, again.attributions)


def test_points_of_many_inputs_share_full_batches() -> None:
    network = sharp(0.313, 0.01)
    computations = [
        adaptive.integrate(Segment(BLACK, IMAGE * scale, 0), PathOptions(steps="auto"))
        for scale in np.linspace(0.5, 2, 40, dtype=np.float32)
    ]
    integrals = list(Engine(network, batch_size=16).run(computations))
    taken = sum(integral.evaluations for integral in integrals)
    assert taken <= sum(network.batches) < taken * 1.3 + 16 * 6
