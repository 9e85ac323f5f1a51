"""Max-sensitivity: attributions of networks whose gradients are known."""

from dataclasses import replace

import numpy as np
import pytest

from igcli.integration.randomness import seeds
from igcli.integration.requests import Computation, gradients_at
from igcli.metrics import Subject
from igcli.records import Array
from support.measuring import linear, measured, subject_of
from support.networks import Separable

SHAPE = (6, 9, 3)


def gradient(image: Array) -> Computation[Array]:
    [answer] = yield from gradients_at([image], 0)
    return answer.gradients


def subject(attributions: Array | None = None) -> Subject:
    """Return a subject whose attributions are gradients of the sum of squares, 2 x."""
    image = np.random.default_rng(8).uniform(0, 255, SHAPE).astype(np.float32)
    given = 2 * image if attributions is None else attributions
    return subject_of(image, given, attribute=gradient, seed=3)


SQUARES = Separable(SHAPE, lambda x: x**2, lambda x: 2 * x)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("samples", [1, 10, 100])
def test_it_is_the_largest_distance(samples: int, normalize: bool) -> None:
    one = subject()
    radius = 0.1 * 255
    distances = []
    for seed in seeds(3, one.image, "max_sensitivity", samples):
        random = np.random.default_rng(seed).random(SHAPE, np.float32)
        # Gradients are 2 x, so that they change by twice the change of the image.
        distances.append(2 * np.linalg.norm(radius * (2 * random.astype(np.float64) - 1)))
    norm = np.linalg.norm(2 * one.image.astype(np.float64)) if normalize else 1
    found = measured(
        "max_sensitivity", one, SQUARES, radius=0.1, samples=samples, normalize=normalize
    )
    assert found.value == pytest.approx(max(distances) / norm, rel=1e-5)


def test_no_change_exceeds_the_radius() -> None:
    one = subject()
    found = measured("max_sensitivity", one, SQUARES, radius=0.1, normalize=False, samples=50)
    assert found.value is not None
    # Uniform values of -r to r have a mean square of r ** 2 / 3.
    assert found.value < 2 * 25.5 * np.sqrt(162)
    assert found.value == pytest.approx(2 * 25.5 * np.sqrt(162 / 3), rel=0.2)


def test_a_linear_network_has_the_same_gradients_everywhere() -> None:
    factors = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    found = measured("max_sensitivity", subject(factors), linear(SHAPE, factors))
    assert found.value == 0


def test_attributions_of_zero_have_no_relative_change() -> None:
    found = measured("max_sensitivity", subject(np.zeros(SHAPE, np.float32)), SQUARES)
    assert found.value is None
    assert "all attributions are zero" in found.warnings[0]


def test_attributions_that_cannot_be_computed_again_have_none() -> None:
    found = measured("max_sensitivity", replace(subject(), attribute=None), SQUARES)
    assert found.value is None
    assert "cannot be computed" in found.warnings[0]
