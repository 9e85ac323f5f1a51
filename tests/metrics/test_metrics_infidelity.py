"""Infidelity: exact gradients of a linear network predict every perturbation."""

from typing import Any

import numpy as np
import pytest

from igcli.records import Array
from support.measuring import linear, measured, subject_of
from support.networks import Separable

SHAPE = (6, 9, 3)
PERTURBATIONS = ("square", "noisy_baseline", "noise")


def images(channels: int = 3) -> tuple[Array, Array, Array]:
    """Return an image, a baseline and factors of a linear network of small scores."""
    rng = np.random.default_rng(8)
    shape = (*SHAPE[:2], channels)
    image, baseline = rng.uniform(0, 255, (2, *shape)).astype(np.float32)
    return image, baseline, (rng.normal(size=shape) / 1000).astype(np.float32)


@pytest.mark.parametrize("perturbation", PERTURBATIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_exact_gradients_of_a_linear_network_are_faithful(perturbation: str, channels: int) -> None:
    image, baseline, factors = images(channels)
    network = linear(image.shape, factors)
    for attributions, multiplied in ((factors, False), (factors * (image - baseline), True)):
        found = measured(
            "infidelity",
            subject_of(image, attributions, baseline=baseline),
            network,
            perturbation=perturbation,
            square_size=3,
            multiplied_by_input=multiplied,
        )
        assert found.value == pytest.approx(0, abs=1e-10)


def test_zero_attributions_miss_the_whole_effect() -> None:
    image, baseline, factors = images()
    effects = (factors * (image - baseline)).astype(np.float64)
    # Squares of 5 in 6 x 9 pixels: 2 x 5 positions, all of which 1,000 draws hit about equally.
    squares = [effects[y : y + 5, x : x + 5].sum() for y in range(2) for x in range(5)]
    for normalize in (False, True):
        found = measured(
            "infidelity",
            subject_of(image, np.zeros_like(image), baseline=baseline),
            linear(SHAPE, factors),
            square_size=5,
            samples=1000,
            normalize=normalize,
        )
        assert found.value == pytest.approx(np.mean(np.square(squares)), rel=0.1)


def test_the_error_of_one_square_is_that_of_its_sum() -> None:
    image, baseline, factors = images()
    network = Separable(SHAPE, lambda x: factors * x**2, lambda x: 2 * factors * x)
    attributions = np.random.default_rng(2).normal(size=SHAPE).astype(np.float32)
    x, y, c = (each.astype(np.float64) for each in (image, baseline, factors))
    error = attributions.sum(dtype=np.float64) - (c * (x**2 - y**2)).sum()
    # A square larger than the image is the image.
    subject = subject_of(image, attributions, baseline=baseline)
    found = measured("infidelity", subject, network, square_size=99, samples=3)
    assert found.value == pytest.approx(error**2, rel=1e-4)


@pytest.mark.parametrize("perturbation", PERTURBATIONS)
def test_scaled_attributions_are_as_good_once_normalized(perturbation: str) -> None:
    image, baseline, factors = images()
    attributions = np.random.default_rng(2).normal(size=SHAPE).astype(np.float32) / 100
    options: dict[str, Any] = {"perturbation": perturbation, "square_size": 3}

    def infidelity(scale: float, *, normalize: bool) -> float:
        subject = subject_of(image, (scale * attributions).astype(np.float32), baseline=baseline)
        found = measured(
            "infidelity", subject, linear(SHAPE, factors), normalize=normalize, **options
        )
        assert found.value is not None
        return found.value

    best = infidelity(1, normalize=True)
    assert infidelity(-8, normalize=True) == pytest.approx(best, rel=1e-4)
    assert best <= min(infidelity(scale, normalize=False) for scale in (-8, -1, 0.1, 1))


def test_pixels_like_the_baseline_are_taken_as_they_are() -> None:
    image, _, factors = images()
    image[:, 4:] = 0
    subject = subject_of(image, factors)
    found = measured(
        "infidelity", subject, linear(SHAPE, 0.0), perturbation="noise", samples=1, noise=0.1
    )
    again = subject_of(image, factors / (image + (image == 0)).astype(np.float32))
    plain = measured(
        "infidelity",
        again,
        linear(SHAPE, 0.0),
        perturbation="noise",
        samples=1,
        noise=0.1,
        multiplied_by_input=False,
    )
    assert found.value is not None
    assert found.value == pytest.approx(plain.value, rel=1e-4)


def test_the_network_is_asked_about_as_many_images_as_samples_and_the_image() -> None:
    image, _, factors = images()
    network = linear(SHAPE, factors)
    measured("infidelity", subject_of(image, image), network, samples=31)
    assert network.predictions == 1
