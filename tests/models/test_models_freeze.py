import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from igcli.errors import ModelError
from igcli.integration.network import Points
from igcli.models.graph.bfloat16 import in_bfloat16
from igcli.models.graph.custom_gradients import local_response_normalization
from igcli.models.graph.freeze import freeze, function_from_graph
from igcli.models.graph.full_rows import in_full_rows
from igcli.models.network.head import HeadOptions
from igcli.models.network.network import TensorFlowNetwork

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
        return local_response_normalization(
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

    frozen = freeze(network, [tf.TensorSpec((None, 6, 6, 3))]).graph
    inputs = np.random.default_rng(2).normal(size=(2, 6, 6, 3)).astype(np.float32)
    kinds = {op.type for op in frozen.graph.get_operations()}
    assert "LRN" not in kinds
    assert "VarHandleOp" not in kinds
    np.testing.assert_allclose(frozen(tf.constant(inputs))[0], network(inputs), rtol=1e-4)
    expected = differentiated(network, tf.constant(inputs))
    actual = tf.function(differentiated)(lambda x: frozen(x)[0], tf.constant(inputs))
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-6)


def straight_through(x: Any) -> Any:
    """Rounding whose gradient is three."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def rounded(y: Any) -> Any:
        return tf.round(y), lambda upstream: 3 * upstream * tf.ones_like(y)

    return rounded(x)


@pytest.mark.parametrize("activation", [tf.nn.silu, straight_through])
@pytest.mark.parametrize("explain", ["probability", "logit"])
def test_gradients_that_are_python_code_are_kept(activation: Any, explain: Any) -> None:
    kernel = tf.Variable(np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32))

    def logits(x: Any) -> Any:
        return tf.matmul(activation(tf.reduce_mean(x, [1, 2])), kernel)

    def network(x: Any) -> Any:
        return tf.nn.softmax(logits(x))

    shape = (5, 4, 3)
    frozen_network = TensorFlowNetwork(network, shape, head_options=HeadOptions(explain))
    image = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    line, target = np.zeros(1, np.int32), np.full(1, 2, np.int32)
    points = Points([frozen_network.place(0 * image, image)], line, np.ones(1, np.float32), target)
    x = tf.constant(image[None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = (network if explain == "probability" else logits)(x)[:, 2]
    np.testing.assert_allclose(
        frozen_network.gradients(points, per_point=True).gradients,
        tape.gradient(score, x),
        rtol=1e-4,
        atol=1e-7,
    )
    np.testing.assert_allclose(frozen_network.gradients(points).scores, score, rtol=1e-5)


def test_swish_is_frozen() -> None:
    frozen = freeze(lambda x: tf.nn.silu(x), [tf.TensorSpec((None, 3))])
    assert frozen.source is None
    ends = [op for op in frozen.graph.graph.get_operations() if op.type == "IdentityN"]
    assert [len(op.inputs) for op in ends] == [1]


def test_gradients_that_are_python_code_are_not_for_bfloat16() -> None:
    def network(x: Any) -> Any:
        return tf.nn.softmax(straight_through(tf.reduce_mean(x, [1, 2])))

    assert not TensorFlowNetwork(network, (5, 4, 3)).has_bfloat16
    with pytest.raises(ModelError, match="choose precision float32 or auto"):
        TensorFlowNetwork(network, (5, 4, 3), precision="bfloat16")


def test_filters_replaced_by_folded_ones_are_not_kept() -> None:
    filters = np.ones((3, 3, 8, 16), np.float32)
    scale, offset = (np.full(16, value, np.float32) for value in (2, 3))

    def function(images: Any) -> Any:
        values = tf.nn.conv2d(images, tf.identity(filters), 1, "SAME")
        return tf.reduce_mean(tf.nn.relu(values * scale + offset), [1, 2])

    graph = freeze(function, [tf.TensorSpec((None, 5, 5, 8))]).graph
    kept = [outer for outer, _ in graph.graph.captures if outer.shape.rank == 4]
    assert [tuple(tensor.shape) for tensor in kept] == [filters.shape]
    np.testing.assert_array_equal(kept[0], 2 * filters)


def test_a_function_does_not_keep_the_graph_that_it_was_made_from() -> None:
    graph = freeze(lambda images: tf.nn.relu(images) * 2.0, [tf.TensorSpec((None, 5))]).graph
    made = function_from_graph(
        graph.graph.as_graph_def(), {}, graph.inputs, [graph.outputs[0].name]
    )
    source = weakref.ref(graph.graph)
    del graph
    gc.collect()
    assert source() is None
    np.testing.assert_array_equal(made(tf.constant([[-1.0, 2, 3, -4, 5]]))[0], [[0, 4, 6, 0, 10]])


@pytest.mark.parametrize("rewrite", [in_full_rows, in_bfloat16])
def test_a_graph_that_was_differentiated_is_rewritten_with_its_own_output_alone(
    rewrite: Callable[[Any], Any],
) -> None:
    weights = np.ones((5, 5), np.float32)
    spec = tf.TensorSpec((None, 5))
    graph = freeze(lambda x: tf.tanh(tf.tanh(x @ weights) @ weights)[:, :2], [spec]).graph
    with tf.GradientTape() as tape:
        x = tf.ones((1, 5))
        tape.watch(x)
        [y] = graph(x)
    tape.gradient(y, x)
    assert len(graph.outputs) > 1  # TensorFlow added what the gradient needs.
    assert [tuple(tensor.shape) for tensor in rewrite(graph).outputs] == [(None, 2)]


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Only what is collected deliberately is collected."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
def test_a_large_networks_first_copy_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(300)])
    weights = weakref.ref(model.weights[0])
    monkeypatch.setattr("igcli.models.graph.freeze.LARGE_SUM", 20 * 300 * 4 - 1)
    network = TensorFlowNetwork(model, (20,))
    del model
    keras.backend.clear_session()
    assert weights() is not None
    network.forget_layers()
    assert weights() is None
