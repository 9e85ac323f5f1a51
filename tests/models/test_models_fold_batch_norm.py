from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from igcli.models.graph.freeze import freeze
from igcli.models.runtime import tensorflow

tf = tensorflow()

RNG = np.random.default_rng(0)
FILTERS = RNG.normal(size=(3, 3, 4, 6)).astype(np.float32)
DEPTHWISE = RNG.normal(size=(3, 3, 4, 2)).astype(np.float32)
SCALE, OFFSET, MEAN, DEVIATION = (
    RNG.uniform(0.5, 2, size).astype(np.float32) for size in ((6,), (6,), (4,), (4,))
)
INPUTS = RNG.uniform(0, 255, (2, 8, 8, 4)).astype(np.float32)

Function = Callable[[Any], Any]


def convolved(x: Any, padding: str = "SAME", stride: int = 1) -> Any:
    return tf.nn.conv2d(x, FILTERS, stride, padding)


def padded(x: Any, low: int, high: int) -> Any:
    return tf.pad(x, [[0, 0], [low, high], [low, high], [0, 0]])


def depthwise(x: Any, padding: str = "SAME", stride: int = 1) -> Any:
    return tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, stride, stride, 1], padding)


def normalised(x: Any) -> Any:
    return tf.nn.batch_normalization(x, SCALE, OFFSET, OFFSET, SCALE, 1e-3)


def activated(x: Any, scale: Any = DEVIATION) -> Any:
    return tf.nn.relu(tf.nn.batch_normalization(x - 100.0, MEAN, DEVIATION, MEAN, scale, 1e-3))


def twice(x: Any) -> Any:
    return convolved(y := activated(x)) + convolved(padded(y, 2, 1), "VALID")[:, :8, :8]


WIDE = tf.concat([SCALE, SCALE[:2]], 0)

FOLDED: dict[str, tuple[Function, dict[str, int]]] = {
    "batch normalisation": (
        lambda x: tf.nn.relu(normalised(convolved(x))),
        {"Conv2D": 1, "BiasAdd": 1, "Relu": 1},
    ),
    "bias, then batch normalisation": (
        lambda x: normalised(tf.nn.bias_add(convolved(x), OFFSET)),
        {"Conv2D": 1, "BiasAdd": 1},
    ),
    "depthwise": (
        lambda x: depthwise(x) * WIDE - 3.0,
        {"DepthwiseConv2dNative": 1, "BiasAdd": 1},
    ),
    "from a number": (lambda x: 2.0 - convolved(x) / 4.0, {"Conv2D": 1, "BiasAdd": 1}),
    "preprocessing, then padding": (
        lambda x: convolved(padded((x / 255.0 - MEAN) / DEVIATION, 1, 1), "VALID"),
        {"AddV2": 1, "Conv2D": 1},
    ),
    "padded as SAME is": (lambda x: convolved(padded(x, 0, 1), "VALID", 2), {"Conv2D": 1}),
    "depthwise, padded as SAME is": (
        lambda x: depthwise(padded(x, 0, 1), "VALID", 2),
        {"DepthwiseConv2dNative": 1},
    ),
}

FOLDED["factors in front of a ReLU that convolutions use"] = (
    twice,
    {"AddV2": 2, "Relu": 1, "Pad": 1, "Conv2D": 2, "StridedSlice": 1},
)
FOLDED["such a factor, then batch normalisation"] = (
    lambda x: normalised(convolved(activated(x))),
    {"AddV2": 1, "Relu": 1, "Conv2D": 1, "BiasAdd": 1},
)
FOLDED["such a factor, then a depthwise convolution"] = (
    lambda x: depthwise(activated(x)),
    {"AddV2": 1, "Relu": 1, "DepthwiseConv2dNative": 1},
)
FOLDED["a factor alone in front of a ReLU"] = (
    lambda x: convolved(tf.nn.relu(x * DEVIATION)),
    {"Relu": 1, "Conv2D": 1},
)

LEFT: dict[str, tuple[Function, dict[str, int]]] = {
    "padded otherwise": (
        lambda x: convolved(padded(x, 2, 1), "VALID", 2),
        {"Pad": 1, "Conv2D": 1},
    ),
    "depthwise, padded otherwise": (
        lambda x: depthwise(padded(x, 1, 0), "VALID", 2),
        {"Pad": 1, "DepthwiseConv2dNative": 1},
    ),
    "a negative factor in front of a ReLU": (
        lambda x: convolved(tf.nn.relu(x * (MEAN - 1.5))),
        {"Mul": 1, "Relu": 1, "Conv2D": 1},
    ),
    "a factor in front of a ReLU that something else uses": (
        lambda x: convolved(y := tf.nn.relu(x * MEAN)) + tf.reduce_sum(y),
        {"Mul": 1, "Relu": 1, "Conv2D": 1, "Sum": 1, "AddV2": 1},
    ),
    "a factor in front of another activation": (
        lambda x: convolved(tf.nn.relu6(x * MEAN)),
        {"Mul": 1, "Relu6": 1, "Conv2D": 1},
    ),
    "used twice": (
        lambda x: tf.reduce_sum((y := convolved(x)) * SCALE + y * y),
        {"Conv2D": 1, "Mul": 2, "AddV2": 1, "Sum": 1},
    ),
    "not a constant of each channel": (
        lambda x: convolved(x) * np.arange(8.0, dtype=np.float32)[:, None],
        {"Conv2D": 1, "Mul": 1},
    ),
    "one over it": (lambda x: 1.0 / convolved(x), {"Conv2D": 1, "RealDiv": 1}),
    "a factor of nothing": (
        lambda x: convolved(x * tf.constant([1.0, 0.0, 1.0, 1.0])),
        {"Mul": 1, "Conv2D": 1},
    ),
    "negative values padded": (
        lambda x: convolved(tf.pad(x, [[0, 0], [1, 1], [1, 1], [1, 0]])[..., :4], "VALID"),
        {"Pad": 1, "StridedSlice": 1, "Conv2D": 1},
    ),
}


def used(graph: Any) -> dict[str, int]:
    """Count the operations that a graph's output depends on, constants aside."""
    visited: dict[str, Any] = {}
    waiting = [output.op for output in graph.outputs]
    while waiting:
        op = waiting.pop()
        if op.name not in visited:
            visited[op.name] = op
            waiting += [tensor.op for tensor in op.inputs]
    kinds = (op.type for op in visited.values())
    aside = ("Const", "Identity", "Placeholder")
    return dict(Counter(kind for kind in kinds if kind not in aside))


def value_and_gradient(function: Function) -> tuple[Any, Any]:
    inputs = tf.constant(INPUTS)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = function(inputs)
    return value.numpy(), tape.gradient(value, inputs).numpy()


@pytest.mark.parametrize("name", [*FOLDED, *LEFT])
def test_a_graph_is_what_it_was_with_fewer_operations(name: str) -> None:
    function, operations = {**FOLDED, **LEFT}[name]
    graph = freeze(function, [tf.TensorSpec((None, 8, 8, 4), tf.float32)]).graph
    assert used(graph) == operations
    value, gradient = value_and_gradient(lambda x: graph(x)[0])
    expected, expected_gradient = value_and_gradient(function)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    largest = np.abs(expected_gradient).max()
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-5 * largest)


def test_a_step_between_two_convolutions_belongs_to_one() -> None:
    again = np.ones((1, 1, 6, 2), np.float32)

    def function(x: Any) -> Any:
        return tf.nn.conv2d(convolved(x) * SCALE + OFFSET, again, 1, "SAME")

    graph = freeze(function, [tf.TensorSpec((None, 8, 8, 4), tf.float32)]).graph
    assert used(graph) == {"Conv2D": 2, "BiasAdd": 1}
    value, gradient = value_and_gradient(lambda x: graph(x)[0])
    expected, expected_gradient = value_and_gradient(function)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-4)
