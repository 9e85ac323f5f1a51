"""Networks moved to another device, and several of them as one, give the bits of the first.

Here all devices are the same CPU; `test_cli_devices.py` divides it into several.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from igcli.integration.network import Points
from igcli.integration.requests import Line, gradients_along
from igcli.models.network.device_arrays import AcceleratorArrays
from igcli.models.network.head import HeadOptions
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.network.several_devices import SeveralDevices
from igcli.pipeline.engine.engine import Engine, Job
from igcli.records import Array

SHAPE = (12, 10, 3)


def classifier() -> Any:
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(5, 3, activation="tanh", name="first"),
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(6, 3, activation="relu", name="second"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )


def segmenting() -> Any:
    keras.utils.set_random_seed(4)
    layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Conv2D(3, 1)]
    return keras.Sequential([keras.Input(SHAPE), *layers, keras.layers.Softmax()])


def authors_gradient() -> Callable[[Any], Any]:
    weights = tf.Variable(np.random.default_rng(2).normal(size=(360, 3)), dtype=tf.float32)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def doubled(x: Any) -> Any:
        return x * x, lambda upstream: 3 * x * upstream

    return lambda x: tf.nn.softmax(doubled(tf.reshape(x, [-1, 360]) / 255) @ weights)


def of_four(x: Any) -> Any:
    """Take four inputs at a time."""
    return tf.reduce_sum(tf.reshape(x, [4, 36, 10]) ** 2, 1)


def looping() -> Callable[[Any], Any]:
    """Return a network whose graph has functions of its own."""
    weights = tf.Variable(np.random.default_rng(2).normal(size=(360, 3)), dtype=tf.float32)

    def scores(x: Any) -> Any:
        flat = tf.reshape(x, [-1, 360]) / 255
        _, flat = tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, tf.tanh(y)), [0, flat])
        return flat @ weights

    return scores


NETWORKS: dict[str, Callable[[], TensorFlowNetwork]] = {
    "stem": lambda: TensorFlowNetwork(partial(classifier(), training=False), SHAPE),
    "logits": lambda: TensorFlowNetwork(
        partial(classifier(), training=False), SHAPE, head_options=HeadOptions("logit")
    ),
    "pixels": lambda: TensorFlowNetwork(partial(segmenting(), training=False), SHAPE),
    "author's gradient": lambda: TensorFlowNetwork(authors_gradient(), SHAPE),
    "four at a time": lambda: TensorFlowNetwork(of_four, SHAPE),
    "loop": lambda: TensorFlowNetwork(looping(), SHAPE),
}


def pixels(count: int) -> Array:
    return np.random.default_rng(5).uniform(0, 255, (count, *SHAPE)).astype(np.float32)


def job(network: Any, number: int) -> Job[tuple[int, Any]]:
    start, end = pixels(16)[[number, 15 - number]]
    alphas = np.linspace(0, 1, 9)
    weights = None if number % 3 == 0 else np.full(9, 1 / 9)
    mask = None
    if network.positions is not None:
        mask = (np.arange(network.positions) % 2).astype(np.float32)
    wanted = np.ones(9, bool)
    line = Line(start, end - start, 1, alphas, weights, slopes=True, interior=wanted, mask=mask)
    [answer] = yield from gradients_along(line)
    return number, answer


def answers(network: Any) -> dict[int, Any]:
    engine = Engine(network, batch_size=8)
    return dict(engine.run(job(network, number) for number in range(8)))


def assert_same(network: TensorFlowNetwork, several: Any) -> None:
    np.testing.assert_array_equal(several.predict(pixels(4)), network.predict(pixels(4)))
    expected, found = answers(network), answers(several)
    for number, answer in expected.items():
        assert np.abs(answer.gradients).max() > 0
        for name in ("scores", "gradients", "slopes", "interior"):
            np.testing.assert_array_equal(getattr(found[number], name), getattr(answer, name))


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_kind_of_network_can_be_moved(kind: str) -> None:
    network = NETWORKS[kind]()
    moved = network.on("CPU:0")
    assert_same(network, SeveralDevices([moved, network, moved.on("CPU:0")]))


def test_totals_of_accelerators_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled by XLA, on arrays of the devices': sums go from one to the other."""
    monkeypatch.setattr("igcli.models.network.network.arrays_on", AcceleratorArrays)
    network = NETWORKS["stem"]()
    assert network.streams == 1
    assert_same(network, SeveralDevices([network, network.on("CPU:0")]))


def test_gradients_at_layers_are_those_of_the_first_device() -> None:
    network = NETWORKS["stem"]()
    several = SeveralDevices([network.on("CPU:0"), network])
    targets = np.array([0, 1, 3], np.int32)
    several.check_layer("second")
    for layer in ("first", "second", None):
        expected = network.layer_gradients(pixels(3), targets, layer)
        for member in (several, network.on("CPU:0")):
            for answer, one in zip(
                member.layer_gradients(pixels(3), targets, layer), expected, strict=True
            ):
                np.testing.assert_array_equal(answer.activations, one.activations)
                np.testing.assert_array_equal(answer.gradients, one.gradients)
    several.forget_layers()
    with pytest.raises(RuntimeError, match="after forget_layers"):
        several.layer_gradients(pixels(3), targets, None)


def test_a_network_is_frozen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    model = classifier()

    def counted(x: Any) -> Any:
        calls.append(x)
        return model(x, training=False)

    network = TensorFlowNetwork(counted, SHAPE)
    network.check_layer(None)
    before = len(calls)
    moved = network.on("CPU:0")
    moved.predict(pixels(2))
    moved.check_layer(None)
    placed = [moved.place(*pixels(2))]
    zeros = np.zeros(8, np.int32)
    moved.gradients(Points(placed, zeros, zeros.astype(np.float32), zeros))
    assert len(calls) == before > 0


def test_the_precision_is_that_of_all_devices() -> None:
    network = NETWORKS["stem"]()
    several = SeveralDevices([network, network.on("CPU:0")])
    several.precision = "bfloat16"
    model = partial(classifier(), training=False)
    rounded = TensorFlowNetwork(model, SHAPE, precision="bfloat16")
    assert several.precision == rounded.precision
    assert_same(rounded, several)
