"""Gradients per second of networks with random weights, before and after each measure.

All ways of a network are timed in turns in one process, so that what else the machine does meets
all of them; the ratios are the result. Correlation is Pearson's of one gradient's channel mean,
pixel by pixel, with that of the first way.

    python tests/benchmarks/models.py --rounds 5
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from igcli.models.graph.bfloat16 import in_bfloat16
from igcli.models.graph.freeze import freeze
from igcli.models.options import ModelOptions
from igcli.models.preprocess import preprocessing
from igcli.models.runtime import tensorflow
from igcli.models.sources.application import load
from igcli.models.sources.frozen_graph import parse
from igcli.pipeline.calibration.precision import correlation

tf = tensorflow()

Way = Callable[[Any], Any]


def differentiated(scores: Way) -> Way:
    """Return the gradient of the first score."""

    def gradient(inputs: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            first = scores(inputs)[:, 0]
        return tape.gradient(first, inputs)

    return gradient


def compiled(function: Way, *, replaced: bool = True, rounded: bool = False) -> Way:
    """Freeze scores and differentiate them.

    Args:
        function: Scores of pixels.
        replaced: Whether local response normalisation may be replaced.
        rounded: Whether to compute in bfloat16.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not replaced:
            patch.setattr("igcli.models.graph.custom_gradients.is_replaceable", lambda _: False)
        frozen = freeze(function, [tf.TensorSpec((None, 224, 224, 3), tf.float32)]).graph
    if rounded:
        frozen = in_bfloat16(frozen)
    found: Way = tf.function(differentiated(lambda inputs: frozen(inputs)[0]))
    return found


def resnet() -> dict[str, Way]:
    """ResNet50V2."""
    loaded = load(ModelOptions(source="keras:ResNet50V2", weights="random"))
    before = preprocessing("tf")

    def scores(pixels: Any) -> Any:
        return loaded.function(before(pixels))

    return {
        "eager tape": differentiated(scores),
        "tf.function": tf.function(differentiated(scores)),
        "frozen": compiled(scores),
        "frozen, bfloat16": compiled(scores, rounded=True),
    }


def inception() -> dict[str, Way]:
    """Inception v1, layers of the published sizes."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from support.inception import graph

    options = ModelOptions(source="inception_v1", input="input:0", output="softmax2:0")
    loaded = parse(graph(), options)

    def scores(pixels: Any) -> Any:
        return loaded.function(pixels - 117.0)

    return {
        "frozen, TensorFlow's LRN": compiled(scores, replaced=False),
        "frozen, LRN replaced": compiled(scores),
        "TensorFlow's LRN, bfloat16": compiled(scores, replaced=False, rounded=True),
        "LRN replaced, bfloat16": compiled(scores, rounded=True),
    }


def timed(ways: dict[str, Way], inputs: Any, rounds: int) -> Iterator[tuple[str, float, float]]:
    """Yield each way's name, median seconds a batch, and correlation with the first way."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    maps = {name: way(inputs).numpy()[0].mean(-1) for name, way in ways.items()}  # Compiles.
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way(inputs).numpy()
            seconds[name].append(time.perf_counter() - start)
    first = next(iter(maps.values()))
    for name in ways:
        yield name, statistics.median(seconds[name]), correlation(first, maps[name])


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--batch-size", default=10, show_default=True)
def main(rounds: int, batch_size: int) -> None:
    """Print a table for each network."""
    pixels = np.random.default_rng(0).uniform(0, 255, (batch_size, 224, 224, 3))
    inputs = tf.constant(pixels, tf.float32)
    for network in (inception, resnet):
        print(f"\n| {network.__doc__} | gradients/s | times the first | correlation |")
        print("|---|---|---|---|")
        base = 0.0
        for name, seconds, agreement in timed(network(), inputs, rounds):
            base = base or seconds
            rate = batch_size / seconds
            print(f"| {name} | {rate:.1f} | {base / seconds:.2f} | {agreement:.4f} |")


if __name__ == "__main__":
    main()
