"""The `demo` network, a small Inception: its architecture and its training.

Train it and write its weights with `python -m igcli.demo.train`.

Every scene is seen once per epoch with added grain, 40% of the time in full light. Otherwise the
light on the object and the light on the rest are dimmed, by independent factors or (as on the way
from black) by the same one, and the label fades to "any class" with the light on the object alone.
Thus the score rises evenly on the way from black, black is no class, and the evidence is the
object.

Measured with the defaults: 39 minutes on two shared cores, 33 minutes of processor time and 3.7 GB
of memory; all of 2,000 scenes of seed 2 correct, positive attribution 7.7 times as dense on the
object as off it (`python -m igcli.demo.evaluate`).
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import click
import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from igcli.demo.scenes import CLASSES, SEED_STRIDE, render_scene

WEIGHTS = Path(__file__).parents[1] / "models" / "demo" / "demo.keras"
_BLOCKS = (
    (16, (16, 24), (8, 12), 12),
    (32, (24, 48), (12, 24), 24),
    (40, (32, 64), (12, 24), 32),
)
"""Channels of each block's branches: 1x1; 1x1, then 3x3; 1x1, then 5x5; pooling, then 1x1."""

_FULL_LABEL_LIGHT = 0.75
_MAX_GRAIN = np.float32(32)
_PEAK_RATE = 3e-3

Example = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def build() -> keras.Model:
    """Return an untrained network from raw pixels to scores.

    Input (N, 224, 224, 3) float32, RGB 0...255; output (N, number of classes) float32, softmax.
    The resolution drops early, to 56x56 after two convolutions, so that gradients are cheap.
    """
    pixels = keras.Input((224, 224, 3), name="pixels")
    x = layers.Rescaling(1 / 255)(pixels)  # No offset: the padding is black, too.
    x = _convolve(x, 8, 5, strides=2)
    x = _convolve(x, 32, 4, strides=2)
    for block in _BLOCKS:
        x = layers.AveragePooling2D(3, strides=2, padding="same")(x)
        x = _inception(x, *block)
    x = _convolve(x, 96, 3)
    x = layers.GlobalAveragePooling2D()(x)
    scores = layers.Dense(len(CLASSES), activation="softmax", name="scores")(x)
    return keras.Model(pixels, scores, name="demo")


def _inception(
    x: keras.KerasTensor, one: int, three: tuple[int, int], five: tuple[int, int], pooled: int
) -> keras.KerasTensor:
    """Four parallel branches, concatenated over the channels."""
    branches = [
        _convolve(x, one, 1),
        _convolve(_convolve(x, three[0], 1), three[1], 3),
        _convolve(_convolve(x, five[0], 1), five[1], 5),
        _convolve(layers.AveragePooling2D(3, strides=1, padding="same")(x), pooled, 1),
    ]
    return layers.Concatenate()(branches)


def _convolve(
    x: keras.KerasTensor, channels: int, side: int, strides: int = 1
) -> keras.KerasTensor:
    """Convolution, batch normalization and the activation x * sigmoid(x).

    Keras's own `silu` is the same function, but has a custom gradient, which a frozen graph loses.
    """
    x = layers.Conv2D(channels, side, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.Multiply()([x, layers.Activation("sigmoid")(x)])


class LitScenes(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of scenes under varying light, in a new order every epoch."""

    def __init__(self, seed: int, count: int, batch_size: int = 32) -> None:
        super().__init__()
        self._rng = np.random.default_rng(seed)
        self._batch_size = batch_size
        self._pixels = np.empty((count, 224, 224, 3), np.uint8)
        self._spots = np.empty((count, 224, 224), np.uint8)
        self._labels = np.arange(count) % len(CLASSES)
        for index, (pixels, spot) in enumerate(_examples(seed, self._labels)):
            self._pixels[index], self._spots[index] = pixels, spot
        self._grain = self._rng.standard_normal((64, 224, 224, 3), np.float32)
        self._order = self._rng.permutation(count)

    def __len__(self) -> int:
        return len(self._order) // self._batch_size

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        chosen = self._order[index * self._batch_size :][: self._batch_size]
        on_object, on_rest = self._draw_light(len(chosen))
        spot = self._spots[chosen, ..., None] / np.float32(255)
        light = on_rest[:, None, None, None] * (1 - spot) + on_object[:, None, None, None] * spot
        certainty = np.minimum(on_object / _FULL_LABEL_LIGHT, 1)[:, None]
        one_hot = np.eye(len(CLASSES), dtype=np.float32)[self._labels[chosen]]
        labels = certainty * one_hot + (1 - certainty) / len(CLASSES)
        pixels = (self._pixels[chosen] + self._draw_grain(len(chosen))) * light
        return pixels.astype(np.float32), labels.astype(np.float32)

    def on_epoch_end(self) -> None:
        """Reorder the scenes."""
        self._order = self._rng.permutation(len(self._order))

    def _draw_light(self, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draw two factors 0...1 per scene: 40% both 1, 20% equal, 40% independent."""
        on_object, on_rest = self._rng.uniform(size=(2, count)).astype(np.float32)
        kind = self._rng.uniform(size=count)
        on_rest = np.where(kind < 0.6, on_object, on_rest)
        full = np.where(kind < 0.4, np.float32(1), np.float32(0))
        return np.maximum(on_object, full), np.maximum(on_rest, full)

    def _draw_grain(self, count: int) -> NDArray[np.float32]:
        """Draw noise of a random strength for each scene, none for a quarter of them."""
        strength = self._rng.uniform(-0.33, 1, (count, 1, 1, 1)).astype(np.float32)
        shift = self._rng.integers(224)
        grain = np.roll(self._grain[self._rng.integers(len(self._grain), size=count)], shift, 2)
        return _MAX_GRAIN * np.maximum(strength, 0) * grain


def _examples(seed: int, labels: NDArray[np.int64]) -> Iterator[Example]:
    seeds = range(seed * SEED_STRIDE, seed * SEED_STRIDE + len(labels))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from pool.map(_example, seeds, labels.tolist(), chunksize=32)


def _example(seed: int, label: int) -> Example:
    """Return a scene's pixels and the soft-edged spot of light on its object, 0...255."""
    scene = render_scene(seed, label=label)
    small = Image.fromarray(scene.mask).convert("L").reduce(4)
    grown = small.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.GaussianBlur(1))
    return scene.pixels, np.asarray(grown.resize((224, 224), Image.Resampling.BILINEAR))


def train(seed: int, scenes: int, epochs: int) -> keras.Model:
    """Train on `scenes` scenes of `seed`; needs about 0.25 MB of memory per scene."""
    keras.utils.set_random_seed(seed)
    data = LitScenes(seed, scenes)
    steps = len(data) * epochs
    rate = keras.optimizers.schedules.CosineDecay(
        _PEAK_RATE / 10, steps, warmup_target=_PEAK_RATE, warmup_steps=steps // 20, alpha=0.005
    )
    model = build()
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=0.01),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.03),
        metrics=["accuracy"],
    )
    model.fit(data, epochs=epochs, verbose=2)
    return model


def save(model: keras.Model, output: Path) -> None:
    """Write the network without the optimizer's state, through a temporary file."""
    bare = build()
    bare.set_weights(model.get_weights())
    partial = output.with_name(f".{output.stem}-partial.keras")
    bare.save(partial)
    partial.replace(output)


@click.command()
@click.option("--output", type=click.Path(path_type=Path), default=WEIGHTS)
@click.option("--seed", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--scenes", type=click.IntRange(min=32), default=12_000, show_default=True)
@click.option("--epochs", type=click.IntRange(min=1), default=16, show_default=True)
def main(output: Path, seed: int, scenes: int, epochs: int) -> None:
    """Train the demo network and write its weights."""
    save(train(seed, scenes, epochs), output)


if __name__ == "__main__":
    main()
