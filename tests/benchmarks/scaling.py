"""Seconds of whole runs of more and more images, and of more and more steps, and their memory.

Times count from the first decode to the last file renamed, the network loaded and traced. The line
is the one whose largest relative distance to a time is the least.

    python tests/benchmarks/scaling.py
"""

import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.optimize import linprog

from igcli.config.load import load_settings
from igcli.config.schema import Settings
from igcli.pipeline.runs.prepared import prepare

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.whole_runs import repeated, scenes, whole_run

IMAGES = (10, 30, 100, 300, 1000)
STEPS = (10, 25, 50, 100, 200)


def line_through(amounts: Sequence[int], seconds: Sequence[float]) -> tuple[float, float, float]:
    """Return constant and slope of a line, and its largest relative distance to a point."""
    x, y = np.array(amounts, float), np.array(seconds)
    rows = np.stack([1 / y, x / y, -np.ones_like(x)], 1)
    other = np.stack([-1 / y, -x / y, -np.ones_like(x)], 1)
    bounds = [(0, None)] * 3
    limits = np.concatenate([np.ones_like(x), -np.ones_like(x)])
    found = linprog([0, 0, 1], np.concatenate([rows, other]), limits, bounds=bounds)
    constant, slope, distance = found.x
    return float(constant), float(slope), float(distance)


def print_line(what: str, amounts: Sequence[int], time_of: Callable[[int], float]) -> None:
    """Time every amount, the small ones more often, and print how well a line fits."""
    seconds = []
    for amount in amounts:
        repeats = 3 if amount <= 100 else 1
        seconds.append(float(np.median([time_of(amount) for _ in range(repeats)])))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{amount:6} {what}: {seconds[-1]:8.2f} s, peak memory so far {peak:,.0f} MB",
            flush=True,
        )
    constant, slope, distance = line_through(amounts, seconds)
    print(f"line: {constant:.2f} s + {slope * 1000:.2f} ms x {what}, at most {distance:.1%} off")


@click.command()
@click.option("--model", default="demo", show_default=True)
@click.option("--preprocess", help="As in the configuration.")
@click.option("--photos", type=click.Path(path_type=Path), help="Folder of images, repeated.")
@click.option("--most", default=IMAGES[-1], show_default=True, help="Images at most.")
def main(model: str, preprocess: str | None, photos: Path | None, most: int) -> None:
    """Print times, memory, and how far the times are off a straight line."""
    overrides: dict[str, object] = {"model.source": model, "batch_size": 24}
    overrides |= {"model.preprocess": preprocess} if preprocess else {}
    settings = load_settings(None, overrides).settings
    with tempfile.TemporaryDirectory() as folder:
        named = repeated(photos, most) if photos else scenes(Path(folder), most)
        sources = list(named)
        prepared = prepare(settings, panels=True)

        def run(settings: Settings, images: int) -> float:
            return whole_run(settings, sources[:images], asked(settings, prepared))

        run(settings, 2)  # Traces.
        amounts = [images for images in IMAGES if images <= most]
        print_line("images", amounts, lambda images: run(settings, images))
        print_line("steps", STEPS, lambda steps: run(with_steps(settings, steps), 30))


def with_steps(settings: Settings, steps: int) -> Settings:
    """Return the settings with another number of steps."""
    return settings.model_copy(update={"steps": steps})


def asked(settings: Settings, prepared: Any) -> Any:
    """Return what was prepared, asked with other settings."""
    return replace(prepared, spec=replace(prepared.spec, options=settings))


if __name__ == "__main__":
    main()
