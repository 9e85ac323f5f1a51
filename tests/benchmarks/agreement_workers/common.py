"""What the peers' processes share: the problem, and noise in the place of what they draw."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np


def run(find: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Read the problem, have it solved and write the results, a name each, channels last."""
    with np.load(sys.argv[1]) as file:
        given = dict(file)
    found: Any = {name: np.asarray(value, np.float32) for name, value in find(given).items()}
    np.savez(sys.argv[2], **found)


def keras_model(given: dict[str, Any]) -> Any:
    """Return the network in TensorFlow."""
    import tensorflow as tf

    inputs = tf.keras.Input(given["image"].shape)
    x = tf.keras.layers.Conv2D(6, 3, activation="tanh")(inputs)
    x = tf.keras.layers.Flatten()(x)
    scores = tf.keras.layers.Dense(5, activation="softmax", use_bias=False)(x)
    model = tf.keras.Model(inputs, scores)
    model.set_weights([given[name] for name in ("filters", "offsets", "matrix")])
    return model
