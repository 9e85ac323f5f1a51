"""Whole runs of igcli in this process, and images for them."""

import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from PIL import Image

from igcli.config.schema import Settings
from igcli.demo.scenes import render_scene
from igcli.gallery.run_page import write_gallery
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.shards import RunLocation
from igcli.pipeline.resume.earlier import EarlierResults
from igcli.pipeline.runs.base import Selection
from igcli.pipeline.runs.local import LocalRun
from igcli.records import Source


def whole_run(settings: Settings, sources: list[Source], prepared: Any) -> float:
    """Return the seconds of a run into a fresh folder."""
    with tempfile.TemporaryDirectory() as output:
        start = time.perf_counter()
        place, earlier = RunLocation(LocalFolder(output)), EarlierResults(settings)
        with LocalRun(settings, place, prepared=prepared, earlier=earlier) as run:
            outcomes = run.outcomes(Selection(sources, [len(sources)]))
            failed = [outcome for outcome in outcomes if outcome.failed]
        if settings.gallery:
            write_gallery(place.folder)
        if failed:
            raise click.ClickException(str(failed[0].record))
        return time.perf_counter() - start


def scenes(folder: Path, count: int) -> Iterator[Source]:
    """Write scenes of the demo's generator."""
    for seed in range(count):
        path = folder / f"{seed:04}.jpg"
        Image.fromarray(render_scene(90_000 + seed).pixels).save(path, quality=92)
        yield Source(str(path), path.name)


def repeated(photos: Path, count: int) -> Iterator[Source]:
    """Name a folder's images again and again, each time as another image."""
    files = itertools.cycle(sorted(photos.glob("*.jpg")))
    for number, path in zip(range(count), files, strict=False):
        yield Source(str(path), f"{number:04}.jpg")


def spread(values: Sequence[float]) -> str:
    """Return the median (lowest to highest)."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:8.3g} ({low:.3g} to {high:.3g})"
