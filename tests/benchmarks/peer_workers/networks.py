"""Writes the networks and images that all peers are given, as files that each of them can read."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peer_workers.subjects import IMAGES, MODEL, PHOTOS, photos
from PIL import Image

import igcli
from igcli.demo.scenes import render_scene
from igcli.models.runtime import tensorflow

tf = tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.
from benchmarks.peer_workers import tf_networks  # noqa: E402

from support import inception  # noqa: E402


def prepare(network: str, folder: Path) -> None:
    """Write a network and its images, scenes of the demo's generator or photographs."""
    if network == PHOTOS:
        pixels = [np.asarray(Image.open(path).convert("RGB")) for path in photos()]
        _write_keras(keras.saving.load_model(MODEL), folder / network, np.stack(pixels))
        return
    scenes = np.stack([render_scene(90_000 + seed).pixels for seed in range(IMAGES)])
    if network == "inception_v1":
        _write_graph(inception.graph(), folder / network, scenes)
        return
    keras.utils.set_random_seed(0)
    model = tf_networks.build(network)
    trained(model)
    _write_keras(model, folder / network, scenes)


def trained(model: Any) -> None:
    """Have normalisation and biases do something: as they begin, compilers leave them out."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            middle = [[1], [0], [0], [1]]
            values = list(rng.normal(middle, 0.1, (4, *layer.moving_mean.shape)))
            layer.set_weights(values if layer.scale else values[1:])
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(rng.normal(0, 0.1, layer.bias.shape))


def _write_keras(model: Any, path: Path, pixels: Any) -> None:
    named = {
        f"{layer.name}/{place}": value
        for layer in model.layers
        for place, value in enumerate(layer.get_weights())
    }
    np.savez(path.with_suffix(".npz"), **named)
    model.save(path.with_suffix(".keras"))
    loaded = igcli.load_model(str(path.with_suffix(".keras")), preprocess="tf")
    _write_images(path, loaded, pixels, lambda values: values / 127.5 - 1)


def _write_graph(data: bytes, path: Path, pixels: Any) -> None:
    path.with_suffix(".pb").write_bytes(data)
    np.savez(path.with_suffix(".npz"), **_constants(data))
    loaded = igcli.load_model(
        str(path.with_suffix(".pb")),
        preprocess={"mean": 117.0},
        input="input:0",
        output="softmax2:0",
    )
    _write_images(path, loaded, pixels, lambda values: values - 117)


def _write_images(path: Path, model: Any, pixels: Any, before: Callable[[Any], Any]) -> None:
    """Write images as pixels, which igcli takes, and preprocessed, as its peers take them."""
    pixels = pixels.astype(np.float32)
    np.savez(
        path.with_name(f"{path.name}-images.npz"),
        pixels=pixels,
        inputs=before(pixels),
        baseline=np.float32(before(0)),
        targets=model.network.predict(pixels).argmax(1),
    )


def _constants(data: bytes) -> dict[str, Any]:
    """Return the weights of the frozen graph, named as layers are elsewhere: "conv2d0/0"."""
    places = {"w": 0, "b": 1}
    return {
        f"{node.name[:-2]}/{places[node.name[-1]]}": tf.make_ndarray(node.attr["value"].tensor)
        for node in tf.compat.v1.GraphDef.FromString(data).node
        if node.op == "Const" and node.name.endswith(("_w", "_b"))
    }


if __name__ == "__main__":
    prepare(sys.argv[1], Path(sys.argv[2]))
