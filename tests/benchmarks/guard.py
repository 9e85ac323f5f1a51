"""A guard against slipping: igcli beside bare code that uses nothing of it, in two minutes.

Run it before a release, on a machine that does nothing else:

    python tests/benchmarks/guard.py

A ratio is the time (or size) of the bare code over that of igcli: 1 is as fast, more is better. Of
whole runs, from the first decode to the last record, against the gradient of the same Keras network
as TensorFlow offers it: frozen by its converter, two batches at a time, which on two cores was the
fastest of frozen or not and one batch or two. Of GIFs, from maps to files, against Pillow's encoder
for the same frames, which it need not draw. Both are timed in turns, since the machine may change.
Ends with exit code 1 if the median of a ratio is below its floor.
"""

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from igcli.config.load import load_settings
from igcli.demo.scenes import render_scene
from igcli.models.runtime import tensorflow
from igcli.pipeline.runs.prepared import prepare
from igcli.records import Array, Interior, Pixels
from igcli.render import animation
from igcli.render.options import GifOptions

tf = tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.
from tensorflow.python.framework import convert_to_constants as converter  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.peer_workers.networks import trained  # noqa: E402
from benchmarks.peer_workers.tables import machine  # noqa: E402
from benchmarks.whole_runs import scenes, spread, whole_run  # noqa: E402

BATCH_SIZE = 24
THREADS = 2
STEPS = 50
FRAMES = STEPS + 1
COLOURS = 128
DEMO = Path(__file__).parents[2] / "igcli" / "models" / "demo" / "demo.keras"

FLOORS = {
    "MobileNet 0.25": 1.05,
    "demo": 1.1,
    "GIFs, seconds": 1.3,
    "GIFs, bytes": 1.6,
    "GIFs of noise, seconds": 0.9,
    "GIFs of noise, bytes": 1.2,
}
"""Lowest ratios that pass, on two cores with AVX-512.

Medians were 1.16 to 1.24 and 1.23 to 1.28 for the networks in seven runs, 1.47 and 1.02 for the
seconds of GIFs in one, 1.97 to 2.0 and 1.39 to 1.41 for their bytes. Single rounds are up to a
fourth off, medians 4%, so a ratio may lose a tenth of the lowest median, bytes more.
"""

Network = Callable[[Any], Any]


class BareLoop:
    """The gradient of a Keras network's scores at pixels, as TensorFlow offers it."""

    def __init__(self, scores: Network, shape: tuple[int, ...]) -> None:
        """Compile it.

        Args:
            scores: Scores (N, K) of pixels (N, ...), 0...255.
            shape: Shape of one image.
        """
        pixels = tf.TensorSpec((BATCH_SIZE, *shape))
        traced = tf.function(scores).get_concrete_function(pixels)
        frozen = converter.convert_variables_to_constants_v2(traced)

        @tf.function(autograph=False)  # type: ignore[untyped-decorator]
        def gradient(pixels: Any, targets: Any) -> Any:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(pixels)
                chosen = tf.gather(frozen(pixels)[0], targets, batch_dims=1)
            return tape.gradient(chosen, pixels)

        self.gradient = gradient
        values = np.random.default_rng(0).uniform(0, 255, pixels.shape)
        self._batch = tf.constant(values, tf.float32), tf.zeros(BATCH_SIZE, tf.int32)
        gradient(*self._batch)

    def seconds(self, gradients: int) -> float:
        """Return the seconds that each of about so many takes."""
        batches = -(-gradients // BATCH_SIZE)
        start = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(lambda _: self.gradient(*self._batch), range(batches)):
                pass
        return (time.perf_counter() - start) / (batches * BATCH_SIZE)


def bare_gif(frames: Sequence[Pixels]) -> bytes:
    """Encode with Pillow: all frames share a palette, without dithering.

    The palette is that of a quarter of the pixels of every tenth frame.
    """
    sample = np.concatenate([frame[::2, ::2] for frame in frames[::10]])
    palette = Image.fromarray(sample).quantize(COLOURS, Image.Quantize.MEDIANCUT)
    first, *others = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    )
    file = BytesIO()
    options: dict[str, Any] = {"duration": 100, "loop": 0, "optimize": False}
    first.save(file, "GIF", save_all=True, append_images=others, **options)
    return file.getvalue()


@dataclass(frozen=True)
class Animation:
    """A GIF to draw, and its frames to encode."""

    picture: Pixels
    interior: Interior
    frames: Sequence[Pixels]

    @classmethod
    def of(cls, picture: Pixels, maps: Array) -> "Animation":
        """Draw the frames."""
        interior = Interior(np.linspace(0, 1, FRAMES), maps.astype(np.float32))
        frames = list(animation.frames(picture, interior, options=GifOptions()))
        return cls(picture, interior, frames)

    def drawn(self) -> bytes:
        """Return igcli's file."""
        return animation.render(self.picture, self.interior, options=GifOptions())

    def bare(self) -> bytes:
        """Return Pillow's file."""
        return bare_gif(self.frames)


def interior_maps(picture: Pixels, loop: BareLoop) -> Array:
    """Return the interior gradients (F, H, W) from black to a picture, for the first score."""
    alphas = np.linspace(0, 1, FRAMES, dtype=np.float32)
    missing = -FRAMES % BATCH_SIZE
    batches = np.pad(alphas, (0, missing), mode="edge").reshape(-1, BATCH_SIZE, 1, 1, 1)
    targets = tf.zeros(BATCH_SIZE, tf.int32)
    gradients = [loop.gradient(tf.constant(alpha * picture), targets) for alpha in batches]
    maps: Array = (np.concatenate(gradients)[:FRAMES] * picture).mean(-1)
    return maps


def noise_maps(picture: Pixels) -> Array:
    """Return maps that change in every pixel, so that their GIF is too large with many colours."""
    shape = (FRAMES, *picture.shape[:2])
    maps: Array = np.random.default_rng(0).standard_normal(shape, np.float32) * picture.mean(-1)
    return maps


def in_turns(ours: Callable[[], float], bare: Callable[[], float], rounds: int) -> list[float]:
    """Return the bare time over ours, of each round: half of the bare one before, half after."""
    ratios = []
    for _ in range(rounds):
        before = bare()
        taken = ours()
        ratios.append((before + bare()) / 2 / taken)
    return ratios


def of_runs(loop: BareLoop, model: dict[str, object], images: int, rounds: int) -> list[float]:
    """Compare whole runs with a bare loop.

    Args:
        loop: The gradient of the same network.
        model: Its settings.
        images: Number of images of a run.
        rounds: How often.
    """
    overrides = {**model, "steps": STEPS, "batch_size": BATCH_SIZE, "device": "cpu"}
    settings = load_settings(None, overrides).settings
    prepared = prepare(settings, panels=True)
    gradients = images * (STEPS + 1)
    with tempfile.TemporaryDirectory() as folder:
        sources = list(scenes(Path(folder), images))
        whole_run(settings, sources[:2], prepared)  # Traces.
        return in_turns(
            lambda: whole_run(settings, sources, prepared) / gradients,
            lambda: loop.seconds(gradients // 2),
            rounds,
        )


def of_gifs(animations: Sequence[Animation], rounds: int) -> tuple[list[float], list[float]]:
    """Compare igcli's GIFs with Pillow's: seconds, and bytes."""

    def seconds(encode: Callable[[Animation], bytes]) -> float:
        start = time.perf_counter()
        for each in animations:
            encode(each)
        return time.perf_counter() - start

    sizes = [len(each.bare()) / len(each.drawn()) for each in animations]
    times = in_turns(lambda: seconds(Animation.drawn), lambda: seconds(Animation.bare), rounds)
    return times, sizes


def ratios_of(images: int, gifs: int, rounds: int) -> dict[str, list[float]]:
    """Return the ratios of each round, by what `FLOORS` calls them."""
    keras.utils.set_random_seed(0)
    network = keras.applications.MobileNet(alpha=0.25, weights=None)
    trained(network)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mobilenet.keras")
        network.save(path)
        loop = BareLoop(lambda pixels: network(pixels / 127.5 - 1), network.input_shape[1:])
        model: dict[str, object] = {"model.source": str(path), "model.preprocess": "tf"}
        found["MobileNet 0.25"] = of_runs(loop, model, images, rounds)
    demo = keras.saving.load_model(DEMO)
    loop = BareLoop(demo, demo.input_shape[1:])
    found["demo"] = of_runs(loop, {"model.source": "demo"}, images, rounds)
    pictures = [render_scene(90_000 + seed).pixels for seed in range(gifs)]
    kinds = {
        "GIFs": [Animation.of(each, interior_maps(each, loop)) for each in pictures],
        "GIFs of noise": [Animation.of(each, noise_maps(each)) for each in pictures],
    }
    for kind, animations in kinds.items():
        found[f"{kind}, seconds"], found[f"{kind}, bytes"] = of_gifs(animations, rounds)
    return found


@click.command()
@click.option("--images", default=20, show_default=True, help="Images of a run.")
@click.option("--gifs", default=3, show_default=True, help="GIFs of each kind.")
@click.option("--rounds", default=7, show_default=True)
def main(images: int, gifs: int, rounds: int) -> None:
    """Print the ratios, median (lowest to highest), and compare them with their floors."""
    found = ratios_of(images, gifs, rounds)
    print(
        f"{machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"TensorFlow {tf.__version__}: {images} images and {gifs} GIFs of each kind, "
        f"{rounds} rounds, batch {BATCH_SIZE}"
    )
    print(f"{'bare code / igcli':24} {'floor':>8}    ratio (lowest to highest)")
    low = []
    for name, ratios in found.items():
        print(f"{name:24} {FLOORS[name]:8} {spread(ratios)}")
        middle = statistics.median(ratios)
        if middle < FLOORS[name]:
            low.append(f"{name} {middle:.4g} (floor {FLOORS[name]})")
    if low:
        raise click.ClickException(
            f"below the floor: {', '.join(low)}; run it again on a quiet machine, and if it stays "
            "so, find the commit that made igcli slower or its GIFs larger"
        )


if __name__ == "__main__":
    main()
