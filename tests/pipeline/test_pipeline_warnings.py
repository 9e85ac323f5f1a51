"""What is said of explanations that mean little."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import igcli

ROW = np.array([[0.2, 0.9, 0.4]], np.float32)
LOGITS = np.array([[0.0, 3.0, 0.0]], np.float32)  # At the black baseline.


def warned(model: Any, inputs: Any = ROW, **options: Any) -> str:
    [warnings] = igcli.attribute(model, inputs, **options).warnings
    return "; ".join(warnings)


@pytest.mark.parametrize(
    ("ending", "is_warned"),
    [
        (tf.nn.softmax, True),
        (tf.nn.log_softmax, True),
        (lambda x: tf.identity(tf.nn.softmax(x)), True),
        (tf.nn.sigmoid, False),
        (lambda x: tf.nn.sigmoid(x[:, :2]), False),
        (lambda x: 1.0 * tf.nn.sigmoid(x), False),
        (lambda x: x, False),
        (lambda x: x / 4, False),
    ],
)
def test_baselines_are_confident_where_classes_exclude_each_other(
    ending: Callable[[Any], Any], is_warned: bool
) -> None:
    text = warned(lambda x: ending(x + LOGITS))
    assert ("the baseline itself is classified with confidence" in text) == is_warned
    if is_warned:
        assert "0.909 for output 1" in text  # softmax(0, 3, 0)


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize("explain", ["probability", "logit"])
def test_a_loaded_networks_baseline_is_judged_by_probabilities(
    tmp_path: Path, units: int, activation: str, explain: Any
) -> None:
    if (units, activation) == (1, "softmax"):
        return
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(units, activation=activation)(x))
    kernel = np.linspace(-1e-3, 1e-3, 3 * units).reshape(3, units)
    model.layers[-1].set_weights([kernel, np.array([3.0, 0, 0])[:units]])
    model.save(tmp_path / "net.keras")
    loaded = igcli.load_model(str(tmp_path / "net.keras"), explain=explain)
    text = warned(loaded, np.full((1, 4, 4, 3), 200, np.float32))
    is_warned = activation == "softmax" or units == 1
    assert ("the baseline itself is classified with confidence" in text) == is_warned
    if is_warned:
        assert ("0.953 for output 1" if units == 1 else "0.909 for output 0") in text


def cubes(x: Any) -> Any:
    return tf.reduce_sum(x**3, 1, keepdims=True)


@pytest.mark.parametrize(("steps", "error"), [(1, "50%"), (2, None), (50, None)])
def test_large_completeness_errors_are_warned_of(steps: int, error: str | None) -> None:
    # The trapezoid rule's integral of 3 a^2 on n intervals is 1 + 1 / (2 n^2).
    text = warned(cubes, steps=steps)
    assert ("completeness error" in text) == (error is not None)
    if error:
        assert f"completeness error {error}: the attributions miss that much" in text


def test_a_run_that_stopped_at_its_most_steps_says_that_alone() -> None:
    text = warned(lambda x: tf.sin(40 * cubes(x)), steps="auto", max_steps=2)
    assert "steps: auto stopped at max_steps (2)" in text
    assert "completeness error" not in text


@pytest.mark.parametrize("method", ["integrated_gradients", "gradients"])
@pytest.mark.parametrize("ending", ["softmax", "sigmoid"])
def test_a_saturated_network_is_to_be_explained_by_its_logits(ending: str, method: str) -> None:
    function = {"softmax": tf.nn.softmax, "sigmoid": tf.nn.sigmoid}[ending]
    shift = tf.constant([[-200.0, 200.0, -200.0]])
    text = warned(lambda x: function(x + shift), method=method, target=1)
    assert f"the {ending} is saturated (score 1) and leaves no gradient: explain: logit" in text
    assert "nothing is attributed" not in text


def test_a_network_that_is_flat_without_being_saturated_is_said_to_be_flat() -> None:
    text = warned(lambda x: tf.nn.softmax(0 * x), target=1)
    assert "the gradient is zero everywhere" in text
    assert "saturated" not in text


def test_a_network_that_takes_no_notice_of_what_is_hidden_is_said_to() -> None:
    images = np.ones((1, 4, 4, 3), np.float32)
    flat = lambda x: tf.nn.softmax(0 * tf.reduce_sum(x, (1, 2)))  # noqa: E731
    text = warned(flat, images, target=1, method="occlusion")
    assert "the score stays the same whatever is hidden: nothing is attributed" in text
    assert "gradient" not in text


def test_logits_are_not_saturated(tmp_path: Path) -> None:
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    model.layers[-1].set_weights([np.eye(3), np.array([500.0, 0, 0])])
    model.save(tmp_path / "net.keras")
    image = np.full((1, 4, 4, 3), 100, np.float32)
    for explain, is_saturated in (("probability", True), ("logit", False)):
        loaded = igcli.load_model(str(tmp_path / "net.keras"), explain=explain)  # type: ignore[arg-type]
        assert ("saturated" in warned(loaded, image)) == is_saturated
