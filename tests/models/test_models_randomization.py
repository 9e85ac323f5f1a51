"""Randomized networks, whatever kind of source they come from."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import igcli
from igcli.errors import ModelError
from igcli.models.graph.layer_weights import LayerWeights
from igcli.models.options import ModelOptions
from igcli.models.randomization import RandomizableModel, load_randomizable
from support import onnx_networks
from support.forms import frozen_graphs, keras_2_transfer, saved_models
from support.keras_forms import (
    Form,
    Make,
    augmented,
    authors_code,
    channels_first,
    grey_behind_a_mean,
    integers,
    operations,
)
from support.model_files import SHAPE, network, save

MAKES: tuple[Make, ...] = (operations, channels_first, integers, saved_models, frozen_graphs)
SLOW_MAKES: tuple[Make, ...] = (augmented, authors_code, grey_behind_a_mean, keras_2_transfer)


def opened(source: Path, *, trust: bool = False, **options: Any) -> RandomizableModel:
    given = ModelOptions.model_validate({"source": str(source), **options})
    return load_randomizable(given, device="cpu", explain="probability", trust=trust)


def images(model: RandomizableModel, count: int = 4) -> Any:
    shape = (count, *model.intact.network.input_shape)
    return np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)


def check(model: RandomizableModel) -> None:
    """Without a permuted layer nothing changes; with all, scores do, and differ by image."""
    pixels = images(model)
    before = model.intact.network.predict(pixels)
    np.testing.assert_array_equal(model.randomized([], seed=0).network.predict(pixels), before)
    randomized = model.randomized(range(len(model.layers)), seed=0)
    after = randomized.network.predict(pixels)
    assert np.isfinite(after).all()
    assert np.abs(after - before).max() > 0.01
    assert after.std(axis=0).max() > 1e-4
    maps = [
        igcli.attribute(each, pixels[:1], method="gradients", target=0).attributions
        for each in (model.intact, model.randomized([], seed=0), randomized)
    ]
    np.testing.assert_array_equal(maps[0], maps[1])
    assert np.isfinite(maps[2]).all()
    assert np.abs(maps[2]).max() > 0


def check_forms(make: Make, folder: Path) -> None:
    """Check the first form of each kind of file."""
    forms: dict[str, Form] = {}
    for form in make(folder):
        forms.setdefault(form.path.suffix, form)
    for form in forms.values():
        check(opened(form.path, trust=form.trust, **form.options))


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.__name__)
def test_every_kind_of_source_is_randomized(make: Make, tmp_path: Path) -> None:
    check_forms(make, tmp_path)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize("make", SLOW_MAKES, ids=lambda make: make.__name__)
def test_more_forms_are_randomized(make: Make, tmp_path: Path) -> None:
    check_forms(make, tmp_path)


def test_an_onnx_network_is_randomized(tmp_path: Path) -> None:
    check(opened(onnx_networks.save(onnx_networks.convolutional(), tmp_path)))


@pytest.mark.full
@pytest.mark.parametrize("name", ["mobile", "transformer", "windows"])
def test_more_onnx_networks_are_randomized(name: str, tmp_path: Path) -> None:
    check(opened(onnx_networks.save(getattr(onnx_networks, name)(), tmp_path)))


def branches() -> Any:
    """A network whose layers have 4, 5, 6 and 3 filters; the second and third run side by side."""
    layers, inputs = keras.layers, keras.Input(SHAPE)
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, name="four")(inputs))
    x = layers.ReLU()(x)
    left = layers.Conv2D(5, 1, use_bias=False, name="five")(x)
    right = layers.Conv2D(6, 1, name="six")(x)
    x = layers.GlobalAveragePooling2D()(layers.Concatenate()([left, right]))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax", name="three")(x))
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.1, 1, weight.shape) for weight in model.get_weights()])
    return model


def test_layers_are_products_with_what_follows_them(tmp_path: Path) -> None:
    branches().save(tmp_path / "net.keras")
    model = opened(tmp_path / "net.keras", preprocess="torch")
    values = model.weights.values
    shapes = [
        (layer.depth, sorted(values[name].size for name in layer.weights))
        for layer in model.weights.layers
    ]
    top, *middle, bottom = shapes
    # The mean and standard deviation of the pixels are no layer.
    assert top == (0, [3, 33])
    assert sorted(middle) == [(1, [6, 24]), (1, [20])]
    assert bottom == (2, [4, 4, 4, 4 * 27])


def test_scores_are_those_of_weights_permuted_by_hand(tmp_path: Path) -> None:
    model = branches()
    model.save(tmp_path / "net.keras")
    loaded = opened(tmp_path / "net.keras", preprocess="unit")
    kernel, bias = model.get_layer("three").get_weights()
    permuted = [
        np.random.default_rng((7, 0, values.size)).permutation(values.ravel()).reshape(values.shape)
        for values in (kernel, bias)
    ]
    assert not np.array_equal(permuted[0], kernel)
    model.get_layer("three").set_weights(permuted)
    pixels = images(loaded)
    expected = model.predict(pixels / 255, verbose=0)
    scores = loaded.randomized([0], seed=7).network.predict(pixels)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    assert np.abs(scores - loaded.intact.network.predict(pixels)).max() > 1e-3
    other = loaded.randomized([0], seed=8).network.predict(pixels)
    assert np.abs(scores - other).max() > 1e-4


@pytest.mark.parametrize("kind", [".pb", ""])
def test_layers_are_named_as_in_the_file(kind: str, tmp_path: Path) -> None:
    layers = opened(save(network(), kind, tmp_path), preprocess="unit").layers
    assert [name.rpartition("/")[2] for name in layers] == (
        ["MatMul", "Conv2D"] if kind else ["MatMul", "convolution"]
    )
    assert not any("PartitionedCall" in name for name in layers)


def test_scale_and_shift_of_a_channel_stay_together() -> None:
    kernel = tf.constant(np.random.default_rng(1).normal(size=(3, 50)), tf.float32)
    scale = np.arange(50, dtype=np.float32)
    weights = LayerWeights(lambda x: (x @ kernel) * scale + (scale - 7), (3,))
    function = weights.permuted([0], 0)
    shift = function(tf.zeros((1, 3))).numpy()[0]
    assert sorted(shift) == sorted(scale - 7)
    assert not np.array_equal(shift, scale - 7)
    # A channel whose scale is 0 has the shift that it had.
    slopes = np.abs(function(tf.ones((1, 3))).numpy()[0] - shift)
    assert shift[slopes == 0].tolist() == [-7]


def test_a_network_without_weights_is_refused(tmp_path: Path) -> None:
    path = save(keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten()]), ".h5", tmp_path)
    with pytest.raises(ModelError, match="no weights were found"):
        opened(path)


def test_custom_gradients_of_the_author_are_refused() -> None:
    kernel = tf.Variable(np.ones((3, 2), np.float32))

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def doubled(x: Any) -> Any:
        return 2 * x, lambda upstream: 3 * upstream

    with pytest.raises(ModelError, match="custom gradients of its author's"):
        LayerWeights(lambda x: doubled(x) @ kernel, (3,))


def test_layers_that_do_not_lead_to_the_output_are_left_out() -> None:
    kernels = [tf.Variable(np.full((3, width), 0.5, np.float32)) for width in (2, 4)]

    def scores(x: Any) -> Any:
        x @ kernels[1]  # Another output's head.
        return x @ kernels[0]

    [layer] = LayerWeights(scores, (3,)).layers
    assert len(layer.weights) == 1


def test_a_weight_of_two_layers_is_permuted_once() -> None:
    kernel = np.arange(9, dtype=np.float32).reshape(3, 3)
    shared = tf.Variable(kernel)
    weights = LayerWeights(lambda x: tf.nn.relu(x @ shared) @ shared, (3,))
    changed = np.random.default_rng((5, 0, 9)).permutation(kernel.ravel()).reshape(3, 3)
    inputs = np.array([[1, 2, 3]], np.float32)
    [values] = weights.permuted([0], 5)(tf.constant(inputs)).numpy()
    np.testing.assert_array_equal(values, (inputs @ changed @ changed)[0])
