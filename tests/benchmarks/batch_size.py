"""The batch size that igcli picks against the fastest one, found by trying many.

Batches are computed as in a run, as many at the same time as the network is best given.

    python tests/benchmarks/batch_size.py --rounds 3
"""

import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np

import igcli
from igcli.integration.network import Network, Points
from igcli.models.options import Precision
from igcli.pipeline.calibration.batch_size import tuned_batch_size

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.peer_workers.client import prepare
from benchmarks.peer_workers.ours import options
from benchmarks.peer_workers.subjects import NETWORKS

SIZES = (4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 64)
GRADIENTS = 120
"""Of one measurement, or a few batches."""


def seconds_each(network: Network, size: int) -> float:
    """Return the seconds of a gradient in full batches, after one that compiles."""
    first, second = np.random.default_rng(1).uniform(0, 255, (2, *network.input_shape))
    placed = [network.place(first.astype(np.float32), second.astype(np.float32))]
    alpha = np.linspace(0, 1, size, dtype=np.float32)
    points = Points(placed, np.zeros(size, np.int32), alpha, np.zeros(size, np.int32))
    network.gradients(points)
    calls = max(2 * network.streams, GRADIENTS // size)
    with ThreadPoolExecutor(network.streams) as pool:
        start = time.perf_counter()
        for _ in pool.map(network.gradients, [points] * calls):
            pass
        return (time.perf_counter() - start) / (calls * size)


def picked(model: Any) -> tuple[int, float]:
    """Return the size that a long run would have, and the seconds that finding it takes."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["IGCLI_HOME"] = home
        start = time.perf_counter()
        return tuned_batch_size(model, gradients=10**9), time.perf_counter() - start


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--networks", multiple=True, type=click.Choice(list(NETWORKS)))
@click.option(
    "--precision",
    default="float32",
    show_default=True,
    type=click.Choice(["float32", "bfloat16"]),
)
def main(rounds: int, networks: tuple[str, ...], precision: Precision) -> None:
    """Print the rate of every size, in turns, and how the one picked compares with the best."""
    for name in networks or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            prepare(name, Path(folder))
            model = igcli.load_model(**options(Path(folder, name)), precision=precision)
        chosen, took = picked(model)
        times: dict[int, list[float]] = {size: [] for size in sorted({*SIZES, chosen})}
        for _ in range(rounds):
            for size in times:
                times[size].append(seconds_each(model.network, size))
        rates = {size: 1 / statistics.median(found) for size, found in times.items()}
        best = max(rates, key=rates.__getitem__)
        print(f"{NETWORKS[name]}, {precision}: picked {chosen} in {took:.1f} s, best {best}")
        print(f"  ratio of their rates {rates[chosen] / rates[best]:.3f}")
        print("  " + ", ".join(f"{size}: {rate:.4g}/s" for size, rate in rates.items()))


if __name__ == "__main__":
    main()
