"""A point's gradient has the same bits in a small batch as in a full one."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import igcli
from igcli.integration.network import Points
from igcli.models.network.network import TensorFlowNetwork
from igcli.records import Array

layers = keras.layers
FULL = 24


def rows_of_values() -> TensorFlowNetwork:
    keras.utils.set_random_seed(1)
    hidden = [layers.Dense(96, activation="tanh") for _ in range(2)]
    model = keras.Sequential([keras.Input((40,)), *hidden, layers.Dense(300, activation="softmax")])
    return TensorFlowNetwork(model, (40,))


def images() -> TensorFlowNetwork:
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Conv2D(32, 3, activation="tanh"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(100, activation="softmax"),
        ]
    )
    return TensorFlowNetwork(model, (32, 32, 3))


def bfloat16() -> TensorFlowNetwork:
    keras.utils.set_random_seed(3)
    hidden = [layers.Dense(64, activation="tanh") for _ in range(3)]
    model = keras.Sequential([keras.Input((30,)), *hidden, layers.Dense(50)])
    return TensorFlowNetwork(model, (30,), precision="bfloat16")


def demo() -> TensorFlowNetwork:
    network = igcli.load_model("demo", device="cpu").network
    assert isinstance(network, TensorFlowNetwork)
    return network


@pytest.mark.parametrize(
    "make", [rows_of_values, images, bfloat16, pytest.param(demo, marks=pytest.mark.full)]
)
@pytest.mark.parametrize("per_point", [False, True])
def test_small_batches_give_the_bits_of_a_full_one(
    per_point: bool, make: Callable[[], TensorFlowNetwork]
) -> None:
    network = make()
    rng = np.random.default_rng(4)
    start, end = rng.uniform(0, 1, (2, *network.input_shape)).astype(np.float32)
    line = network.place(start, end - start)

    def gradients(alphas: Array) -> tuple[Any, Any]:
        zeros = np.zeros(len(alphas), np.int32)
        answer = network.gradients(Points([line], zeros, alphas, zeros + 7), per_point=per_point)
        return answer.gradients if per_point else answer.summands, answer.scores

    alphas = np.linspace(0, 1, FULL, dtype=np.float32)
    full, scores = gradients(alphas)
    assert np.any(full)
    for size in (*network.small_batches, 16):
        parts = [gradients(alphas[at : at + size]) for at in range(0, FULL, size)]
        np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), full)
        np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), scores)
    assert network.small_batches == (2, 8)


def test_a_network_with_gradients_of_its_authors_has_one_size() -> None:
    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def doubled(x: Any) -> Any:
        return x, lambda upstream: 2 * upstream

    network = TensorFlowNetwork(lambda x: doubled(x) @ tf.ones((4, 3)), (4,))
    assert network.small_batches == ()


# --- Waste: gradients computed over gradients needed.


@pytest.mark.parametrize(
    ("method", "count", "most"),
    [
        ("integrated_gradients", 1, 1.15),
        ("smoothgrad", 1, 1.5),
        ("idgi", 1, 1.5),
        ("blur_integrated_gradients", 1, 1.5),
        ("expected_gradients", 1, 1.5),
        ("gradients", 4, 1.5),
        ("gradients", 1, 2),
        ("guided_integrated_gradients", 1, 2),
    ],
)
def test_few_gradients_are_computed_that_nobody_needs(
    method: str, count: int, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = 0
    original = TensorFlowNetwork.gradients

    def counting(network: TensorFlowNetwork, points: Points, **wanted: bool) -> Any:
        nonlocal computed
        computed += len(points.line)
        return original(network, points, **wanted)

    monkeypatch.setattr(TensorFlowNetwork, "gradients", counting)
    weights = tf.ones((3, 3, 3, 2))

    def model(x: Any) -> Any:
        return tf.reduce_mean(tf.tanh(tf.nn.conv2d(x, weights, 1, "SAME")), [1, 2])

    inputs = np.random.default_rng(5).normal(size=(count, 6, 6, 3)).astype(np.float32)
    result = igcli.attribute(model, inputs, method=method, references=inputs + 1, device="cpu")
    needed = sum(explanation.evaluations for explanation in result.explanations)
    assert needed <= computed <= most * needed


def test_results_are_the_same_to_the_bit_without_small_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keras.utils.set_random_seed(6)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(8, 3, activation="tanh"),
            layers.Flatten(),
            layers.Dense(20, activation="softmax"),
        ]
    )
    inputs = np.random.default_rng(5).normal(size=(1, 8, 8, 3)).astype(np.float32)

    def attributions(method: str) -> Any:
        return igcli.attribute(model, inputs, method=method, target=3, device="cpu").attributions

    methods = ("integrated_gradients", "gradients")
    small = [attributions(method) for method in methods]
    monkeypatch.setattr("igcli.models.network.network.SMALL_BATCHES", ())
    for method, expected in zip(methods, small, strict=True):
        np.testing.assert_array_equal(attributions(method), expected)
