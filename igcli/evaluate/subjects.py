"""The attributions of one image in a finished run, read back as the subjects of metrics."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from igcli.errors import ImageError
from igcli.methods import METHODS
from igcli.outputs.arrays import decode_arrays
from igcli.outputs.folder import OutputFolder
from igcli.records import Array, Pixels, Record, Scores


@dataclass(frozen=True, slots=True)
class Attributed:
    """The attributions of one method for one target, as a record states them.

    Attributes:
        method: Name of the method.
        target: Index of the explained score.
        score: The explained score at the image.
        baseline_score: The explained score at the baseline.
        complete: Whether they are meant to sum to the difference of these scores.
        key: Name of the attributions among the arrays of the image.
    """

    method: str
    target: int
    score: float
    baseline_score: float
    complete: bool
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class ImageArrays:
    """The arrays of one image.

    Attributes:
        pixels: uint8 (H, W, C), as the network saw them.
        baseline: Float32 (H, W, C), the baseline of the main attributions.
        attributions: Float32 (H, W, C), by their key.
    """

    pixels: Pixels
    baseline: Array
    attributions: dict[str, Array]


def attributed(record: Record, method: str) -> list[Attributed]:
    """Return what a record says was attributed, its main method first.

    Args:
        record: The record of an image that is done.
        method: The main method of the run.

    Raises:
        ImageError: The record is not one that igcli wrote.
    """
    others = record.get("others") or []
    if not isinstance(others, list) or not all(isinstance(other, dict) for other in others):
        raise ImageError("its record does not list its methods")
    entries: list[tuple[str, Scores, str]] = [(method, record, "attributions")]
    for other in others:
        name = str(other.get("method"))
        entries.append((name, other, f"attributions_{name}_{other.get('target')}"))
    found = [_attributed(*entry) for entry in entries]
    return [*{(entry.method, entry.target): entry for entry in reversed(found)}.values()][::-1]


def _attributed(method: str, scores: Scores, key: str) -> Attributed:
    figures = cast(dict[str, Any], scores)
    target, score = figures.get("target"), _number(figures.get("score"))
    if method not in METHODS:
        raise ImageError(f"its record lists a method that this version does not have: {method!r}")
    if type(target) is not int or target < 0 or score is None:
        raise ImageError("its record states no target or score")
    baseline_score = _number(figures.get("baseline_score"))
    return Attributed(
        method,
        target,
        score,
        math.nan if baseline_score is None else baseline_score,
        figures.get("completeness_error") is not None,
        key,
    )


def _number(value: object) -> float | None:
    """Return a finite number of a record; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read_image(record: Record, entries: list[Attributed], folder: OutputFolder) -> ImageArrays:
    """Read the arrays of an image.

    Raises:
        ImageError: It has none, or they are damaged, of another size, or not finite.
        OutputError: They cannot be read.
    """
    name = record.get("arrays")
    if not isinstance(name, str):
        raise ImageError("the run has no arrays of it: attribute it again with --arrays")
    keys = ("image", "baseline", *(entry.key for entry in entries))
    with folder.open_to_read(name) as file:
        arrays = decode_arrays(file, name, keys)
    for key in keys:
        if key not in arrays:
            raise ImageError(f"{name!r} has no array {key!r}")
    pixels, baseline = arrays["image"], arrays["baseline"]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or not pixels.size:
        raise ImageError(f"{name!r} does not hold an image")
    for key in _unfit(arrays, pixels.shape):
        raise ImageError(
            f"{key!r} in {name!r} does not have the size of the image, or is not finite"
        )
    return ImageArrays(
        cast(Pixels, pixels),
        baseline.astype(np.float32),
        {entry.key: arrays[entry.key] for entry in entries},
    )


def _unfit(arrays: dict[str, Any], shape: tuple[int, ...]) -> Iterator[str]:
    for key, array in arrays.items():
        is_number = array.dtype.kind in "fu"
        if array.shape != shape or not is_number or not np.isfinite(array).all():
            yield key
