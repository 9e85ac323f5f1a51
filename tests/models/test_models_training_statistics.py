"""What the first batch normalization remembers, against means and variances taken by NumPy."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from igcli.models.diagnostics import (
    Finding,
    doubtful_preprocessing,
    read_training_statistics,
)
from igcli.models.options import ModelOptions, Normalization
from igcli.models.preprocess import preprocessing
from igcli.models.sources.input_shape import input_layout
from igcli.models.sources.open import open_source
from igcli.models.training_statistics import TrainingStatistics
from igcli.records import Array

SHAPE = (12, 10, 3)
RNG = np.random.default_rng(4)
KERNEL = RNG.normal(size=(1, 1, 3, 5)).astype(np.float32)
MEAN, VARIANCE = RNG.normal(size=5).astype(np.float32), RNG.uniform(0.5, 2, 5).astype(np.float32)
EPSILON = 0.01
IMAGES = [RNG.uniform(0, 255, SHAPE).astype(np.float32) for _ in range(3)]


def in_keras(*, scale: bool = True, center: bool = True) -> Any:
    inputs = keras.Input(SHAPE)
    normalization = keras.layers.BatchNormalization(epsilon=EPSILON, scale=scale, center=center)
    x = normalization(keras.layers.Conv2D(5, 1, use_bias=False, name="first")(inputs))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(keras.layers.ReLU()(x)))
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    model.get_layer("first").set_weights([KERNEL])
    trained = [MEAN, VARIANCE]
    others = [RNG.uniform(1, 2, 5)] * (scale + center)
    normalization.set_weights([*others, *trained])
    return lambda x: model(x, training=False)


def frozen(fused: bool) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        x = tf.nn.conv2d(x, KERNEL, 1, "SAME")
        gamma, beta = tf.constant(MEAN + 3), tf.constant(MEAN - 1)
        if fused:
            x, *_ = tf.compat.v1.nn.fused_batch_norm(
                *(x, gamma, beta, tf.constant(MEAN), tf.constant(VARIANCE)),
                epsilon=EPSILON,
                is_training=False,
            )
        else:
            x = tf.nn.batch_normalization(x, MEAN, VARIANCE, beta, gamma, EPSILON)
        return tf.reduce_mean(x, [1, 2])

    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (None, *SHAPE), "x")
        tf.identity(function(x), "y")
    definition = graph.as_graph_def()
    return lambda x: tf.graph_util.import_graph_def(definition, {"x:0": x}, ["y:0"], name="")[0]


@pytest.mark.parametrize(
    "make",
    [
        in_keras,
        lambda: in_keras(scale=False),
        lambda: in_keras(center=False),
        lambda: frozen(fused=True),
        lambda: frozen(fused=False),
    ],
    ids=["keras", "unscaled", "uncentred", "fused", "spelled out"],
)
@pytest.mark.parametrize("count", [1, 3])
def test_images_are_compared_with_what_it_remembers(make: Callable[[], Any], count: int) -> None:
    trained = TrainingStatistics(make(), SHAPE)
    assert trained.is_known
    images = IMAGES[:count]
    fit = trained.fit(images, preprocessing("tf"))
    values = (np.stack(images).reshape(-1, 3) / 127.5 - 1) @ KERNEL[0, 0].astype(np.float64)
    variance = VARIANCE.astype(np.float64) + EPSILON
    ratio = values.var(0) / variance
    divergence = 0.5 * (ratio + (values.mean(0) - MEAN) ** 2 / variance - 1 - np.log(ratio))
    np.testing.assert_allclose(fit.divergence, np.median(divergence), rtol=1e-4)
    np.testing.assert_allclose(fit.spread, np.median(np.sqrt(ratio)), rtol=1e-4)


def untrained() -> Any:
    inputs = keras.Input(SHAPE)
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(inputs))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def without() -> Any:
    inputs = keras.Input(SHAPE)
    x = keras.layers.LayerNormalization()(keras.layers.Conv2D(4, 3)(inputs))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def at_the_end() -> Any:
    inputs = keras.Input(SHAPE)
    x = keras.layers.Dense(4)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.BatchNormalization()(x))
    model.layers[-1].set_weights([RNG.uniform(1, 2, 4) for _ in range(4)])
    return model


@pytest.mark.parametrize("make", [untrained, without, at_the_end])
def test_where_nothing_is_known_nothing_is_doubted(make: Callable[[], Any]) -> None:
    trained = TrainingStatistics(make(), SHAPE)
    assert not trained.is_known
    assert list(doubtful_preprocessing([image * 1e6 for image in IMAGES], trained, "none")) == []


@cache
def opened(folder: Path, name: str) -> tuple[TrainingStatistics, tuple[Array, ...]]:
    """Return what a shared network was trained on, and the 39 photos."""
    options = ModelOptions(source=str(folder / name))
    loaded = open_source(options, trust=False)
    shape = input_layout(loaded, options).shape
    photos = tuple(_read(path, shape) for path in sorted((folder / "photos").glob("*.jpg")))
    assert len(photos) == 39
    return read_training_statistics(loaded, options), photos


def suggestions(folder: Path, name: str, used: Any, count: int = 1) -> list[Finding | None]:
    """Return what is doubted of the photos in groups of `count`."""
    trained, photos = opened(folder, name)
    groups = [photos[first : first + count] for first in range(0, len(photos), count)]
    return [next(doubtful_preprocessing(group, trained, used), None) for group in groups]


def _read(path: Path, shape: tuple[int, int, int]) -> Array:
    height, width, channels = shape
    with Image.open(path) as photo:
        image = photo.convert("L" if channels == 1 else "RGB").resize((width, height))
    return np.asarray(image, np.float32).reshape(shape)


NETWORKS: list[tuple[str, Any]] = [
    ("models/mobilenet_v1_0.25_224.keras", "tf"),
    ("zoo/real/fer_emotions.hdf5", "tf"),
    ("zoo/real/cifar10_sequential.h5", "none"),
    ("zoo/real/retrained_mobilenet_v1.pb", Normalization(mean=128.0, std=128.0)),
]


@pytest.mark.parametrize(("name", "right"), NETWORKS)
@pytest.mark.parametrize("count", [1, 13])
def test_the_right_preprocessing_is_not_doubted(
    shared: Path, name: str, right: Any, count: int
) -> None:
    assert set(suggestions(shared, name, right, count)) == {None}


@pytest.mark.parametrize("used", ["none", "caffe"])
def test_a_wrong_scale_is_seen_on_single_photos(shared: Path, used: str) -> None:
    findings = suggestions(shared, NETWORKS[0][0], used)
    assert all(finding is not None and "tf" in _named(finding) for finding in findings)
    assert sum(finding is not None and _named(finding)[0] == "tf" for finding in findings) >= 30
    [several] = suggestions(shared, NETWORKS[0][0], used, 39)
    assert several is not None
    assert _named(several) == ["tf"]


def _named(finding: Finding) -> list[str]:
    """Return the advised preprocessings, which are named as options too."""
    keys = re.findall(r"model\.preprocess: (\w+)", finding.remedy)
    assert keys == re.findall(r"--model-preprocess (\w+)", finding.remedy)
    return keys


def test_several_photos_show_what_single_ones_do_not(shared: Path) -> None:
    [finding] = suggestions(shared, NETWORKS[0][0], "torch", 39)
    assert finding is not None
    assert _named(finding) == ["tf"]
    single = suggestions(shared, NETWORKS[0][0], "torch")
    assert single.count(None) >= 35
