"""A frozen graph with the nodes of the published Inception v1, its weights random.

Source: Szegedy et al. 2015 (arXiv 1409.4842), table 1, with the widths of the published file.
"""

import hashlib
import io
import zipfile
from typing import Any

import numpy as np
import tensorflow as tf

from igcli.models.catalog.published import Member, Release

OUTPUTS = 1008
_MIXED = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 204, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 48, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
LABELS = ("dummy", *(f"class {number}" for number in range(1, 1000)))


class _Builder:
    """Adds layers to the default graph."""

    def __init__(self, divisor: int) -> None:
        self._divisor = divisor
        self._rng = np.random.default_rng(0)

    def conv(self, x: Any, name: str, side: int, width: int, *, stride: int = 1) -> Any:
        width = max(1, width // self._divisor)
        taken = side * side * x.shape[-1]
        drawn = self._rng.normal(0, (2 / taken) ** 0.5, (side, side, x.shape[-1], width))
        kernel = tf.constant(drawn, tf.float32, name=f"{name}_w")
        bias = tf.constant(np.zeros(width), tf.float32, name=f"{name}_b")
        x = tf.nn.conv2d(x, kernel, stride, "SAME", name=f"{name}_pre_relu/conv")
        return tf.nn.relu(tf.nn.bias_add(x, bias, name=f"{name}_pre_relu"), name=name)

    def mixed(self, x: Any, part: str) -> Any:
        name = f"mixed{part}"
        one, three_in, three, five_in, five, pooled = _MIXED[part]
        pool = tf.nn.max_pool2d(x, 3, 1, "SAME", name=f"{name}_pool")
        branches = [
            self.conv(x, f"{name}_1x1", 1, one),
            self.conv(self.conv(x, f"{name}_3x3_bottleneck", 1, three_in), f"{name}_3x3", 3, three),
            self.conv(self.conv(x, f"{name}_5x5_bottleneck", 1, five_in), f"{name}_5x5", 5, five),
            self.conv(pool, f"{name}_pool_reduce", 1, pooled),
        ]
        return tf.concat(branches, 3, name=name)

    def scores(self, x: Any, name: str) -> Any:
        drawn = self._rng.normal(0, (1 / x.shape[-1]) ** 0.5, (x.shape[-1], OUTPUTS))
        weights = tf.constant(drawn, tf.float32, name=f"{name}_w")
        product = tf.matmul(x, weights, name=f"{name}_pre_activation/matmul")
        bias = tf.constant(np.zeros(OUTPUTS), tf.float32, name=f"{name}_b")
        return tf.nn.softmax(
            tf.nn.bias_add(product, bias, name=f"{name}_pre_activation"), name=name
        )


def graph(divisor: int = 1, *, normalized: bool = True) -> bytes:
    """Return the graph's file; `divisor` makes its layers narrower, `normalized` gives them LRN."""
    build = _Builder(divisor)

    def lrn(x: Any, place: int) -> Any:
        settings = {"depth_radius": 5, "bias": 2.0, "alpha": 1e-4, "beta": 0.75}
        name = f"localresponsenorm{place}"
        if not normalized:
            return tf.identity(x, name)
        return tf.nn.local_response_normalization(x, **settings, name=name)

    with tf.Graph().as_default() as built:
        x = tf.compat.v1.placeholder(tf.float32, (None, 224, 224, 3), "input")
        x = build.conv(x, "conv2d0", 7, 64, stride=2)
        x = lrn(tf.nn.max_pool2d(x, 3, 2, "SAME", name="maxpool0"), 0)
        x = build.conv(build.conv(x, "conv2d1", 1, 64), "conv2d2", 3, 192)
        x = tf.nn.max_pool2d(lrn(x, 1), 3, 2, "SAME", name="maxpool1")
        x = build.mixed(build.mixed(x, "3a"), "3b")
        x = tf.nn.max_pool2d(x, 3, 2, "SAME", name="maxpool4")
        for part in ("4a", "4b", "4c", "4d", "4e"):
            x = build.mixed(x, part)
            if part in ("4a", "4d"):
                _head(build, x, 0 if part == "4a" else 1)
        x = tf.nn.max_pool2d(x, 3, 2, "SAME", name="maxpool10")
        x = build.mixed(build.mixed(x, "5a"), "5b")
        x = tf.nn.avg_pool2d(x, 7, 1, "VALID", name="avgpool0")
        x = build.scores(tf.reshape(x, [-1, x.shape[-1]], name="avgpool0/reshape"), "softmax2")
        tf.identity(x, "output2")
    return bytes(built.as_graph_def().SerializeToString())


def _head(build: _Builder, x: Any, place: int) -> None:
    """Add one of the two ends that were for training only."""
    x = tf.nn.avg_pool2d(x, 5, 3, "VALID", name=f"head{place}_pool")
    x = build.conv(x, f"head{place}_bottleneck", 1, 128)
    x = tf.reshape(x, [-1, int(np.prod(x.shape[1:]))], name=f"head{place}_bottleneck/reshape")
    tf.identity(build.scores(x, f"softmax{place}"), f"output{place or ''}")


def archive(members: dict[str, bytes]) -> bytes:
    """Return a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in members.items():
            zipped.writestr(name, data)
    return buffer.getvalue()


def release(zipped: bytes, graph_file: bytes, labels: bytes) -> Release:
    """Describe an archive as the published one is described, with its own hashes."""
    return Release(
        name="inception_v1",
        url="http://127.0.0.1:9/inception5h.zip",
        sha256=hashlib.sha256(zipped).hexdigest(),
        graph=_member("tensorflow_inception_graph.pb", graph_file),
        labels=_member("imagenet_comp_graph_label_strings.txt", labels),
    )


def _member(name: str, data: bytes) -> Member:
    return Member(name, hashlib.sha256(data).hexdigest(), max(len(data), 1))
