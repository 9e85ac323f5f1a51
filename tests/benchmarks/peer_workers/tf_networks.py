"""The networks as Keras models, for TensorFlow 2.14 and later alike."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from benchmarks.peer_workers.serving import Array, Asked, Images

PACKAGES = ("tensorflow", "keras")


def build(network: str, **options: Any) -> Any:
    """Build an application without the published weights."""
    if network == "resnet50v2":
        return tf.keras.applications.ResNet50V2(weights=None, **options)
    return tf.keras.applications.MobileNet(alpha=0.25, weights=None, **options)


def load(asked: Asked) -> Any:
    """Return the network with the weights that lie in the folder."""
    if asked.network == "inception_v1":
        return from_graph(Path(asked.folder, "inception_v1.pb").read_bytes())
    model = build(asked.network)
    with np.load(Path(asked.folder, f"{asked.network}.npz")) as weights:
        set_weights(model, weights)
    return model


def set_weights(model: Any, weights: Any) -> None:
    """Give a model weights that are named by layer and place: "conv1/0"."""
    for layer in model.layers:
        own = layer.get_weights()
        layer.set_weights([weights[f"{layer.name}/{place}"] for place in range(len(own))])


def from_graph(data: bytes) -> Any:
    """Wrap Inception v1, a graph of TensorFlow 1."""
    definition = tf.compat.v1.GraphDef.FromString(data)
    whole = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(definition, name=""), [])
    scores = whole.prune("input:0", "softmax2:0")
    inputs = tf.keras.Input((224, 224, 3))
    outputs = tf.keras.layers.Lambda(scores, output_shape=(1008,))(inputs)
    return tf.keras.Model(inputs, outputs)


def round_to_bfloat16() -> None:
    """Let compiled functions compute in bfloat16 where that is said to pay."""
    options = {"auto_mixed_precision_onednn_bfloat16": True}
    tf.config.optimizer.set_experimental_options(options)


def keras_in_bfloat16() -> None:
    """Let Keras's layers compute in bfloat16, which needs no compiled function."""
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")


def target_scores(model: Any, images: Images) -> tuple[Array, Array]:
    """Return the targets' scores (N,) of the images and of black."""
    rows = np.arange(len(images.targets)), images.targets

    def scores(inputs: Any) -> Array:
        found: Array = tf.cast(model(inputs), tf.float32).numpy()[rows]
        return found

    return scores(images.inputs), scores(np.broadcast_to(images.baseline, images.inputs.shape))
