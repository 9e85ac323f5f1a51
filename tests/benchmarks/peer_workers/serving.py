"""The loop of a peer's process: commands come as lines of JSON, answers go as lines of JSON."""

import importlib.metadata
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """What a process is for.

    Attributes:
        network: Its name; files of that name lie in the folder.
        precision: "float32" or "bfloat16".
        folder: Where networks and images are.
    """

    network: str
    precision: str
    folder: str


@dataclass(frozen=True)
class Images:
    """What is explained, the same for all peers.

    Attributes:
        pixels: (N, 224, 224, 3), 0...255; black is the baseline.
        inputs: (N, 224, 224, 3), preprocessed.
        baseline: Black, preprocessed.
        targets: (N,), index of the explained score.
    """

    pixels: Array
    inputs: Array
    baseline: npt.NDArray[np.float32]
    targets: npt.NDArray[np.int64]

    def first(self, count: int) -> "Images":
        """Return the first of them."""
        return Images(self.pixels[:count], self.inputs[:count], self.baseline, self.targets[:count])


@dataclass(frozen=True)
class Found:
    """Attributions (N, 224, 224, 3) and the number of gradients that they took."""

    attributions: Array
    evaluations: int


class Explainer(Protocol):
    """A peer that has loaded a network."""

    def attribute(self, images: Images, *, steps: int, batch_size: int) -> Found:
        """Attribute the targets' scores."""

    def scores(self, images: Images) -> tuple[Array, Array]:
        """Return the targets' scores (N,) of the images and of black."""


def serve(load: Callable[[Asked], Explainer], packages: Sequence[str]) -> None:
    """Load what the command line says, then run commands until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Standard output is for answers, whatever libraries print.

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    asked = Asked(*sys.argv[1:])
    with np.load(Path(asked.folder, f"{asked.network}-images.npz")) as file:
        images = Images(**{each.name: file[each.name] for each in fields(Images)})
    explainer = load(asked)
    answer(versions={name: importlib.metadata.version(name) for name in packages})
    for line in sys.stdin:
        answer(**_run(explainer, images, **json.loads(line)))


def _run(
    explainer: Explainer, images: Images, *, count: int, save: str | None, **settings: Any
) -> dict[str, float]:
    chosen = images.first(count)
    start = time.perf_counter()
    found = explainer.attribute(chosen, **settings)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if save is not None:
        scores, baseline_scores = explainer.scores(chosen)
        np.savez(
            save,
            attributions=found.attributions,
            scores=scores,
            baseline_scores=baseline_scores,
        )
    mebibytes = peak / (2**20 if sys.platform == "darwin" else 2**10)
    return {"seconds": seconds, "evaluations": found.evaluations, "peak": mebibytes}
