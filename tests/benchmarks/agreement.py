"""How far igcli's attributions and its peers' agree, method by method and rule by rule.

On one small network of the same weights, the same image, baseline and noise, each peer in an
environment of its own; the figure is the L2 norm of the difference over that of ours. Where a peer
has another rule by the same name, the row says which of ours it is held against.

    python tests/benchmarks/agreement.py

The first run installs the peers.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import platformdirs

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.agreement_workers.client import theirs
from benchmarks.peer_workers.environments import PEERS, NotInstalledError, python_for

import igcli
from igcli.integration.randomness import generator
from igcli.models.runtime import tensorflow

tf = tensorflow()

WORKERS = Path(__file__).parent / "agreement_workers"
STEPS = 50
SAMPLES = 20
NOISE = 0.15
SIDE = 16
TARGET = 2
MASKS = 200
CELLS = 4

Arrays = Mapping[str, npt.NDArray[Any]]


def problem() -> dict[str, npt.NDArray[np.float32]]:
    """Return the network's weights, an image, a baseline and noise, all float32."""
    rng = np.random.default_rng(7)
    image = rng.uniform(0, 1, (SIDE, SIDE, 3)).astype(np.float32)
    draw = generator(0, image, "smoothgrad")
    strength = np.float32(NOISE) * np.ptp(image)
    noise = [strength * draw.standard_normal(image.shape, np.float32) for _ in range(SAMPLES)]
    grids = generator(0, image, "rise").random((MASKS, CELLS, CELLS), np.float32) < 0.5
    sides = [SIDE // CELLS] * 2
    shifts = generator(0, image, "rise shifts").integers(0, sides, (MASKS, 2))
    weights = {
        "filters": rng.normal(0, 0.5, (3, 3, 3, 6)),
        "offsets": rng.normal(0, 0.2, 6),
        "matrix": rng.normal(0, 0.15, ((SIDE - 2) ** 2 * 6, 5)),
    }
    found = {name: value.astype(np.float32) for name, value in weights.items()}
    baseline = rng.uniform(0, 0.3, image.shape).astype(np.float32)
    arrays: Any = {"image": image, "baseline": baseline, "noise": np.stack(noise)}
    return {**found, **arrays, "grids": grids, "shifts": shifts}


class Ours:
    """igcli on the problem; the calls have the names that the workers give their results."""

    def __init__(self, given: Arrays) -> None:
        self._given = given
        inputs = tf.keras.Input((SIDE, SIDE, 3))
        x = tf.keras.layers.Conv2D(6, 3, activation="tanh", name="conv")(inputs)
        x = tf.keras.layers.Flatten()(x)
        scores = tf.keras.layers.Dense(5, activation="softmax", use_bias=False)(x)
        self._model = tf.keras.Model(inputs, scores)
        self._model.set_weights([given[name] for name in ("filters", "offsets", "matrix")])

    def call(self, method: str, **options: Any) -> npt.NDArray[np.float64]:
        """Return the attributions, float64."""
        found = igcli.attribute(
            self._model,
            self._given["image"][None],
            baseline=self._given["baseline"],
            target=TARGET,
            method=method,
            **options,
        )
        attributions: npt.NDArray[np.float64] = found.attributions[0].astype(np.float64)
        return attributions


def integrated(rule: str, steps: int = STEPS, **options: Any) -> dict[str, Any]:
    """Return what ours is called with for integrated gradients."""
    return {"method": "integrated_gradients", "rule": rule, "steps": steps, **options}


def smooth(statistic: str, **options: Any) -> dict[str, Any]:
    """Return what ours is called with for SmoothGrad and its kin."""
    own = {"samples": SAMPLES, "noise": NOISE, "statistic": statistic, **options}
    return {"method": "smoothgrad", "smoothgrad": own, "multiply_by_input": False}


ROWS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("saliency", "gradients", {"method": "gradients", "multiply_by_input": False}, ""),
    ("saliency", "integrated", integrated("trapezoid", STEPS - 1), "both ends have full weight"),
    (
        "saliency",
        "guided",
        {
            "method": "guided_integrated_gradients",
            "steps": STEPS,
            "guided_integrated_gradients": {"fraction": 0.25, "max_distance": 0.02},
        },
        "sums at the start of each step, ours is the trapezoid",
    ),
    (
        "saliency",
        "blur",
        {
            "method": "blur_integrated_gradients",
            "steps": STEPS,
            "blur_integrated_gradients": {"max_sigma": 5.0, "edges": "zero"},
        },
        "sums at the start of each step, ours is the trapezoid",
    ),
    (
        "saliency",
        "blur",
        {
            "method": "blur_integrated_gradients",
            "steps": STEPS,
            "blur_integrated_gradients": {"max_sigma": 5.0},
        },
        "with our default, mirrored edges",
    ),
    ("saliency", "smoothgrad", smooth("mean"), ""),
    ("saliency", "smoothgrad_squared", smooth("squared"), ""),
    (
        "saliency",
        "xrai",
        {"method": "xrai", "steps": STEPS - 1},
        "the ends of its paths have full weight",
    ),
    ("captum", "occlusion", {"method": "occlusion", "size": 5, "stride": 3}, ""),
    ("captum", "saliency", {"method": "saliency"}, ""),
    ("captum", "input_x_gradient", {"method": "gradients"}, ""),
    ("captum", "riemann_left", integrated("left"), ""),
    ("captum", "riemann_right", integrated("right"), ""),
    ("captum", "riemann_middle", integrated("midpoint"), ""),
    ("captum", "gausslegendre", integrated("gauss_legendre"), ""),
    (
        "captum",
        "riemann_trapezoid",
        integrated("trapezoid", STEPS - 1),
        f"weights sum to {STEPS - 1}/{STEPS}",
    ),
    ("captum", "gradients_alone", integrated("midpoint", multiply_by_input=False), ""),
    ("captum", "layer", integrated("midpoint", layer="conv"), "attributed to the convolution"),
    ("captum", "grad_cam", {"method": "grad_cam"}, ""),
    ("captum", "smoothgrad", smooth("mean"), ""),
    ("captum", "smoothgrad_squared", smooth("squared"), ""),
    ("captum", "vargrad", smooth("variance"), ""),
    ("xplique", "saliency", {"method": "saliency"}, ""),
    ("xplique", "gradient_input", {"method": "gradients"}, ""),
    ("xplique", "integrated", integrated("trapezoid", STEPS - 1, baseline=0), "its baseline is 0"),
    ("xplique", "grad_cam", {"method": "grad_cam"}, "resized bilinearly instead of bicubically"),
    (
        "xplique",
        "grad_cam_plus_plus",
        {"method": "grad_cam_plus_plus"},
        "summed as in equations 19 and 20, where it takes means",
    ),
    (
        "xplique",
        "occlusion",
        {"method": "occlusion", "size": 4, "stride": 4, "value": 0.0},
        "windows side by side, as it adds them up",
    ),
    (
        "xplique",
        "rise",
        {"method": "rise", "masks": MASKS, "cells": CELLS, "baseline": 0},
        "after its division by the sum of the masks is undone",
    ),
    ("xplique", "smoothgrad", smooth("mean"), ""),
    ("xplique", "squaregrad", smooth("squared"), ""),
    ("xplique", "vargrad", smooth("variance"), f"divides by {SAMPLES - 1} instead of {SAMPLES}"),
)
"""Peer, its result's name, what ours is called with, and where and why they differ."""


@click.command()
@click.option("--peers", multiple=True, type=click.Choice(["saliency", "captum", "xplique"]))
@click.option("--work", type=click.Path(path_type=Path), help="Folder of the environments.")
def main(peers: tuple[str, ...], work: Path | None) -> None:
    """Print the table; several --peers may be given."""
    folder = (work or platformdirs.user_cache_path("igcli-benchmark-peers")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    given: Any = problem()
    np.savez(folder / "problem.npz", **given, steps=STEPS, target=TARGET)
    ours = Ours(given)
    print("| peer | method and rule | relative difference | where and why |\n|---|---|---|---|")
    for peer in (each for each in PEERS if each.name in {row[0] for row in ROWS}):
        if peers and peer.name not in peers:
            continue
        try:
            found = theirs(
                WORKERS / f"{peer.name}_worker.py", python_for(peer, folder), folder / "problem.npz"
            )
        except NotInstalledError as error:
            print(f"| {peer.name} | does not install: {error} | | |")
            continue
        for _, name, options, why in (row for row in ROWS if row[0] == peer.name):
            own = ours.call(**options) if "baseline" not in options else _from(given, options)
            difference = np.linalg.norm(found[name] - own) / np.linalg.norm(own)
            print(f"| {peer.name} | {name} | {difference:.1e} | {why} |", flush=True)


def _from(given: Arrays, options: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    """Return ours from another baseline."""
    black = np.full_like(given["baseline"], options["baseline"])
    rest = {name: value for name, value in options.items() if name != "baseline"}
    return Ours({**given, "baseline": black}).call(**rest)


if __name__ == "__main__":
    main()
