from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from igcli.models.graph.freeze import freeze
from igcli.models.network.affine_stem import MAX_EXPANSION, split_stem
from igcli.records import Array

SHAPE = (9, 8, 3)
RNG = np.random.default_rng(4)
FILTERS = RNG.normal(size=(3, 3, 3, 5)).astype(np.float32)
BIAS = RNG.normal(size=5).astype(np.float32)


def inputs(count: int) -> Array:
    return RNG.uniform(0, 255, (count, *SHAPE)).astype(np.float32)


def plain(x: Any) -> Any:
    return tf.nn.conv2d(x, FILTERS, 1, "SAME") + BIAS


def preprocessed(x: Any) -> Any:
    return plain(x[..., ::-1] / 127.5 - 1)


def padded(x: Any) -> Any:
    x = tf.pad(2 * x, [[0, 0], [3, 3], [3, 3], [0, 0]])
    return tf.pad(tf.nn.conv2d(x, FILTERS, 2, "VALID"), [[0, 0], [1, 1], [1, 1], [0, 0]])


def separable(x: Any) -> Any:
    return tf.nn.depthwise_conv2d(1 - x, FILTERS[..., :2], [1, 2, 2, 1], "SAME")


BEGINNINGS = [plain, preprocessed, padded, separable]


def whole(beginning: Any) -> Any:
    return lambda x: tf.nn.softmax(tf.reduce_mean(tf.nn.relu(beginning(x)), [1, 2]))


def parts(function: Any) -> Any:
    graph = freeze(function, [tf.TensorSpec((None, *SHAPE))]).graph
    return split_stem(graph, SHAPE)


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_the_whole_affine_beginning_is_found(beginning: Any) -> None:
    stem, rest = parts(whole(beginning))
    x = inputs(3)
    expected = beginning(x)
    assert stem.output_shape == expected.shape[1:]
    np.testing.assert_allclose(stem.values(tf.constant(x)), expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(rest(expected)[0], whole(beginning)(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_straight_lines_stay_straight(beginning: Any) -> None:
    stem, _ = parts(whole(beginning))
    start, end = inputs(2)
    alphas = np.linspace(0, 1, 5, dtype=np.float32)[:, None, None, None]
    first, change = tf.constant(start[None]), tf.constant((end - start)[None])
    line = stem.values(first) + alphas * stem.changes(change)
    points = beginning(start + alphas * (end - start))
    np.testing.assert_allclose(line, points, rtol=1e-4, atol=1e-3)


def strided(x: Any) -> Any:
    return tf.nn.bias_add(tf.nn.conv2d(x + 100, FILTERS, 2, "SAME"), BIAS)


@pytest.mark.parametrize("beginning", [*BEGINNINGS, strided])
def test_maps_are_channel_means_of_products(beginning: Any) -> None:
    stem, _ = parts(whole(beginning))
    assert (stem.phases is not None) == (beginning is strided)
    x = tf.constant(inputs(4))
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = beginning(x)
    upstream = RNG.normal(size=values.shape).astype(np.float32)
    gradients = np.asarray(tape.gradient(values, x, upstream))
    factors, line = inputs(2), np.array([0, 0, 1, 0], np.int32)
    maps = stem.maps(tf.constant(upstream), tf.constant(factors), tf.constant(line))
    expected = (factors[line] * gradients).mean(-1)
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_gradients_come_back_one_by_one_or_summed(beginning: Any) -> None:
    stem, rest = parts(whole(beginning))
    x = tf.constant(inputs(4) / 255)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        score = whole(beginning)(x)[:, 1]
    values = tf.constant(beginning(x))
    with tf.GradientTape() as behind:
        behind.watch(values)
        last = rest(values)[0][:, 1]
    upstream = behind.gradient(last, values)
    expected = tape.gradient(score, x).numpy()
    np.testing.assert_allclose(stem.gradients(upstream), expected, rtol=1e-4, atol=1e-7)
    total = stem.gradients(tf.reduce_sum(upstream, 0, keepdims=True))
    np.testing.assert_allclose(total[0], expected.sum(0), rtol=1e-4, atol=1e-7)


def test_weights_taken_out_of_the_graph_belong_to_it() -> None:
    keras.utils.set_random_seed(1)
    layer = keras.layers.Conv2D(64, 5, strides=4)
    layer.build((None, *SHAPE))
    assert layer.kernel.numpy().nbytes > 1 << 12
    stem, _ = parts(whole(layer))
    assert stem.output_shape == (2, 1, 64)


@pytest.mark.parametrize(
    "beginning",
    [
        lambda x: tf.nn.conv2d(x, FILTERS, 1, "SAME") + tf.reduce_sum(x, 3, keepdims=True) ** 2,
        lambda x: tf.nn.relu(x),
        lambda x: plain(tf.nn.relu(x)),
        lambda x: x / 127.5 - 1,  # Costs next to nothing.
        lambda x: tf.nn.conv2d(x, tf.ones([1, 1, 3, 3 * MAX_EXPANSION + 1]), 1, "SAME"),  # Large.
        lambda x: 1 / (x + 1),
        lambda x: x @ tf.transpose(x, [0, 1, 3, 2]),
    ],
)
def test_nothing_is_found_where_nothing_is_gained(beginning: Any) -> None:
    stem, rest = parts(whole(beginning))
    assert stem is None
    x = inputs(2)
    np.testing.assert_allclose(rest(x)[0], whole(beginning)(x), rtol=1e-5)


def test_an_offset_of_large_pixels_is_taken_out() -> None:
    stem, _ = parts(whole(lambda x: plain(x - 117.0)))
    zeros = np.zeros((1, *SHAPE), np.float32)
    np.testing.assert_array_equal(stem.changes(tf.constant(zeros)), 0 * stem.offset)
    np.testing.assert_allclose(stem.offset, plain(zeros - 117), rtol=1e-4, atol=1e-3)
