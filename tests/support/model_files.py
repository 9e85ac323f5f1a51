"""One small network in every kind of file."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

SHAPE = (16, 16, 3)
CLASSES = 3


def network(*, ends: str | None = "softmax", outputs: int = CLASSES) -> Any:
    """A Keras network with weights of a fixed seed that takes pixels 0...1."""
    inputs = keras.Input(SHAPE, name="image")
    x = keras.layers.Conv2D(4, 3, activation="tanh")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(outputs, activation=ends, name="scores")(x))
    return seeded(model)


def seeded(model: Any, seed: int = 11) -> Any:
    """Give a Keras network weights of a fixed seed."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 0.2, weight.shape) for weight in model.get_weights()])
    for layer in model.layers:
        if layer.weights and not isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.normal(0, 0.1, weight.shape) for weight in layer.get_weights()])
    return model


def save(model: Any, kind: str, folder: Path) -> Path:
    """Save a network: kind is ".keras", ".h5", ".pb" or "" for a SavedModel."""
    path = folder / f"net{kind}"
    if kind == "":
        tf.saved_model.save(_module(model), str(path))
    elif kind == ".pb":
        path.write_bytes(frozen(model))
    else:
        model.save(path)
    return path


def frozen(model: Any, shape: tuple[int | None, ...] = (None, *SHAPE)) -> bytes:
    """Write a network as a graph of TensorFlow 1 with its weights as constants."""
    weights = [weight.numpy() for weight in model.weights]
    values = dict(zip([weight.path for weight in model.weights], weights, strict=True))
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, shape, "image")
        kernel, bias = _named(values, "conv2d", "kernel"), _named(values, "conv2d", "bias")
        x = tf.tanh(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "VALID"), bias))
        gamma, beta = _named(values, "norm", "gamma"), _named(values, "norm", "beta")
        mean, variance = _named(values, "norm", "mean"), _named(values, "norm", "variance")
        x = gamma * (x - mean) / tf.sqrt(tf.constant(variance) + 1e-3) + beta
        x = tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])
        x = tf.matmul(x, _named(values, "scores", "kernel"))
        x = tf.nn.bias_add(x, _named(values, "scores", "bias"), name="logits")
        tf.nn.softmax(x, name="scores")
    return bytes(graph.as_graph_def().SerializeToString())


def _named(values: dict[str, Any], layer: str, kind: str) -> Any:
    [value_of_kind] = [value for path, value in values.items() if layer in path and kind in path]
    return value_of_kind


def _module(model: Any) -> Any:
    module = tf.Module()
    module.model = model

    @tf.function(input_signature=[tf.TensorSpec((None, *SHAPE), tf.float32, "image")])  # type: ignore[untyped-decorator]
    def serve(image: Any) -> Any:
        return {"scores": model(image, training=False)}

    module.serve = serve
    module.model_variables = model.variables
    return module
