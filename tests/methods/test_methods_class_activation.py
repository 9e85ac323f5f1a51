"""Class activation maps against the papers' equations, position by position, and Keras's tape."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from igcli import methods
from igcli.integration.requests import LayerGradient, gradient_at_layer
from igcli.methods import MethodOptions, Task
from igcli.methods._class_activation import resize
from igcli.models.network.head import HeadOptions
from igcli.models.network.network import TensorFlowNetwork
from igcli.pipeline.engine.engine import Engine
from igcli.records import Array, Explanation
from support.networks import ClosedForm

SHAPE = (26, 22, 3)
Double = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(7)
    layers = keras.layers
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(6, 3, strides=2, name="first")(layers.Rescaling(1 / 99, -1)(inputs))
    x = start = layers.ReLU(name="start")(layers.BatchNormalization()(x))
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="inner")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="end")(layers.Add(name="sum")([x, start]))
    x = layers.Dense(5, activation="tanh")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(4, activation="softmax", name="scores")(x))
    rng = np.random.default_rng(3)
    for weight in model.weights:
        if "moving" in weight.path or "gamma" in weight.path:
            # Some factors are negative, so that what is folded would have another sign.
            signs = rng.choice([-1, 1], weight.shape) if "gamma" in weight.path else 1
            weight.assign(signs * rng.uniform(0.3, 2, weight.shape))
    return model


def image(seed: int) -> Array:
    return np.random.default_rng(seed).uniform(0, 255, SHAPE).astype(np.float32)


@pytest.fixture(scope="module")
def networks(model: Any) -> dict[str, TensorFlowNetwork]:
    choices: tuple[Any, ...] = ("probability", "logit")
    return {
        explain: TensorFlowNetwork(
            lambda x: model(x, training=False), SHAPE, head_options=HeadOptions(explain)
        )
        for explain in choices
    }


def at_layer(model: Any, layer: str, pixels: Array, target: int, explain: str) -> Any:
    """Values and gradients at a layer by Keras's own sub-model and a tape."""
    scores = model.get_layer("scores")
    linear = keras.layers.Dense(4)
    linear.build((None, 5))
    linear.set_weights(scores.get_weights())
    end = linear(scores.input) if explain == "logit" else model.output
    # The rest is computed from the same tensors, so the tape sees the layer's values.
    both = keras.Model(model.input, [model.get_layer(layer).output, end])
    with tf.GradientTape(persistent=True) as tape:
        values, outputs = both(pixels[None], training=False)
        score = outputs[0, target]
    gradient = tape.gradient(score, values)
    return values[0].numpy().astype(float), gradient[0].numpy().astype(float), float(score)


def grad_cam(values: Double, gradients: Double) -> Double:
    height, width, channels = values.shape
    total = np.zeros((height, width))
    for k in range(channels):
        weight = sum(gradients[i, j, k] for i in range(height) for j in range(width))
        total += weight / (height * width) * values[:, :, k]
    return total


def grad_cam_plus_plus(values: Double, gradients: Double) -> Double:
    height, width, channels = values.shape
    total = np.zeros((height, width))
    for k in range(channels):
        weight = 0.0
        for i in range(height):
            for j in range(width):
                g = gradients[i, j, k]
                bottom = 2 * g**2 + values[:, :, k].sum() * g**3
                alpha = g**2 / bottom if bottom else 0.0
                weight += alpha * max(g, 0)
        total += weight * values[:, :, k]
    return total


def hires_cam(values: Double, gradients: Double) -> Double:
    total: Double = np.einsum("ijk,ijk->ij", values, gradients)
    return total


def layer_cam(values: Double, gradients: Double) -> Double:
    total: Double = np.einsum("ijk,ijk->ij", values, gradients.clip(min=0))
    return total


MAPS: dict[str, Callable[[Double, Double], Double]] = {
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "hires_cam": hires_cam,
    "layer_cam": layer_cam,
}


def explained(
    name: str, network: Any, pixels: Array, target: int, layer: str | None = None
) -> Explanation:
    options = MethodOptions.model_validate({name: {"layer": layer}})
    task = Task(pixels, np.zeros_like(pixels), target, score=0.25, baseline_score=0.125)
    [explanation] = Engine(network, batch_size=16).run(
        [methods.load(name).attribute(task, options)]
    )
    return explanation


@pytest.mark.parametrize(
    ("explain", "layer"),
    [
        *(("probability", layer) for layer in (None, "end", "sum", "norm", "inner", "first")),
        *(("logit", layer) for layer in (None, "inner")),
    ],
)
def test_maps_are_those_of_the_papers(
    model: Any, networks: dict[str, TensorFlowNetwork], layer: str | None, explain: str
) -> None:
    network = networks[explain]
    for seed, (name, map_of) in enumerate(MAPS.items()):
        largest = 0.0
        for target in range(3):
            values, gradients, score = at_layer(model, layer or "end", image(seed), target, explain)
            expected = np.maximum(map_of(values, gradients), 0)
            expected = tf.image.resize(expected[..., None], SHAPE[:2]).numpy()[..., 0]
            explanation = explained(name, network, image(seed), target, layer)
            assert explanation.score == pytest.approx(score, rel=1e-4)
            largest = max(largest, expected.max())
            difference = np.abs(explanation.attributions.sum(-1) - expected).max()
            assert difference <= 2e-4 * expected.max(), (name, target)
        assert largest > 0


def test_channels_share_the_map(networks: dict[str, TensorFlowNetwork]) -> None:
    explanation = explained("grad_cam", networks["probability"], image(1), 2)
    parts = np.moveaxis(explanation.attributions, -1, 0)
    assert parts.min() >= 0
    np.testing.assert_array_equal(parts[0], parts[1])
    np.testing.assert_array_equal(parts[0], parts[2])


def test_the_weights_of_grad_cam_plus_plus_where_gradients_vanish() -> None:
    values, gradients = np.ones((2, 2, 3)), np.zeros((2, 2, 3))
    gradients[..., 1] = -0.5  # 2 + 4 * -0.5 = 0.
    gradients[0, 1, 2] = 1.0
    expected = grad_cam_plus_plus(values, gradients)
    with np.errstate(all="raise"):
        module: Any = methods.load("grad_cam_plus_plus")
        np.testing.assert_allclose(module._map(values, gradients), expected)
    assert expected.max() == pytest.approx(1 / 6)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 7), (12, 30)])
@pytest.mark.parametrize("old", [(1, 1), (7, 7), (4, 6), (2, 1)])
def test_maps_are_resized_as_tensorflow_does(old: tuple[int, int], size: tuple[int, int]) -> None:
    values = np.random.default_rng(5).normal(size=old)
    expected = tf.image.resize(values[..., None], size).numpy()[..., 0]
    np.testing.assert_allclose(resize(values, *size), expected, atol=1e-6)


@pytest.mark.parametrize("name", MAPS)
def test_at_the_input_itself(name: str) -> None:
    network, pixels = ClosedForm((6, 5, 3)), image(4)[:6, :5]
    values = pixels.astype(np.float64)
    expected = np.maximum(MAPS[name](values, 2 * values), 0)
    explanation = explained(name, network, pixels, 0)
    np.testing.assert_allclose(explanation.attributions.sum(-1), expected, rtol=1e-5)


@pytest.mark.parametrize("name", MAPS)
def test_inputs_that_are_no_images_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: expected an image \(H, W, C\), got .*5,"):
        explained(name, ClosedForm((5,)), np.ones(5, np.float32), 0)


def test_requests_share_full_batches() -> None:
    sizes = []

    class Counting(ClosedForm):
        def layer_gradients(self, inputs: Any, *others: Any, **masks: Any) -> Any:
            sizes.append(len(inputs))
            return super().layer_gradients(inputs, *others, **masks)

    def job(seed: int, layer: str | None) -> Any:
        answer = yield from gradient_at_layer(LayerGradient(image(seed), 1, layer))
        return seed, answer

    network = Counting(SHAPE)
    jobs = [job(seed, "a" if seed % 3 else "b") for seed in range(20)]
    answers = dict(Engine(network, batch_size=16).run(jobs))
    assert len(answers) == 20
    for seed, answer in answers.items():
        np.testing.assert_array_equal(answer.activations, image(seed))
    assert sizes == [8] * 3


def test_a_map_that_is_nowhere_positive_is_said() -> None:
    network, pixels = ClosedForm((6, 5, 3)), -image(4)[:6, :5]
    explanation = explained("layer_cam", network, pixels, 0)
    assert not explanation.attributions.any()
    assert explanation.warnings == ("the map is nowhere positive: nothing is attributed",)
