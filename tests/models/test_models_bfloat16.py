"""Functions whose products are rounded, against the same done by hand."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from igcli.integration.network import Points
from igcli.models.graph.bfloat16 import in_bfloat16
from igcli.models.graph.freeze import freeze
from igcli.models.network.device_arrays import AcceleratorArrays
from igcli.models.network.network import TensorFlowNetwork
from igcli.records import Array

SHAPE = (8, 8, 3)
RNG = np.random.default_rng(5)
FIRST, DEPTHWISE = (RNG.normal(size=(3, 3, *side)).astype(np.float32) for side in ((3, 6), (6, 1)))
DENSE = RNG.normal(size=(6, 4)).astype(np.float32) / 100


def exact(value: Any) -> Any:
    return value


def rounded(value: Any) -> Any:
    return tf.cast(tf.cast(value, tf.bfloat16), tf.float32)


def classify(x: Any, number: Any = exact) -> Any:
    """Round what goes into and comes out of each product but the last; no ReLU that could flip."""
    x = tf.math.softplus(number(tf.nn.conv2d(number(x / 255), number(FIRST), 1, "SAME")))
    x = tf.nn.depthwise_conv2d(number(x), number(DEPTHWISE), [1, 1, 1, 1], "SAME")
    return tf.nn.softmax(tf.reduce_mean(number(x), [1, 2]) @ DENSE)


def pixels(count: int) -> Array:
    return RNG.uniform(0, 255, (count, *SHAPE)).astype(np.float32)


def gradients(function: Any, x: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = function(x)[:, 1]
    return tape.gradient(score, x)


def test_products_but_the_last_are_rounded() -> None:
    x = tf.constant(pixels(16))
    graph = freeze(classify, [tf.TensorSpec((None, *SHAPE))]).graph
    mixed = in_bfloat16(graph)
    kinds = {op.type: op.inputs[0].dtype for op in mixed.graph.get_operations() if op.inputs}
    assert kinds["Conv2D"] == kinds["DepthwiseConv2dNative"] == tf.bfloat16
    assert kinds["MatMul"] == kinds["Softplus"] == tf.float32
    for given, by_hand in ((mixed, partial(classify, number=rounded)), (graph, classify)):
        rounded_scores, expected = given(x)[0], by_hand(x)
        np.testing.assert_allclose(rounded_scores, expected, rtol=2e-3)
        slopes, wanted = gradients(lambda x, f=given: f(x)[0], x), gradients(by_hand, x)
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(slopes, wanted, rtol=0, atol=0.03 * scale)
    assert not np.array_equal(mixed(x)[0], graph(x)[0])


def test_numbers_that_bfloat16_can_tell_apart_come_out_the_same() -> None:
    # Whole numbers below 256: whatever is rounded, and wherever, nothing may change.
    def whole(*shape: int) -> Any:
        return RNG.integers(-1, 2, shape).astype(np.float32)

    first, second, third = whole(1, 1, 3, 6), whole(1, 1, 6, 6), whole(1, 1, 6, 5)
    shift, last = whole(6), whole(11, 4)

    def network(x: Any) -> Any:
        x = tf.nn.conv2d(x, first, 1, "SAME")
        between = tf.nn.conv2d(tf.nn.relu(tf.nn.bias_add(x, shift)), second, 1, "SAME")
        x = tf.nn.relu((x + tf.nn.relu6(between)) * 2.0 - shift)
        x = tf.pad(tf.nn.max_pool2d(x, 2, 2, "VALID"), [[0, 0], [1, 0], [0, 1], [0, 0]])
        x = tf.concat([tf.nn.conv2d(x, third, 1, "SAME"), tf.abs(x)], -1)
        return tf.reduce_sum(tf.transpose(x, [0, 2, 1, 3]), [1, 2]) @ last

    graph = freeze(network, [tf.TensorSpec((None, *SHAPE))]).graph
    mixed = in_bfloat16(graph)
    rounded = {op.type for op in mixed.graph.get_operations() if tf.bfloat16 in _kinds(op)}
    assert rounded >= {"Conv2D", "BiasAdd", "AddV2", "Relu6", "MaxPool", "Pad", "Bitcast"}
    x = tf.constant(RNG.integers(0, 3, (16, *SHAPE)).astype(np.float32))
    np.testing.assert_array_equal(mixed(x)[0], network(x))
    actual, expected = gradients(lambda x: mixed(x)[0], x), gradients(network, x)
    assert np.count_nonzero(expected) > 100
    np.testing.assert_array_equal(actual, expected)


def _kinds(op: Any) -> set[Any]:
    return {tensor.dtype for tensor in op.outputs}


def test_an_accelerator_computes_so_behind_the_stem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("igcli.models.network.network.arrays_on", AcceleratorArrays)
    network = TensorFlowNetwork(classify, SHAPE, precision="bfloat16")
    image = pixels(1)[0]
    alpha = np.linspace(0.1, 1, 8, dtype=np.float32)
    line, target = np.zeros(8, np.int32), np.ones(8, np.int32)
    placed = network.place(np.zeros_like(image), image)
    answer = network.gradients(Points([placed], line, alpha, target), per_point=True)
    expected = gradients(classify, tf.constant(alpha[:, None, None, None] * image))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(network.fetch(answer.gradients), expected, rtol=0, atol=0.03 * scale)
    assert network._is_fused
