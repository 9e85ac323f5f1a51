"""Errors of methods on photographs: `steps: auto` against fixed steps of every rule.

Pixels are the channel means; their error is the relative L2 distance to a trapezoid of 1,000 steps,
for blur to a tolerance of 0.01, for expected gradients to 2,000 draws of the photos, and for
SmoothGrad to 200 steps for the same noise.

    python tests/benchmarks/accuracy.py --photos ../shared/photos
    python tests/benchmarks/accuracy.py --others
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

from igcli import methods
from igcli.images.decode import decode
from igcli.images.fit import fit
from igcli.images.options import Limits
from igcli.integration.options import PathOptions
from igcli.integration.quadrature import RULES
from igcli.integration.requests import Computation, predict
from igcli.methods import MethodOptions, References, Task
from igcli.models.load import Model, load
from igcli.models.options import ModelOptions
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.spec import predict_all
from igcli.records import Array

SHARED = Path(__file__).parents[3] / "shared"
MODEL = SHARED / "models" / "mobilenet_v1_0.25_224.keras"


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What one scheme says of one photo."""

    place: int
    evaluations: int
    completeness: float
    pixels: Array


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """A method, and what it draws from."""

    method: str = "integrated_gradients"
    references: References | None = None


DEFAULT = Way()


def explained(place: int, image: Array, options: PathOptions, way: Way) -> Computation[Found]:
    """Explain a photo's top label from black, and keep what is compared."""
    [scores] = yield from predict(image)
    target = int(np.argmax(scores))
    task = Task(
        image,
        np.zeros_like(image),
        target,
        score=float(scores[target]),
        references=way.references,
    )
    found = yield from methods.load(way.method).attribute(task, options)
    error = found.completeness_error
    if found.complete and error is None:
        raise click.ClickException(f"photo {place}: the score does not differ from the baseline's")
    complete = np.nan if error is None else error
    return Found(place, found.evaluations, complete, found.attributions.mean(-1))


def run(
    images: Sequence[Array], engine: Engine, options: PathOptions, way: Way = DEFAULT
) -> list[Found]:
    """Explain all photos, in their order."""
    jobs = (explained(place, image, options, way) for place, image in enumerate(images))
    return sorted(engine.run(jobs), key=lambda each: each.place)


def pixel_errors(found: Sequence[Found], exact: Sequence[Found]) -> npt.NDArray[np.float64]:
    """Return each photo's relative L2 distance."""
    pairs = [(one.pixels, other.pixels) for one, other in zip(found, exact, strict=True)]
    return np.array([np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs])


def row(name: str, found: Sequence[Found], exact: Sequence[Found]) -> str:
    """Return a line of the table."""
    evaluations = np.array([each.evaluations for each in found])
    completeness = np.array([each.completeness for each in found])
    pixels = pixel_errors(found, exact)
    complete = f"{np.median(completeness):.1%} / {completeness.max():.1%}"
    return (
        f"| {name} | {evaluations.mean():.1f} ({evaluations.max()}) "
        f"| {complete if np.isfinite(completeness).all() else '-'} "
        f"| {np.percentile(pixels, 95):.1%} / {pixels.max():.1%} |"
    )


def photos_in(folder: Path, model: Model) -> Iterator[Array]:
    """Read and fit all photos."""
    for path in sorted(folder.iterdir()):
        yield fit(decode(path.read_bytes(), Limits()), model.size, how="crop").astype(np.float32)


def others(images: Sequence[Array], engine: Engine, tolerance: float) -> None:
    """Print the lines of the methods other than integrated gradients that are refined."""
    drawn = Way("expected_gradients", References(images, predict_all(images, engine.network)))
    smooth = {"around": "integrated_gradients", "samples": 5}
    groups: tuple[tuple[Way, dict[str, object], dict[str, object], tuple[int, ...]], ...] = (
        (Way("blur_integrated_gradients"), {"steps": "auto", "tolerance": 0.01}, {}, (50, 100)),
        (drawn, {"steps": 1, "expected_gradients": {"samples": 2000}}, {}, (100, 400)),
        (Way("smoothgrad"), {"steps": 200}, {"smoothgrad": smooth}, (50,)),
    )
    for way, finest, own, fixed in groups:
        exact = run(images, engine, MethodOptions.model_validate({**own, **finest}), way)
        auto = {"steps": "auto", "tolerance": tolerance, **own}
        found = run(images, engine, MethodOptions.model_validate(auto), way)
        print(row(f"{way.method}, auto", found, exact), flush=True)
        for steps in fixed:
            chosen = {"steps": steps, "expected_gradients": {"samples": steps}, **own}
            found = run(images, engine, MethodOptions.model_validate(chosen), way)
            print(row(f"{way.method}, {steps}", found, exact), flush=True)


@click.command()
@click.option("--photos", default=SHARED / "photos", type=click.Path(path_type=Path))
@click.option("--model", "source", default=str(MODEL), show_default=True)
@click.option("--preprocess", default="tf", show_default=True)
@click.option("--tolerance", default=0.05, show_default=True)
@click.option("--batch-size", default=24, show_default=True)
@click.option("--auto-only", is_flag=True, help="No fixed steps.")
@click.option("--others", "is_others", is_flag=True, help="The other methods that are refined.")
def main(
    photos: Path,
    source: str,
    preprocess: str,
    tolerance: float,
    batch_size: int,
    auto_only: bool,
    is_others: bool,
) -> None:
    """Print the table."""
    options = ModelOptions.model_validate({"source": source, "preprocess": preprocess})
    model = load(options, device="auto")
    engine = Engine(model.network, batch_size=batch_size)
    images = list(photos_in(photos, model))
    print(f"{len(images)} photos of {photos.name}, {Path(source).name}, black baseline")
    print("| steps | evaluations, mean (most) | completeness error, median / worst ", end="")
    print("| pixels, 95th percentile / worst |\n|---|---|---|---|")
    if is_others:
        others(images, engine, tolerance)
        return
    exact = run(images, engine, PathOptions(steps=1000))
    schemes = [(f"auto, {tolerance:g}", PathOptions(steps="auto", tolerance=tolerance))]
    for steps in () if auto_only else (25, 50, 100, 200):
        for rule in RULES:
            chosen = PathOptions.model_validate({"steps": steps, "rule": rule})
            schemes.append((f"{steps}, {rule}", chosen))
    for name, scheme in schemes:
        print(row(name, run(images, engine, scheme), exact), flush=True)


if __name__ == "__main__":
    main()
