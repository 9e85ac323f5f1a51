"""How long gradients take, by short measurements."""

import time

import numpy as np

from igcli.integration.network import Points
from igcli.models.network.network import TensorFlowNetwork
from igcli.pipeline.engine.engine import Engine

REPETITIONS = 3


def seconds_for(gradients: int, engine: Engine) -> float:
    """Return the seconds that a number of gradients would take.

    Args:
        gradients: Number of gradients.
        engine: The network and its batch size.
    """
    blank = np.zeros(engine.network.input_shape, np.float32)
    size = engine.batch_size
    zeros = np.zeros(size, np.int32)
    network = engine.network
    points = Points([network.place(blank, blank)], zeros, zeros.astype(np.float32), zeros)
    network.fetch(network.gradients(points).scores)  # Compiles.
    start = time.perf_counter()
    for _ in range(REPETITIONS):
        network.fetch(network.gradients(points).scores)
    return gradients / size * (time.perf_counter() - start) / REPETITIONS


def seconds_per_gradient(network: TensorFlowNetwork, batch_size: int) -> float:
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
