"""Methods that ask for scores, on a network that scores each pixel."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from igcli.integration.baseline_sampler import BaselineSampler
from igcli.methods import MethodOptions, References
from igcli.models.network.network import TensorFlowNetwork
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.explain import explain
from igcli.pipeline.explain.spec import AttributionSpec
from igcli.records import Array, Explanation
from support.networks import Vector

SHAPE = (3, 4, 3)
WEIGHTS = np.array([[0.5, 0.1, -0.2], [-0.3, 0.4, 0.1]])


def pixel_scores(x: npt.NDArray[np.floating[Any]]) -> Vector:
    """Return two scores, (..., P, 2), of each pixel, which depend on its neighbour too."""
    rows = x.reshape(*x.shape[:-3], -1, 3).astype(np.float64) @ WEIGHTS.T
    scores: Vector = rows + 0.25 * np.roll(rows, 1, axis=-2)
    return scores


def network() -> TensorFlowNetwork:
    def scores(x: Any) -> Any:
        rows = tf.reshape(x @ tf.constant(WEIGHTS.T, tf.float32), (-1, 12, 2))
        return tf.reshape(rows + 0.25 * tf.roll(rows, 1, 1), (-1, 3, 4, 2))

    return TensorFlowNetwork(scores, SHAPE)


def explained(name: str, own: dict[str, Any], references: References | None = None) -> Explanation:
    options = MethodOptions.model_validate({name: own})
    spec = AttributionSpec((name,), options, BaselineSampler("black"), references=references)
    [[explanation]] = Engine(network(), batch_size=4).run([explain(image(), spec)])
    return explanation


def image() -> Array:
    return np.random.default_rng(5).uniform(0, 255, SHAPE).astype(np.float32)


def chosen_pixels() -> tuple[int, npt.NDArray[np.bool_]]:
    """Return the class of most pixels, and which these are."""
    classes = pixel_scores(image()).argmax(-1)
    target = int((classes == 1).sum() > 6)
    return target, classes == target


def test_occlusion_of_pixel_scores_is_that_of_their_sum() -> None:
    target, chosen = chosen_pixels()
    assert 0 < chosen.sum() < 12
    before = pixel_scores(image())[chosen, target].sum()
    expected = np.zeros(SHAPE)
    for row in range(3):
        for column in range(4):
            hidden = image()
            hidden[row, column] = 0
            expected[row, column] = (before - pixel_scores(hidden)[chosen, target].sum()) / 3
    explanation = explained("occlusion", {"size": 1})
    assert explanation.target == target
    assert explanation.pixels == chosen.sum()
    np.testing.assert_allclose(explanation.attributions, expected, rtol=1e-4, atol=1e-4)


def test_rise_of_pixel_scores_is_that_of_their_sum() -> None:
    target, chosen = chosen_pixels()
    explanation = explained("rise", {"masks": 3, "probability": 1 - 1e-9})
    # Masks that keep everything: the score itself.
    expected = np.full(SHAPE, pixel_scores(image())[chosen, target].sum() / 3)
    np.testing.assert_allclose(explanation.attributions, expected, rtol=1e-4)


def test_noise_around_baselines_has_scores_of_the_same_pixels() -> None:
    target, chosen = chosen_pixels()
    drawn = image()[::-1].copy()
    own = {"samples": 4, "noise_levels": 1e-4}
    references = References([drawn], pixel_scores(drawn[None]).astype(np.float32))
    explanation = explained("expected_gradients", own, references)
    expected = pixel_scores(drawn)[chosen, target].sum()
    assert explanation.baseline_score == pytest.approx(expected, rel=1e-3)
    # The network is linear, so that the attributions add up whatever the points are.
    assert explanation.completeness_error is not None
    assert explanation.completeness_error < 1e-3
