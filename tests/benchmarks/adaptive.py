"""Seconds of `steps: auto` against the fixed number of steps that meets the same worst error.

Both by `igcli.attribute` on the same photos, in turns; the fixed number is the least, by any rule,
whose worst completeness error is not above that of `auto`.

    python tests/benchmarks/adaptive.py ../shared/photos --model ../shared/models/NET.keras
"""

import statistics
import time
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

import igcli
from igcli.integration.quadrature import RULES

STEPS = (60, 80, 100, 120, 150, 175, 200, 250)


def worst(found: Any) -> float:
    """Return the largest completeness error."""
    return float(np.nanmax(found.completeness_errors))


def fewest(attribute: Any, most: float) -> dict[str, int | None]:
    """Return for each rule the fewest steps whose worst error is `most` or less, if any are."""
    found: dict[str, int | None] = {}
    for rule in RULES:
        tried = (steps for steps in STEPS if worst(attribute(steps=steps, rule=rule)) <= most)
        found[rule] = next(tried, None)
    return found


@click.command()
@click.argument("photos", type=click.Path(path_type=Path, exists=True))
@click.option("--model", required=True)
@click.option("--preprocess", default="tf", show_default=True)
@click.option("--tolerance", default=0.05, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(photos: Path, model: str, preprocess: str, tolerance: float, rounds: int) -> None:
    """Print errors, evaluations and seconds of both ways, and the ratio of the seconds."""
    network = igcli.load_model(model, preprocess=preprocess)  # type: ignore[arg-type]
    files = sorted(photos.glob("*.jpg"))
    images = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    attribute = partial(igcli.attribute, network, images.astype(np.float32))
    auto = partial(attribute, steps="auto", tolerance=tolerance)
    found = auto()
    mean = statistics.mean(each.evaluations for each in found.explanations)
    print(f"auto: worst {worst(found):.2%}, {mean:.1f} evaluations an image", flush=True)
    least = fewest(attribute, worst(found))
    print("fewest steps with that worst error:", least, flush=True)
    steps, rule = min((steps, rule) for rule, steps in least.items() if steps is not None)
    fixed = partial(attribute, steps=steps, rule=rule)
    print(f"fixed: {steps} steps, {rule}, worst {worst(fixed()):.2%}")
    seconds: dict[str, list[float]] = {"auto": [], "fixed": []}
    for _ in range(rounds):
        for name, way in (("auto", auto), ("fixed", fixed)):
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    ratios = [two / one for one, two in zip(seconds["auto"], seconds["fixed"], strict=True)]
    for name, times in seconds.items():
        print(f"{name}: {statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f})")
    print(f"ratio: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
