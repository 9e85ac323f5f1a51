"""How many gradients are evaluated at a time where nobody says."""

import logging
import time

import numpy as np

from igcli.errors import OutOfMemoryError
from igcli.integration.network import Points
from igcli.models.catalog import batch_size_cache
from igcli.models.load import Model
from igcli.models.network.network import TensorFlowNetwork

TRIED = {"CPU": (24, 16, 8, 48), "GPU": (64, 128, 256, 32)}
"""Sizes worth trying, the one to take unmeasured first.

Multiples of eight: with 25 the last bits of a point were seen to depend on its place in the batch.
"""

SHARE = 0.05
"""Part of a run's time, as far as it can be foreseen, that a measurement may take."""

GAIN = 1.05
"""How much faster another size has to be: less is noise, and equal sizes give equal files."""

REPEATED = 3

log = logging.getLogger(__name__)


def batch_size_for(device: str) -> int:
    """Return a batch size for TensorFlow's device name."""
    return _tried(device)[0]


def tuned(model: Model, *, gradients: int) -> int:
    """Return the fastest batch size, measured where a run is long enough to gain by it.

    Args:
        model: The network.
        gradients: About how many the run will evaluate.
    """
    key = batch_size_cache.key(model)
    known = batch_size_cache.recall(key)
    if known is not None:
        return known
    first, *others = _tried(model.device)
    if (1 + REPEATED) * sum(_tried(model.device)) > SHARE * gradients:
        return first
    start = time.perf_counter()
    best = first, _seconds_each(model.network.uncompiled(), first)
    spent = time.perf_counter() - start
    if spent * len(others) > SHARE * gradients * best[1]:
        return first
    for size in others:
        try:
            seconds = _seconds_each(model.network.uncompiled(), size)
        except OutOfMemoryError:
            continue
        log.debug("batch_size %d: %.4g s a gradient", size, seconds)
        if seconds * GAIN < best[1]:
            best = size, seconds
    batch_size_cache.remember(key, best[0])
    return best[0]


def _seconds_each(network: TensorFlowNetwork, size: int) -> float:
    """Return the seconds of a gradient in batches of a size, compiling left out.

    Raises:
        OutOfMemoryError: The device does not hold such a batch.
    """
    noise = np.random.default_rng(0).uniform(0, 255, (2, *network.input_shape))
    first, second = noise.astype(np.float32)
    lines = [network.place(first, second), network.place(second, first)]
    alpha = np.linspace(0, 1, size, dtype=np.float32)
    line = (np.arange(size) * 2 // size).astype(np.int32)
    points = Points(lines, line, alpha, np.zeros(size, np.int32))
    fastest = float("inf")
    for _ in range(1 + REPEATED):  # The first one compiles, and is never the fastest.
        start = time.perf_counter()
        network.fetch(network.gradients(points).scores)  # Accelerators are waited for.
        fastest = min(fastest, time.perf_counter() - start)
    return fastest / size


def _tried(device: str) -> tuple[int, ...]:
    return TRIED["CPU" if device.startswith("CPU") else "GPU"]
