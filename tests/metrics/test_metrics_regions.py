"""AOPC, where the best order of regions is known."""

import numpy as np
import pytest

from igcli.records import Array
from support.measuring import linear, measured, subject_of

SHAPE = (7, 10, 3)


def images(channels: int = 3) -> tuple[Array, Array]:
    rng = np.random.default_rng(5)
    image = rng.uniform(0, 255, (*SHAPE[:2], channels)).astype(np.float32)
    return image, rng.normal(size=image.shape).astype(np.float32)


def falls(image: Array, attributions: Array, size: int, replacement: Array) -> list[float]:
    """Return f(x) - f(x_k) for k = 0, 1, ... of the sum of all values, region by region."""
    corners = [(y, x) for y in range(0, SHAPE[0], size) for x in range(0, SHAPE[1], size)]
    slices = [np.s_[y : y + size, x : x + size] for y, x in corners]
    slices.sort(key=lambda at: -float(attributions[at].sum(dtype=np.float64)))
    steps = [float((image[at] - replacement[at]).sum(dtype=np.float64)) for at in slices]
    return [0.0, *np.cumsum(steps).tolist()]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [1, 3, 4, 50])
def test_aopc_is_the_mean_fall_of_the_score(size: int, channels: int) -> None:
    image, attributions = images(channels)
    expected = falls(image, attributions, size, np.zeros_like(image))
    found = measured(
        "aopc", subject_of(image, attributions), region_size=size, fill="black", regions=999
    )
    assert found.value == pytest.approx(np.mean(expected), rel=1e-5)
    assert found.curve is not None
    assert found.curve.shares[0] == 0
    assert found.curve.shares[-1] == 1
    np.testing.assert_allclose(found.curve.scores[0] - found.curve.scores, expected, atol=0.05)


def test_only_so_many_regions_are_replaced() -> None:
    image, attributions = images()
    expected = falls(image, attributions, 3, np.zeros_like(image))[:6]
    subject = subject_of(image, attributions)
    found = measured("aopc", subject, region_size=3, fill="black", regions=5)
    assert found.value == pytest.approx(np.mean(expected), rel=1e-5)


def test_of_all_orders_that_by_value_is_best_and_its_reverse_is_worst() -> None:
    image, attributions = images()
    options = {"region_size": 2, "fill": "black", "regions": 12}
    best = measured("aopc", subject_of(image, image), **options).value
    worst = measured("aopc_lerf", subject_of(image, image), **options).value
    other = measured("aopc", subject_of(image, attributions), **options).value
    assert best is not None
    assert other is not None
    assert worst is not None
    assert worst < other < best


def test_the_least_relevant_first_are_the_most_relevant_of_the_negative() -> None:
    image, attributions = images()
    options = {"region_size": 3, "fill": "mean"}
    least = measured("aopc_lerf", subject_of(image, attributions), **options).value
    most = measured("aopc", subject_of(image, -attributions), **options).value
    assert least == pytest.approx(most, rel=1e-9)


def test_random_pixels_are_on_average_half_of_white_and_follow_the_seed() -> None:
    image, attributions = images()
    expected = np.mean(falls(image, attributions, 2, np.full_like(image, 127.5)))
    values = [
        measured(
            "aopc", subject_of(image, attributions, seed=seed), region_size=2, repeats=400
        ).value
        for seed in (1, 1, 2)
    ]
    # A sum of 210 uniform values of 0 to 255, over 400 draws, has a standard error of 53.
    assert values[0] == pytest.approx(expected, abs=4 * 53)
    assert values[0] == values[1]
    assert values[0] != values[2]


def test_constant_scores_do_not_fall() -> None:
    image, attributions = images()
    network = linear(image.shape, 0.0)
    assert measured("aopc", subject_of(image, attributions), network).value == 0
