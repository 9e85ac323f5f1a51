"""Offsets moved through sums of residuals, against the network as it was written."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from igcli.models.graph.freeze import freeze

SHAPE = (8, 8, 6)
RNG = np.random.default_rng(8)
FILTERS = RNG.normal(size=(6, 3, 3, 6, 6)).astype(np.float32) / 5
BIASES, OFFSETS = (RNG.normal(size=(6, 6)).astype(np.float32) for _ in range(2))

Function = Callable[[Any], Any]


def convolved(x: Any, number: int, stride: int = 1) -> Any:
    return tf.nn.bias_add(tf.nn.conv2d(x, FILTERS[number], stride, "SAME"), BIASES[number])


def activated(x: Any, number: int) -> Any:
    return tf.nn.relu(x + OFFSETS[number])


def blocks(x: Any) -> Any:
    """Three blocks of a residual network that activates first, the second of stride 2."""
    x = convolved(x, 0) + convolved(tf.nn.relu(x), 1)
    y = activated(x, 0)
    x = convolved(convolved(y, 2), 3) + x
    x = tf.nn.max_pool2d(x, 1, 2, "VALID") + convolved(activated(x, 1), 4, 2)
    return activated(convolved(activated(x, 2), 5) + x, 3)


def one(shortcut: Function, last: Function = lambda x: x) -> Function:
    """One activation of a sum, which is also used in another way."""

    def function(x: Any) -> Any:
        total = convolved(x, 0) + x
        return last(shortcut(total) + convolved(activated(total, 0), 1))

    return function


def shared(x: Any) -> Any:
    term = convolved(x, 0)
    return activated(term + x, 0) * term


def across(x: Any) -> Any:
    return tf.nn.max_pool(x, [1, 1, 1, 6], [1, 1, 1, 6], "SAME")


FOUND: dict[str, tuple[Function, int]] = {
    "blocks": (blocks, 4),
    "one": (one(tf.identity), 1),
    "its sum counts elsewhere, too": (one(tf.abs), 0),
    "twice": (one(lambda x: x + x), 0),
    "its term counts elsewhere, too": (shared, 0),
    "no convolution": (lambda x: activated(x + tf.abs(x), 0), 0),
    "an output": (lambda x: convolved(x, 0) + x, 0),
}


def mean_score(function: Function) -> Function:
    return lambda x: tf.reduce_mean(function(x), [1, 2])


def gradients(function: Function, x: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = function(x)[:, 1]
    return tape.gradient(score, x)


@pytest.mark.parametrize("name", FOUND)
def test_offsets_go_where_nothing_else_is_changed(name: str) -> None:
    function, gone = FOUND[name]
    network = mean_score(function)
    frozen = freeze(network, [tf.TensorSpec((None, *SHAPE))]).graph
    before = tf.function(network).get_concrete_function(tf.TensorSpec((None, *SHAPE)))
    counts = [
        Counter(op.type for op in graph.graph.get_operations())["AddV2"]
        for graph in (before, frozen)
    ]
    assert counts[0] - counts[1] == gone
    x = tf.constant(RNG.normal(size=(4, *SHAPE)).astype(np.float32))
    np.testing.assert_allclose(frozen(x)[0], network(x), rtol=1e-4, atol=1e-5)
    actual, expected = gradients(lambda x: frozen(x)[0], x), gradients(network, x)
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-5)


def test_the_largest_of_channels_does_not_pass_offsets_on() -> None:
    network = mean_score(one(across))  # TensorFlow has no gradient of it.
    frozen = freeze(network, [tf.TensorSpec((None, *SHAPE))]).graph
    x = tf.constant(RNG.normal(size=(4, *SHAPE)).astype(np.float32))
    np.testing.assert_allclose(frozen(x)[0], network(x), rtol=1e-4, atol=1e-5)
