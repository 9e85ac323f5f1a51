"""How long a run would take, from a short measurement."""

import time
from collections.abc import Sequence

import numpy as np

from igcli.paths.adaptive import TYPICAL
from igcli.paths.network import Points
from igcli.paths.options import PathOptions
from igcli.paths.quadrature import RULES
from igcli.pipeline.engine import Engine

TIMED = 3


def evaluations_for(options: PathOptions) -> int:
    """Return the gradients that a path takes, with steps: auto those of a usual photograph."""
    if options.steps == "auto":
        return min(TYPICAL, options.max_steps + 1)
    return len(RULES[options.rule](options.steps).points)


def seconds_for(images: int, evaluations: int, engine: Engine) -> float:
    """Return the seconds that the gradients of a run would take.

    Args:
        images: How many.
        evaluations: Gradients of each.
        engine: The network and its batch.
    """
    blank = np.zeros(engine.network.input_shape, np.float32)
    placed: Sequence[object] = [engine.network.place(blank)]
    size = engine.batch_size
    zeros = np.zeros(size, np.int32)
    points = Points(placed, placed, zeros, zeros.astype(np.float32), zeros)
    engine.network.gradients(points)  # Compiles.
    start = time.perf_counter()
    for _ in range(TIMED):
        engine.network.gradients(points)
    return images * evaluations / size * (time.perf_counter() - start) / TIMED
