"""`batch_size: auto`, and how long a run takes, by short measurements."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from igcli.errors import DeviceError, OutOfMemoryError
from igcli.integration.network import Points
from igcli.models.catalog import batch_size_cache
from igcli.models.load import Model
from igcli.models.network.network import TensorFlowNetwork
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.engine.predictions import LARGE_SIZE

CANDIDATES = {"CPU": (24, 16, 8, 48), "GPU": (64, 128, 256, 32)}
"""Batch sizes to try; the first one is used where nothing is measured.

All are multiples of eight: with 25, the last bits of a point depended on its place in the batch.
"""

MAX_SHARE = 0.05
"""Share of a run's expected time that a measurement may take."""

MIN_GAIN = 1.05
"""Factor by which another size must be faster than the best so far. Smaller gains are noise, and
keeping the size keeps files identical."""

REPETITIONS = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked of a network.

    Attributes:
        gradients: Number of gradients.
        predictions: Number of forward passes without gradients.
    """

    gradients: int = 0
    predictions: int = 0

    def times(self, images: int) -> "Work":
        """Return the work for a number of images that take this each."""
        return Work(images * self.gradients, images * self.predictions)

    def in_words(self) -> str:
        """Return "51 gradients", "785 forward passes", or both."""
        gradients, predictions = (
            f"{self.gradients:,} gradients",
            f"{self.predictions:,} forward passes",
        )
        if not self.predictions:
            return gradients
        return f"{gradients}, {predictions}" if self.gradients else predictions


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
    try:
        size = _fastest(model, gradients)
    except DeviceError:
        size = None  # Other devices may go on.
    if size is None:
        return default_batch_size(model.device)
    batch_size_cache.remember(key, size)
    return size


def _fastest(model: Model, gradients: int) -> int | None:
    """Return the fastest batch size; None if measuring takes too much of a run.

    Raises:
        DeviceError: The device fails.
    """
    first, *others = _candidates(model.device)
    if (1 + REPETITIONS) * sum(_candidates(model.device)) > MAX_SHARE * gradients:
        return None
    start = time.perf_counter()
    best = first, _seconds_per_gradient(model.network.uncompiled(), first)
    spent = time.perf_counter() - start
    if spent * len(others) > MAX_SHARE * gradients * best[1]:
        return None
    for size in others:
        try:
            seconds = _seconds_per_gradient(model.network.uncompiled(), size)
        except OutOfMemoryError:
            continue
        log.debug("batch_size %d: %.4g s a gradient", size, seconds)
        if seconds * MIN_GAIN < best[1]:
            best = size, seconds
    return best[0]


def _candidates(device: str) -> tuple[int, ...]:
    return CANDIDATES["CPU" if device.startswith("CPU") else "GPU"]


def _seconds_per_gradient(network: TensorFlowNetwork, batch_size: int) -> float:
    """Return the seconds for each gradient in batches of a size, without compiling.

    Raises:
        OutOfMemoryError: The batch does not fit into the memory of the device.
    """
    noise = np.random.default_rng(0).uniform(0, 255, (2, *network.input_shape))
    first, second = noise.astype(np.float32)
    lines = [network.place(first, second), network.place(second, first)]
    alpha = np.linspace(0, 1, batch_size, dtype=np.float32)
    line = (np.arange(batch_size) * 2 // batch_size).astype(np.int32)
    points = Points(lines, line, alpha, np.zeros(batch_size, np.int32))
    fastest = float("inf")
    for _ in range(1 + REPETITIONS):  # The first one compiles and is never the fastest.
        start = time.perf_counter()
        network.fetch(network.gradients(points).scores)  # Waits for the device.
        fastest = min(fastest, time.perf_counter() - start)
    return fastest / batch_size


def seconds_for(work: Work, engine: Engine, *, devices: int = 1) -> float:
    """Return the seconds that some work would take.

    Args:
        work: Numbers of gradients and of forward passes.
        engine: The network and its batch size.
        devices: Number of devices that share the work.
    """
    network, seconds = engine.network, 0.0
    blank = np.zeros(network.input_shape, np.float32)
    if work.gradients:
        size = engine.batch_size
        zeros = np.zeros(size, np.int32)
        points = Points([network.place(blank, blank)], zeros, zeros.astype(np.float32), zeros)
        one_batch = _seconds(lambda: network.fetch(network.gradients(points).scores), devices)
        seconds += work.gradients / size * one_batch
    if work.predictions:
        inputs = np.stack([blank] * LARGE_SIZE)
        one_batch = _seconds(lambda: engine.backoff.predict(inputs), devices)
        seconds += work.predictions / LARGE_SIZE * one_batch
    return seconds


def _seconds(compute: Callable[[], object], at_once: int) -> float:
    """Return the mean seconds of a call, some at a time, after those that compile."""
    with ThreadPoolExecutor(at_once) as pool:

        def call(count: int) -> None:
            for future in [pool.submit(compute) for _ in range(count)]:
                future.result()

        call(at_once)
        start = time.perf_counter()
        call(REPETITIONS * at_once)
        return (time.perf_counter() - start) / (REPETITIONS * at_once)
