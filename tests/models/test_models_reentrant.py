"""Two batches at a time through graphs whose sums have three or more terms."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from igcli.integration.network import Points
from igcli.models.load import load
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.network.reentrant import eager, reentrant
from igcli.models.options import ModelOptions

RNG = np.random.default_rng(3)
FILTERS = RNG.normal(0, 0.01, (1, 1, 3, 32)).astype(np.float32)
FACTORS = RNG.normal(size=(8, 32)).astype(np.float32)
SHAPE = (160, 160, 3)
"""Large enough for eight terms of eight images to be worth saving memory."""
SMALL = (8, 8, 3)


def terms(x: Any) -> list[Any]:
    wide = tf.nn.relu(tf.nn.conv2d(tf.abs(x), FILTERS, 1, "SAME"))
    return [wide * factor for factor in FACTORS]


def summed_gradients(x: Any) -> Any:
    return tf.concat([tf.reduce_mean(term, [1, 2]) for term in terms(x)], -1)


def summed_values(x: Any) -> Any:
    return tf.reduce_mean(tf.square(tf.add_n(terms(x))), [1, 2])


def accumulated_values(x: Any) -> Any:
    """Add up as older versions of TensorFlow did."""
    total = tf.raw_ops.AccumulateNV2(inputs=terms(x), shape=[None, *SMALL[:2], 32])
    return tf.reduce_mean(tf.square(total), [1, 2])


def batch(network: TensorFlowNetwork, size: int) -> Points:
    image = RNG.uniform(0, 255, network.input_shape).astype(np.float32)
    line = np.zeros(size, np.int32)
    alpha = np.linspace(0, 1, size, dtype=np.float32)
    return Points([network.place(0 * image, image)], line, alpha, line)


def outcomes(network: TensorFlowNetwork, *, size: int, count: int) -> Counter[str]:
    """Compute a batch again and again, two at a time, and count what becomes of it."""
    points = batch(network, size)
    first = network.gradients(points).summands

    def outcome(_: int) -> str:
        try:
            summands = network.gradients(points).summands
        except tf.errors.AlreadyExistsError as error:
            return type(error).__name__
        return "same" if np.array_equal(summands, first) else "other bits"

    with ThreadPoolExecutor(2) as pool:
        return Counter(pool.map(outcome, range(count)))


@pytest.mark.parametrize("function", [summed_gradients, summed_values])
def test_threads_share_no_sum(function: Callable[[Any], Any]) -> None:
    assert outcomes(TensorFlowNetwork(function, SHAPE), size=8, count=20) == {"same": 20}


def test_what_older_versions_added_up_is_computed_by_two_threads_too() -> None:
    network = TensorFlowNetwork(accumulated_values, SMALL)
    assert outcomes(network, size=8, count=200) == {"same": 200}
    points = batch(network, 4)
    x = tf.constant(points.alpha[:, None, None, None] * points.lines[0].ends[1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = summed_values(x)
        score = scores[:, 0]
    answer = network.gradients(points, per_point=True)
    np.testing.assert_allclose(network.predict(x), scores, rtol=1e-5)
    np.testing.assert_allclose(answer.gradients, tape.gradient(score, x), rtol=1e-4, atol=1e-7)


def test_the_optimization_is_off_for_nobody_else() -> None:
    def optimization() -> str:
        options = eager.context().function_call_options.config_proto_serialized
        rewriting = tf.compat.v1.ConfigProto.FromString(options).graph_options.rewrite_options
        names = type(rewriting).MemOptType
        return str(names.Name(rewriting.memory_optimization))

    before = optimization()
    with ThreadPoolExecutor(1) as pool, reentrant():
        assert optimization() == "NO_MEM_OPT"
        assert pool.submit(optimization).result() == before
    assert optimization() == before == "DEFAULT_MEM_OPT"


def fused_operations(call: Callable[[], Any]) -> list[str]:
    """Return what TensorFlow computes, of the operations fused by its remapper, in a call."""
    context = eager.context()
    context.enable_run_metadata()
    try:
        call()
        graphs = context.export_run_metadata().partition_graphs
    finally:
        context.disable_run_metadata()
    nodes = [node for graph in graphs for node in graph.node]
    nodes += [node for graph in graphs for part in graph.library.function for node in part.node_def]
    assert any("Conv2D" in node.op for node in nodes)
    return [node.op for node in nodes if "Fused" in node.op]


def test_no_convolution_keeps_a_term_of_a_residual_sum() -> None:
    filters = RNG.normal(0, 0.1, (1, 1, 3, 3)).astype(np.float32)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def residual(x: Any) -> Any:
        return tf.nn.relu(x + tf.nn.bias_add(tf.nn.conv2d(x, filters, 1, "SAME"), np.ones(3, "f")))

    x = tf.ones((2, *SMALL))
    assert fused_operations(lambda: residual.get_concrete_function(x)(x))
    with reentrant():
        assert not fused_operations(lambda: residual.get_concrete_function(x)(x))


def application(name: str, precision: Any) -> TensorFlowNetwork:
    options = ModelOptions(source=f"keras:{name}", weights="random")
    network = load(options, device="cpu", precision=precision).network
    assert isinstance(network, TensorFlowNetwork)
    return network


def branches(precision: Any) -> TensorFlowNetwork:
    """Four branches that end in one tensor, three times, as in every Inception network."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((96, 96, 3))
    x = layers.Conv2D(16, 3, strides=2, activation="relu")(inputs)
    for _ in range(3):
        sides = [layers.Conv2D(8, side, padding="same", activation="relu")(x) for side in (1, 3, 5)]
        x = layers.Concatenate()([*sides, layers.AveragePooling2D(3, 1, "same")(x)])
    x = layers.Dense(6, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, x)
    return TensorFlowNetwork(
        lambda x: model(x / 255, training=False), (96, 96, 3), precision=precision
    )


@pytest.mark.full
@pytest.mark.parametrize(("size", "count"), [(8, 300), (32, 20)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["InceptionV3", "NASNetMobile", "branches"])
def test_no_run_dies_of_its_own_threads(name: str, precision: Any, size: int, count: int) -> None:
    network = branches(precision) if name == "branches" else application(name, precision)
    assert outcomes(network, size=size, count=count) == {"same": count}
