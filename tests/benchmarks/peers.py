"""Gradients per second and memory of igcli and of its peers, each in an environment of its own.

The same networks with the same weights, the same 8 images and 50 steps, from arrays to arrays, at
each peer's best batch of 10, 25 and 50, which is looked for first; igcli at its default. Then all
are timed in turns, after a call that warms up; one computes at a time. On photographs and a network
with real weights (skipped where they are not there), each one's completeness errors.

    python tests/benchmarks/peers.py --rounds 3 --json peers.json

The first run installs the peers.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import platformdirs

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.peer_workers import tables
from benchmarks.peer_workers.client import Worker, WorkerError, prepare
from benchmarks.peer_workers.environments import PEERS, NotInstalledError, python_for
from benchmarks.peer_workers.subjects import IMAGES, NETWORKS, PHOTOS, STEPS, photos
from benchmarks.peer_workers.tables import OURS, Completeness, Row

from igcli.pipeline.calibration.batch_size import default_batch_size

BATCH_SIZES = (10, 25, 50)
PRECISIONS = ("float32", "bfloat16")
FEW = 2
"""Images of the search for the best batch, and of the call that warms up."""


class Bench:
    """The peers that are there, and the files that they share."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        """Make the environments."""
        self._names = names
        self._pythons = {OURS: Path(sys.executable)}
        self._failures: dict[str, str] = {}
        self.files = folder / "networks"
        self.files.mkdir(parents=True, exist_ok=True)
        for peer in (each for each in PEERS if each.name in names):
            try:
                self._pythons[peer.name] = python_for(peer, folder)
            except NotInstalledError as error:
                self._failures[peer.name] = f"does not install: {error}"

    def rows(self, precisions: Sequence[str] = PRECISIONS) -> list[Row]:
        """Return the rows to fill, ours first."""
        return [
            Row(name, precision, failure=self._failures.get(name))
            for precision in precisions
            for name in (OURS, *self._names)
        ]

    def worker(self, row: Row, network: str) -> Worker:
        """Start a peer's process."""
        return Worker(self._pythons[row.peer], (row.peer, network, row.precision), self.files)

    def saved(self, row: Row) -> Path:
        """Name the file of a row's attributions."""
        return self.files / f"found-{row.peer}-{row.precision}.npz"


@contextmanager
def failing(row: Row) -> Iterator[None]:
    """Report a peer that fails, and go on without it."""
    try:
        yield
    except WorkerError as error:
        row.failure = str(error)
        print(f"{row.peer}, {row.precision}: {row.failure}", file=sys.stderr)


def alive(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows that have not failed."""
    return (row for row in rows if row.failure is None)


def search(row: Row, worker: Worker) -> None:
    """Find a peer's best batch by one call each, which fills whole batches."""
    for size in BATCH_SIZES:
        worker.run(1, steps=size, batch_size=size)
        found = worker.run(FEW, steps=STEPS, batch_size=size)
        row.searched[size] = found.rate
    row.batch_size = max(row.searched, key=row.searched.__getitem__)
    rates = ", ".join(f"{rate:.1f} at {size}" for size, rate in row.searched.items())
    print(f"{row.peer}, {row.precision}: {rates}", file=sys.stderr)


def in_turns(bench: Bench, rows: Sequence[Row], network: str, rounds: int) -> None:
    """Time all peers, round by round."""
    workers: dict[int, Worker] = {}
    with ExitStack() as stack:
        for row in alive(rows):
            with failing(row):
                worker = workers[id(row)] = stack.enter_context(bench.worker(row, network))
                row.versions = worker.versions
                worker.run(FEW, steps=STEPS, batch_size=row.batch_size)
        for number in range(rounds):
            for row in alive(rows):
                with failing(row):
                    found = workers[id(row)].run(
                        IMAGES,
                        steps=STEPS,
                        batch_size=row.batch_size,
                        save=None if number else bench.saved(row),
                    )
                    row.rates.append(found.rate)
                    row.peak = max(row.peak, found.peak)


def measure(bench: Bench, network: str, rounds: int) -> list[Row]:
    """Fill all rows of a network."""
    prepare(network, bench.files)
    rows = bench.rows()
    for row in alive(rows):
        if row.peer == OURS:
            row.batch_size = default_batch_size("CPU:0")
            continue
        with failing(row), bench.worker(row, network) as worker:
            search(row, worker)
    for precision in PRECISIONS:  # Together they would not fit into 24 GB.
        in_turns(bench, [row for row in rows if row.precision == precision], network, rounds)
    for row in alive(rows):
        if rows[0].failure is None:
            row.correlation = tables.correlation(bench.saved(rows[0]), bench.saved(row))
    return rows


def completeness(bench: Bench, count: int) -> Iterator[Completeness]:
    """Yield each one's completeness errors on the photographs, ours at a tolerance of 5% too."""
    prepare(PHOTOS, bench.files)
    for row in alive(bench.rows(("float32",))):
        with failing(row), bench.worker(row, PHOTOS) as worker:
            for steps in (STEPS, "auto") if row.peer == OURS else (STEPS,):
                saved = bench.saved(row)
                found = worker.run(count, steps=steps, batch_size=25, save=saved)
                name = f"{row.peer}, steps {steps}"
                yield tables.completeness(name, found.evaluations, saved)


def print_completeness(found: Iterable[Completeness]) -> Iterator[Completeness]:
    """Print the table of the photographs; yield its rows."""
    print("\n| photos | gradients an image | completeness error, median (worst) |")
    print("|---|---|---|")
    for each in found:
        errors = f"{each.median:.1%} ({each.worst:.1%})"
        print(f"| {each.peer} | {each.gradients:.1f} | {errors} |", flush=True)
        yield each


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--networks", multiple=True, type=click.Choice([*NETWORKS, PHOTOS]))
@click.option("--peers", multiple=True, type=click.Choice([peer.name for peer in PEERS]))
@click.option("--work", type=click.Path(path_type=Path), help="Folder of the environments.")
@click.option("--json", "into", type=click.Path(path_type=Path), help="File for all figures.")
def main(
    rounds: int,
    networks: Sequence[str],
    peers: Sequence[str],
    work: Path | None,
    into: Path | None,
) -> None:
    """Print a table for each network; several --networks and --peers may be given."""
    folder = work or platformdirs.user_cache_path("igcli-benchmark-peers")
    bench = Bench(folder.absolute(), peers or [peer.name for peer in PEERS])
    start = time.monotonic()
    figures: dict[str, Any] = {"machine": tables.machine(), "cores": os.cpu_count()}
    print(f"{figures['machine']}, {figures['cores']} cores; {IMAGES} images, {STEPS} steps")
    for network in networks or (*NETWORKS, PHOTOS):
        if network != PHOTOS:
            rows = measure(bench, network, rounds)
            print(f"\n{tables.table(NETWORKS[network], rows)}", flush=True)
            figures[network] = [asdict(row) for row in rows]
        elif photos():
            found = print_completeness(completeness(bench, len(photos())))
            figures[network] = [asdict(each) for each in found]
        else:
            print("\ncompleteness errors: skipped, the photographs and their network are not there")
        if into is not None:
            into.write_text(json.dumps(figures, indent=1))
    print(f"\n{(time.monotonic() - start) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
