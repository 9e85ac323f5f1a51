"""The faster gradient of strided convolutions, against TensorFlow's own."""

import numpy as np
import pytest

from igcli.models.graph.freeze import freeze
from igcli.models.graph.strided_gradient import only_phases, with_fast_gradients
from igcli.models.runtime import tensorflow
from igcli.records import Array

tf = tensorflow()


def gradient(graph: object, inputs: Array, upstream: Array) -> Array:
    with tf.GradientTape() as tape:
        tensor = tf.constant(inputs)
        tape.watch(tensor)
        [outputs] = graph(tensor)  # type: ignore[operator]
    return np.asarray(tape.gradient(outputs, tensor, tf.constant(upstream)))


@pytest.mark.parametrize("layer", [None, (0, 1), (1, 1), (3, 3), (2, 0), (9, 9)])
@pytest.mark.parametrize("padding", ["VALID", "SAME", (3, 2), (0, 5)])
@pytest.mark.parametrize(("size", "stride"), [(7, 2), (3, 2), (4, 4), (1, 2), (5, 3), (2, 5)])
def test_gradients_are_tensorflows(
    size: int, stride: int, padding: str | tuple[int, int], layer: tuple[int, int] | None
) -> None:
    rng = np.random.default_rng(size)
    filters = rng.standard_normal((size, size + 1, 3, 4)).astype(np.float32)
    explicit = padding if isinstance(padding, str) else [[0, 0], [1, 2], padding, [0, 0]]

    def function(images: object) -> object:
        if layer is not None:
            images = tf.pad(images, [[0, 0], layer, layer[::-1], [0, 0]])
        return tf.nn.conv2d(images, filters, stride, explicit)

    inputs = rng.standard_normal((2, 21, 18, 3)).astype(np.float32)
    graph = freeze(function, [tf.TensorSpec((None, *inputs.shape[1:]))]).graph
    fast = with_fast_gradients(graph)
    outputs = np.asarray(graph(tf.constant(inputs))[0])
    np.testing.assert_allclose(np.asarray(fast(tf.constant(inputs))[0]), outputs, atol=1e-4)
    upstream = rng.standard_normal(outputs.shape).astype(np.float32)
    expected = gradient(graph, inputs, upstream)
    np.testing.assert_allclose(gradient(fast, inputs, upstream), expected, atol=1e-4)
    [convolution] = [op for op in fast.graph.get_operations() if op.type == "Conv2D"]
    is_known = isinstance(padding, str) or (size > 1 and padding[0] < size + 1)
    assert bool(convolution.node_def.attr["_gradient_op_type"].s) == is_known
    phases = only_phases(fast) if is_known else None
    if phases is not None:
        in_phases = phases.gradients(tf.constant(upstream))
        np.testing.assert_allclose(phases.join(in_phases), expected, atol=1e-4)
        np.testing.assert_array_equal(phases.join(phases.split(tf.constant(inputs))), inputs)
    # A layer that pads remains if the convolution cannot pad as much itself.
    assert (phases is not None) >= (is_known and layer is None)


@pytest.mark.parametrize("factor", [1, 2])
def test_a_scale_is_not_left_out(factor: float) -> None:
    filters = np.ones((3, 3, 3, 4), np.float32)
    spec = [tf.TensorSpec((None, 16, 16, 3))]
    graph = freeze(lambda images: factor * tf.nn.conv2d(images - 1, filters, 2, "SAME"), spec).graph
    phases = only_phases(with_fast_gradients(graph))
    assert phases is None or factor == 1


def test_other_convolutions_are_left_alone() -> None:
    filters = np.ones((3, 3, 3, 4), np.float32)
    spec = [tf.TensorSpec((None, 16, 16, 3))]
    for options in ({"strides": 1}, {"strides": 1, "dilations": 2}, {"strides": (2, 1)}):
        graph = freeze(
            lambda images, options=options: tf.nn.conv2d(
                images, filters, padding="SAME", **options
            ),
            spec,
        ).graph
        assert with_fast_gradients(graph) is graph
