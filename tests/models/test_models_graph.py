from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from igcli.models.graph import freeze, normalized

SETTINGS = [
    {"depth_radius": 5, "bias": 2.0, "alpha": 1e-4, "beta": 0.75},  # Inception v1
    {"depth_radius": 5, "bias": 1.0, "alpha": 1.0, "beta": 0.5},
    {"depth_radius": 1, "bias": 0.5, "alpha": 0.3, "beta": 0.75},
]


def differentiated(function: Any, inputs: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = tf.reduce_sum(tf.sin(function(inputs)))
    return tape.gradient(total, inputs)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_local_response_normalisation_is_tensorflows(settings: Any, scale: float) -> None:
    draws = np.random.default_rng(8).normal(0, scale, (2, 5, 4, 24)).astype(np.float32)
    inputs = tf.constant(draws)

    @tf.function  # type: ignore[untyped-decorator]
    def ours(x: Any) -> Any:
        return normalized(
            x,
            radius=settings["depth_radius"],
            bias=settings["bias"],
            alpha=settings["alpha"],
            beta=settings["beta"],
        )

    def theirs(x: Any) -> Any:
        return tf.nn.local_response_normalization(x, **settings)

    expected = theirs(inputs)
    assert np.abs(ours(inputs) - expected).max() <= 1e-5 * np.abs(expected).max()
    expected = differentiated(theirs, inputs)
    assert np.abs(differentiated(ours, inputs) - expected).max() <= 1e-4 * np.abs(expected).max()


def test_a_frozen_graph_has_it_replaced_everywhere() -> None:
    kernel = tf.Variable(np.random.default_rng(1).normal(size=(3, 3, 3, 8)).astype(np.float32))

    def network(x: Any) -> Any:
        x = tf.nn.local_response_normalization(tf.nn.conv2d(x, kernel, 1, "SAME"), 2)
        x = tf.nn.local_response_normalization(tf.nn.relu(x), 3, beta=0.6)
        return tf.reduce_mean(x, [1, 2])

    frozen = freeze(network, [tf.TensorSpec((None, 6, 6, 3))])
    inputs = np.random.default_rng(2).normal(size=(2, 6, 6, 3)).astype(np.float32)
    kinds = {op.type for op in frozen.graph.get_operations()}
    assert "LRN" not in kinds
    assert "VarHandleOp" not in kinds
    np.testing.assert_allclose(frozen(tf.constant(inputs))[0], network(inputs), rtol=1e-4)
    expected = differentiated(network, tf.constant(inputs))
    found = tf.function(differentiated)(lambda x: frozen(x)[0], tf.constant(inputs))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
