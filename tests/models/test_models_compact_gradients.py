"""Gradients that keep little, against TensorFlow's own, and how much they keep."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest

from igcli.integration.network import Points
from igcli.models.graph.compact_gradients import with_compact_gradients
from igcli.models.graph.freeze import freeze
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.runtime import tensorflow
from igcli.records import Array

tf = tensorflow()

RNG = np.random.default_rng(4)
SHAPE = (32, 32, 16)
"""Of images whose ReLUs have just enough values to be masked."""

FILTERS = RNG.standard_normal((3, 3, 16, 16)).astype(np.float32) / 12


def convolved(x: Any) -> Any:
    return tf.nn.conv2d(x, FILTERS, 1, "SAME")


def frozen(function: Callable[[Any], Any], shape: tuple[int | None, ...] = SHAPE) -> Any:
    return freeze(function, [tf.TensorSpec((None, *shape))]).graph


def images(count: int = 3) -> Array:
    return RNG.standard_normal((count, *SHAPE)).astype(np.float32)


def gradient(graph: Any, inputs: Array, upstream: Array | None = None) -> Array:
    with tf.GradientTape() as tape:
        tensor = tf.constant(inputs)
        tape.watch(tensor)
        [outputs] = graph(tensor)
    return np.asarray(tape.gradient(outputs, tensor, upstream))


def kinds(graph: Any) -> list[str]:
    return [op.type for op in graph.graph.get_operations()]


def residual(x: Any) -> Any:
    x = convolved(x)
    return x + convolved(tf.nn.relu(convolved(tf.nn.relu(x)) + 0.1))


def pieces(x: Any) -> Any:
    first, second = tf.nn.relu(convolved(x)), tf.nn.relu(convolved(-x))
    joined = tf.concat([tf.nn.avg_pool2d(first, 2, 2, "VALID"), second[:, ::2, ::2]], -1)
    return tf.reduce_mean(joined, [1, 2])


def flattened(x: Any) -> Any:
    return tf.reshape(tf.nn.relu(x), [-1, 32 * 32 * 16]) @ tf.ones((32 * 32 * 16, 2))


@pytest.mark.parametrize(
    ("function", "masks"), [(residual, 2), (pieces, 1), (flattened, 1), (tf.nn.relu, 1)]
)
def test_gradients_through_masks_are_tensorflows_to_the_bit(
    function: Callable[[Any], Any], masks: int
) -> None:
    graph, inputs = frozen(function), images()
    compact = with_compact_gradients(graph)
    assert kinds(compact).count("IdentityN") == masks
    np.testing.assert_array_equal(compact(tf.constant(inputs))[0], graph(tf.constant(inputs))[0])
    upstream = RNG.standard_normal(graph(tf.constant(inputs))[0].shape).astype(np.float32)
    expected = gradient(graph, inputs, upstream)
    assert expected.any()
    np.testing.assert_array_equal(gradient(compact, inputs, upstream), expected)


def test_masks_are_exact_for_zeros_and_the_smallest_and_largest_numbers() -> None:
    values = [0, -0.0, 1e-45, 1.2e-38, -1e-45, 3e38, -3e38, np.inf, -np.inf, np.nan]
    inputs = np.resize(np.array(values, np.float32), (1, *SHAPE))
    upstream = np.resize(
        np.array([1, -2.5, np.inf, 0, np.nan, 1e-40, -0.0], np.float32), (1, *SHAPE)
    )
    graph = frozen(tf.nn.relu)
    compact = with_compact_gradients(graph)
    assert compact is not graph
    found, expected = (gradient(each, inputs, upstream) for each in (compact, graph))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 2), (5, 40)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gradients_of_pooled_pixels_are_tensorflows(
    strides: tuple[int, int], padding: str, dtype: str
) -> None:
    def function(x: Any) -> Any:
        return tf.cast(tf.nn.max_pool2d(tf.cast(x, dtype), 1, strides, padding), tf.float32)

    graph = frozen(function, (9, 14, 5))
    inputs = RNG.standard_normal((2, 9, 14, 5)).astype(np.float32)
    compact = with_compact_gradients(graph)
    upstream = RNG.standard_normal(graph(tf.constant(inputs))[0].shape).astype(np.float32)
    np.testing.assert_array_equal(
        gradient(compact, inputs, upstream), gradient(graph, inputs, upstream)
    )
    # By hand: each gradient lies where the pixel was, in the arithmetic of the pooling.
    by_hand = np.zeros_like(inputs)
    by_hand[:, :: strides[0], :: strides[1]] = tf.cast(tf.cast(upstream, dtype), tf.float32)
    np.testing.assert_array_equal(gradient(compact, inputs, upstream), by_hand)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (tf.nn.relu, (31, 32, 16)),
        (tf.nn.relu, (None, 32, 16)),
        (tf.nn.relu6, SHAPE),
        (lambda x: tf.nn.max_pool2d(tf.nn.relu(x), 2, 2, "SAME"), SHAPE),
        (lambda x: tf.identity(tf.reshape(tf.nn.relu(x), [-1, 2**14])) ** 3, SHAPE),
        (lambda x: tf.nn.relu(x) * x, SHAPE),
        (lambda x: tf.nn.relu(tf.cast(x, tf.float16)), SHAPE),
        (lambda x: tf.nn.max_pool2d(x, (1, 2), 2, "SAME"), SHAPE),
        (lambda x: tf.nn.max_pool2d(x, 1, 2, [[0, 0], [1, 1], [0, 1], [0, 0]]), SHAPE),
    ],
)
def test_what_is_small_or_kept_anyway_is_left_alone(
    function: Callable[[Any], Any], shape: tuple[int | None, ...]
) -> None:
    graph = frozen(function, shape)
    assert with_compact_gradients(graph) is graph


def test_a_network_keeps_a_byte_for_each_value_of_its_relus() -> None:
    blocks, size = 24, 16
    x = inputs = keras.Input((64, 64, 8))
    x = keras.layers.Conv2D(16, 3, padding="same")(x)
    for _ in range(blocks):
        x = x + keras.layers.Conv2D(16, 1)(keras.layers.Activation("relu")(x))
    x = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    network = TensorFlowNetwork(keras.Model(inputs, x), (64, 64, 8))
    ends = np.random.default_rng(1).standard_normal((2, 64, 64, 8)).astype(np.float32)
    zeros = np.zeros(size, np.int32)
    points = Points([network.place(*ends)], zeros, np.linspace(0, 1, size, dtype=np.float32), zeros)
    network.gradients(points)
    before = tf.config.experimental.get_memory_info("CPU:0")["current"]
    tf.config.experimental.reset_memory_stats("CPU:0")
    with ThreadPoolExecutor(2) as pool:  # Two batches at a time, as in a run.
        for _ in pool.map(lambda _: network.gradients(points), range(8)):
            pass
    peak = tf.config.experimental.get_memory_info("CPU:0")["peak"] - before
    values = size * 64 * 64 * 16
    # TensorFlow's gradients would keep 4 bytes of each value. Some ten tensors are in use besides.
    assert 2 * blocks * values < peak < 2 * (blocks + 4 * 10) * values
