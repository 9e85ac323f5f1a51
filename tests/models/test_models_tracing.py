"""What XLA compiles, and how often."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import keras
import numpy as np
import tensorflow as tf
from keras import layers
from igcli.models.network import network
from igcli.models.network.device_arrays import AcceleratorArrays
from igcli.models.network.network import TensorFlowNetwork

network.arrays_on = AcceleratorArrays
inputs = keras.Input((12, 12, 3))
x = layers.Conv2D(8, 3, activation="relu")(inputs)
pooled = layers.AveragePooling2D(3, 1, padding="same")(x)
x = layers.Concatenate()([pooled, layers.Permute((2, 1, 3))(x)])
x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(x))
model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
computed = TensorFlowNetwork(lambda x: model(x), (12, 12, 3), precision={precision!r})
compiled = computed._compiled(4, per_point=True, interior=False)
rng = np.random.default_rng(0)
for _ in range(3):
    points = tf.constant(rng.normal(size=(4, *computed._inner_shape)), tf.float32)
    scores, summands, gradients, maps = compiled(points, tf.range(4) % 3)
    assert np.isfinite(summands).all() and maps is None
assert computed._is_fused
"""


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_program_is_compiled_once_for_all_values(tmp_path: Path, precision: str) -> None:
    flags = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"
    subprocess.run(
        [sys.executable, "-c", SCRIPT.format(precision=precision)],
        env={**os.environ, "XLA_FLAGS": flags},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert len(list(tmp_path.glob("*before_optimizations.txt"))) == 1
