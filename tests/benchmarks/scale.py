"""What millions of images take on many workers, and where the first bottleneck lies.

A simulation: rates are measured on this machine where that is quick, or given as options; the rest
is arithmetic. Every shard looks through the names of all images, all shards share a store of
files, and one process joins their records.

    python tests/benchmarks/scale.py --gradients-per-second 20.7
    python tests/benchmarks/scale.py --names 10000000      # peak memory of listing and sharding
"""

import io
import itertools
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from igcli.images.listing import Listing
from igcli.images.sources import Walk
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.output_paths import count_distinct
from igcli.outputs.shards import shard_number
from igcli.pipeline.runs.merge_shards import merge

IMAGES = (1_000_000, 10_000_000, 100_000_000)
WORKERS = (1, 10, 100, 1000)
PASSES = 2
"""Times that a run lists its images: to count them, and to attribute them."""

FILES = 2
"""Requests for one image where each has files of its own: to read it, and to write its panel."""

MEASURED = 20_000
"""Names and records that rates are measured with."""


@dataclass(frozen=True)
class Figures:
    """What the simulation rests on: rates a second but for `start`, the seconds before work."""

    images: float
    start: float
    listed: float
    named: float
    files: float
    joined: float


@dataclass(frozen=True)
class Layout:
    """How images lie: how many in a file, and how often the store is asked for their names."""

    name: str
    in_a_file: int
    listings: int


LAYOUTS = (
    Layout("single files, listed by every shard", 1, PASSES),
    Layout("single files, listed once for --files-from", 1, 1),
    Layout("tar files of 10,000 images, listed by every shard", 10_000, PASSES),
)


def seconds(images: int, workers: int, rates: Figures, layout: Layout) -> dict[str, float]:
    """Return the seconds of each part of a run; files are waited for beside the computing."""
    files = images / layout.in_a_file
    computing = images / workers / rates.images
    return {
        "start": rates.start,
        "listing": files * (layout.listings / rates.listed + PASSES / rates.named),
        "computing": computing,
        "small files": max(0.0, FILES * files / rates.files - computing),
        "joining": images / rates.joined,
    }


def table(rates: Figures, layout: Layout, *, price: float, cores: int) -> Iterator[str]:
    """Yield the lines of a table: hours, cost, and what is waited for beside computing."""
    yield f"\n{layout.name}"
    yield f"{'images':>12} {'workers':>8} {'hours':>10} {'cost':>12} {'computing':>10}  then"
    for images, workers in itertools.product(IMAGES, WORKERS):
        parts = seconds(images, workers, rates, layout)
        # Whoever joins is alone.
        exclusive_access = sum(parts.values()) - parts["joining"]
        cost = (workers * exclusive_access + parts["joining"]) * cores * price / 3600
        total = sum(parts.values())
        share = parts.pop("computing") / total
        name = max(parts, key=lambda part: parts[part])
        yield (
            f"{images:12,} {workers:8,} {total / 3600:10,.1f} {cost:12,.0f} {share:10.0%}  "
            f"{name} {parts[name] / total:.0%}"
        )


def names(count: int) -> Iterator[bytes]:
    """Yield lines as of a list of images, a thousand in a folder."""
    for number in range(count):
        yield b"data/train/%06d/%010d.jpg\n" % (number // 1000, number)


class Lines(io.RawIOBase):
    """Lines as a stream."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines

    def read(self, _size: int = -1) -> bytes:
        """Return some lines, none at the end."""
        return b"".join(itertools.islice(self._lines, 1000))


def list_and_share(count: int, shards: int) -> list[int]:
    """List so many names, look for collisions, and count the images of each shard."""
    walk = Walk([], listed=Listing(Lines(names(count)), nul=False))  # type: ignore[arg-type]
    if count_distinct(walk) != count:
        raise click.ClickException("some names were lost")
    totals = [0] * shards
    for source in walk:
        totals[shard_number(source.name, shards) - 1] += 1
    return totals


def walked() -> float:
    """Return the names a second that a walk over a local folder finds."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(MEASURED):
            path = Path(folder, str(number // 1000), f"{number}.jpg")
            path.parent.mkdir(exist_ok=True)
            path.touch()
        start = time.perf_counter()
        count = sum(1 for _ in Walk([folder]))
        return count / (time.perf_counter() - start)


def named() -> float:
    """Return the names a second that are looked through for collisions and shared out."""
    start = time.perf_counter()
    list_and_share(MEASURED, 100)
    return PASSES * MEASURED / (time.perf_counter() - start)


def joined() -> float:
    """Return the records a second of shards that are merged."""
    record = {"status": "ok", "image_sha256": "0" * 64, "config_sha256": "0" * 64, "seconds": 1.9}
    with tempfile.TemporaryDirectory() as folder:
        for shard in ("1-of-2", "2-of-2"):
            path = Path(folder, "shards", shard, "results.jsonl")
            path.parent.mkdir(parents=True)
            lines = (line.decode().strip() for line in names(MEASURED // 2))
            named = ({"image": f"{shard}/{line}", **record} for line in lines)
            path.write_text("".join(json.dumps(each) + "\n" for each in named))
        start = time.perf_counter()
        merge(LocalFolder(folder))
        return MEASURED / (time.perf_counter() - start)


def peak() -> float:
    """Return the most memory of this process so far, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, whose getrusage counts the process that started this one, too.
        [line] = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


@click.command()
@click.option("--names", "count", type=int, help="Only list and share out so many names.")
@click.option("--gradients-per-second", default=20.7, show_default=True, help="Of one worker.")
@click.option("--gradients", default=51, show_default=True, help="Of one image.")
@click.option("--overhead", default=0.02, show_default=True, help="Further seconds of an image.")
@click.option("--start", default=15.0, show_default=True, help="Seconds before the first image.")
@click.option("--listed", default=7000.0, show_default=True, help="Names a second of the store.")
@click.option("--local", is_flag=True, help="Measure the names a second of a local folder instead.")
@click.option("--files", default=3500.0, show_default=True, help="Files a second of the store.")
@click.option("--price", default=0.04, show_default=True, help="Of an hour of a core.")
@click.option("--cores", default=2, show_default=True, help="Of a worker.")
def main(count: int | None, price: float, cores: int, **given: Any) -> None:
    """Print time and cost, before and after what can be done about the first bottleneck."""
    if count is not None:
        started_shards = time.perf_counter()
        totals = list_and_share(count, 1000)
        print(
            f"{count:,} names listed, compared and shared out in "
            f"{time.perf_counter() - started_shards:.0f} s, {peak():.0f} MB; shards of "
            f"{min(totals):,} to {max(totals):,}"
        )
        return
    rates = Figures(
        images=1 / (given["gradients"] / given["gradients_per_second"] + given["overhead"]),
        start=given["start"],
        listed=walked() if given["local"] else given["listed"],
        named=named(),
        files=given["files"],
        joined=joined(),
    )
    print(
        f"a worker: {rates.images:.3g} images/s after {rates.start:g} s; names: "
        f"{rates.listed:,.0f}/s listed, {rates.named:,.0f}/s looked through; store: "
        f"{rates.files:,.0f} files/s; records: {rates.joined:,.0f}/s joined; "
        f"a core: {price:g} an hour"
    )
    for layout in LAYOUTS:
        print("\n".join(table(rates, layout, price=price, cores=cores)))


if __name__ == "__main__":
    main()
