"""Evaluation of `demo` on scenes it was not trained on: `python -m igcli.demo.evaluate`.

Prints the accuracy, and how much denser positive attribution is on the object than off it.
"""

from collections.abc import Sequence

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import igcli
from igcli.demo.scenes import SEED_STRIDE, Scene, render_scene

_GROWN_BY = 10  # Pixels around the object that count as part of it.
_BATCH = 50


def measure_accuracy(scenes: Sequence[Scene]) -> float:
    """Return the fraction of scenes, 224x224, whose top class is correct."""
    network = igcli.load_model("demo").network
    starts = range(0, len(scenes), _BATCH)
    tops = [network.predict(_pixels(scenes[i : i + _BATCH])).argmax(axis=1) for i in starts]
    is_correct = np.concatenate(tops) == [scene.label for scene in scenes]
    return float(is_correct.mean())


def measure_densities(scenes: Sequence[Scene], steps: int = 50) -> list[float]:
    """Return the density ratio of each scene's attributions, from black, for the top class."""
    model = igcli.load_model("demo")
    attributions = igcli.attribute(model, _pixels(scenes), steps=steps).attributions
    return [density_ratio(a, scene.mask) for a, scene in zip(attributions, scenes, strict=True)]


def _pixels(scenes: Sequence[Scene]) -> NDArray[np.float32]:
    return np.stack([scene.pixels for scene in scenes]).astype(np.float32)


def density_ratio(attributions: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the mean positive attribution inside the grown mask over that outside.

    Args:
        attributions: (H, W, 3) float32, in units of the score.
        mask: (H, W) bool, true on the object.
    """
    side = 2 * _GROWN_BY + 1
    inside = np.asarray(Image.fromarray(mask).convert("L").filter(ImageFilter.MaxFilter(side))) > 0
    positive = np.maximum(attributions.mean(axis=-1), 0)
    return float(positive[inside].mean() / positive[~inside].mean())


@click.command()
@click.option("--scenes", type=click.IntRange(min=1), default=2000, show_default=True)
@click.option("--attributed", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--seed", type=click.IntRange(min=2), default=2, show_default=True)
def main(scenes: int, attributed: int, seed: int) -> None:
    """Measure the accuracy of the demo network and the density of its attributions."""
    first = seed * SEED_STRIDE
    rendered = [render_scene(first + index) for index in range(max(scenes, attributed))]
    accuracy = measure_accuracy(rendered[:scenes])
    click.echo(f"accuracy on {scenes} scenes of seed {seed}: {100 * accuracy:.2f}%")
    ratios = measure_densities(rendered[:attributed])
    click.echo(
        f"positive attribution on the object, {attributed} scenes: "
        f"{np.mean(ratios):.1f} times as dense as off it (median {np.median(ratios):.1f})"
    )


if __name__ == "__main__":
    main()
