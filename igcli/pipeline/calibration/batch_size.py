"""`batch_size: auto`: how many gradients to evaluate at a time, by a short measurement."""

import logging
import time

from igcli.errors import OutOfMemoryError
from igcli.models.catalog import batch_size_cache
from igcli.models.load import Model
from igcli.pipeline.calibration.timing import REPETITIONS, seconds_per_gradient

CANDIDATES = {"CPU": (24, 16, 8, 48), "GPU": (64, 128, 256, 32)}
"""Batch sizes to try; the first one is used where nothing is measured.

All are multiples of eight: with 25, the last bits of a point depended on its place in the batch.
"""

MAX_SHARE = 0.05
"""Share of a run's expected time that a measurement may take."""

MIN_GAIN = 1.05
"""How much faster another size has to be: less is noise, and equal sizes give equal files."""

log = logging.getLogger(__name__)


def default_batch_size(device: str) -> int:
    """Return the batch size to use without a measurement, by TensorFlow's name of the device."""
    return _candidates(device)[0]


def tuned_batch_size(model: Model, *, gradients: int) -> int:
    """Return the fastest batch size, measured if the run is long enough to gain from it.

    Args:
        model: The network.
        gradients: Estimated number of gradients of the run.
    """
    key = batch_size_cache.key(model)
    known = batch_size_cache.recall(key)
    if known is not None:
        return known
    first, *others = _candidates(model.device)
    if (1 + REPETITIONS) * sum(_candidates(model.device)) > MAX_SHARE * gradients:
        return first
    start = time.perf_counter()
    best = first, seconds_per_gradient(model.network.uncompiled(), first)
    spent = time.perf_counter() - start
    if spent * len(others) > MAX_SHARE * gradients * best[1]:
        return first
    for size in others:
        try:
            seconds = seconds_per_gradient(model.network.uncompiled(), size)
        except OutOfMemoryError:
            continue
        log.debug("batch_size %d: %.4g s a gradient", size, seconds)
        if seconds * MIN_GAIN < best[1]:
            best = size, seconds
    batch_size_cache.remember(key, best[0])
    return best[0]


def _candidates(device: str) -> tuple[int, ...]:
    return CANDIDATES["CPU" if device.startswith("CPU") else "GPU"]
