"""The batch size that igcli picks against the fastest one, found by trying many.

python tests/benchmarks/batch_size.py --rounds 3
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from igcli.models.load import Model, load
from igcli.models.options import ModelOptions
from igcli.paths.network import Points
from igcli.pipeline.size import tuned

SIZES = (4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 64)
NETWORKS = ("demo", "keras:ResNet50V2", "keras:MobileNet")


def seconds_each(model: Model, size: int, calls: int) -> list[float]:
    """Return the seconds of a gradient for several full batches, after one that compiles."""
    network = model.network
    rng = np.random.default_rng(1)
    first, second = rng.uniform(0, 255, (2, *network.input_shape)).astype(np.float32)
    placed = [network.place(first, second)]
    alpha = rng.uniform(0, 1, size).astype(np.float32)
    points = Points(placed, np.zeros(size, np.int32), alpha, np.zeros(size, np.int32))
    network.gradients(points)
    found = []
    for _ in range(calls):
        start = time.perf_counter()
        network.gradients(points)
        found.append((time.perf_counter() - start) / size)
    return found


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--networks", multiple=True, default=NETWORKS, show_default=True)
@click.option("--precision", default="float32", show_default=True)
def main(rounds: int, networks: tuple[str, ...], precision: str) -> None:
    """Print the rate of every size, in turns, and how the one picked compares with the best."""
    for name in networks:
        options = ModelOptions(source=name, weights="random" if ":" in name else None)
        model = load(options, device="auto", precision=precision)  # type: ignore[arg-type]
        with tempfile.TemporaryDirectory() as home:
            os.environ["IGCLI_HOME"] = str(Path(home))
            start = time.perf_counter()
            picked = tuned(model, gradients=10**9)
            took = time.perf_counter() - start
        times: dict[int, list[float]] = {size: [] for size in sorted({*SIZES, picked})}
        for _ in range(rounds):
            for size in times:
                times[size] += seconds_each(model, size, max(1, 60 // size))
        rates = {size: 1 / statistics.median(found) for size, found in times.items()}
        best = max(rates, key=rates.__getitem__)
        print(f"{name}, {precision}: picked {picked} in {took:.1f} s, best {best}")
        print(f"  ratio of their rates {rates[picked] / rates[best]:.3f}")
        print("  " + ", ".join(f"{size}: {rate:.4g}/s" for size, rate in rates.items()))


if __name__ == "__main__":
    main()
