"""What is asked about each example of a batch of arrays: baselines, targets, noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.config.schema import KEYS
from igcli.config.validation_messages import validated
from igcli.integration import baselines
from igcli.integration.baseline_sampler import Baselines, BaselineSampler
from igcli.integration.network import Network
from igcli.integration.options import BaselineOptions
from igcli.models.adapters.callable_model import Values
from igcli.models.adapters.input_structure import Parts
from igcli.pipeline.explain.spec import predict_one
from igcli.pipeline.explain.targets import TargetChoice, Targets
from igcli.records import Array


@dataclass(frozen=True, slots=True, eq=False)
class RowStarts:
    """The baselines of one example, a `BaselineSampler` for each of its inputs.

    Attributes:
        parts: How the example is joined.
        each: For each input.
    """

    parts: Parts
    each: tuple[BaselineSampler, ...]

    @property
    def samples(self) -> int:
        """Number of baselines: the largest that any input asks for."""
        return max(one.samples for one in self.each)

    def of(self, image: Array, sample: int = 0) -> Array:
        """Return one of the baselines, joined."""
        values = [value[0] for value in self.parts.split(image[None])]
        found = [one.of(value, sample) for one, value in zip(self.each, values, strict=True)]
        return self.parts.join(found, number=float(image.flat[-1]))


Range = tuple[float, float]


def row_starts(
    baseline: Any, parts: Parts, values: Values, *, seed: int, input_range: Range | None = None
) -> list[RowStarts]:
    """Return the baselines of each of N examples.

    Args:
        baseline: One for all inputs, or one for each in their structure: a name, a number, an
            array (N, ...) or one row of it, or a mapping such as {"kind": "noise", "samples": 10}.
        parts: What the inputs look like.
        values: The inputs, (N, ...) each.
        seed: Of what is drawn.
        input_range: What black and white are; 0 and 255 if None, where the inputs allow it.

    Raises:
        ValueError: It is no baseline, has another shape, or is a name whose place is not known.
    """
    structured = None if _is_options(baseline) else parts.unpacked(baseline)
    if structured is None and (isinstance(baseline, str | int | float) or _is_options(baseline)):
        structured = [baseline] * len(parts.shapes)
    if structured is None:
        raise ValueError("baseline: expected one for all inputs, or one for each as they are given")
    columns = []
    for one, array in zip(structured, values, strict=True):
        column = _column(one, array.shape[1:], len(array), seed=seed)
        if input_range is not None and column[0].given is None:
            column = [replace(column[0], input_range=input_range)] * len(array)
        elif input_range is None and column[0].is_range_relative:
            _check_range(column[0].kind, array)
        columns.append(column)
    return [RowStarts(parts, row) for row in zip(*columns, strict=True)]


def checked_range(input_range: Any) -> Range | None:
    """Return what black and white are, two numbers; None where nobody said.

    Raises:
        ValueError: They are no rising, finite numbers.
    """
    if input_range is None:
        return None
    try:
        low, high = map(float, input_range)
    except (TypeError, ValueError):
        low = high = np.nan
    if isinstance(input_range, str) or not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"input_range: expected two rising numbers as (0, 1), not {input_range!r}")
    return low, high


def _check_range(kind: str, values: npt.NDArray[Any]) -> None:
    """Refuse a baseline of 0...255 for inputs that do not look like it."""
    low, high = float(values.min()), float(values.max())
    if low >= -1 and high <= 1:
        shown = "0...1" if low >= 0 else "-1...1"
        raise ValueError(
            f"baseline: {kind} lies on a scale of 0...255, and the inputs within {shown}: say what "
            f"black and white are, as with input_range=({shown.replace('...', ', ')})"
        )


def shared_scores(starts: Sequence[Baselines], example: Array, network: Network) -> Array | None:
    """Return the scores, float32 (K,), of a baseline that several examples share, if they do.

    Args:
        starts: The baselines of each example.
        example: Any of the examples, joined.
        network: Which scores them.
    """
    rows = [each for each in starts if isinstance(each, RowStarts)]
    first = rows[0] if len(rows) > 1 else None
    if first is None or first.parts.numbered or not all(one.is_fixed for one in first.each):
        return None
    pairs = (pair for row in rows for pair in zip(row.each, first.each, strict=True))
    if any(one is not other for one, other in pairs):
        return None
    return predict_one(first.of(example), network)


def _is_options(baseline: Any) -> bool:
    return isinstance(baseline, Mapping) and "kind" in baseline


def _column(
    baseline: Any, shape: tuple[int, ...], count: int, *, seed: int
) -> list[BaselineSampler]:
    """Return the baselines of one input."""
    if isinstance(baseline, str) or _is_options(baseline):
        options = validated(BaselineOptions, baseline, KEYS, ("baseline",))
        if not baselines.is_name(options.kind):
            raise ValueError(
                f"baseline: there is none called {options.kind!r}; the names are "
                f"{', '.join(baselines.names())}, and a colour is written '#rrggbb'"
            )
        return [BaselineSampler.from_options(options, seed=seed)] * count
    values = _numbers(baseline)
    if values.shape == (count, *shape):
        return [BaselineSampler("array", given=row) for row in values]
    if values.shape not in ((), shape, (1, *shape)):
        raise ValueError(
            f"baseline: has shape {values.shape}, expected {(count, *shape)}, one row of it, or a "
            "number"
        )
    return [BaselineSampler("array", given=np.broadcast_to(values, (1, *shape))[0])] * count


def _numbers(baseline: Any) -> Array:
    try:
        values = np.asarray(baseline)
    except ValueError:
        values = np.empty(0, object)
    if values.dtype.kind not in "fiub":
        raise ValueError(
            f"baseline: expected a name, numbers or a mapping with a kind, not {_shown(baseline)}"
        )
    if not np.isfinite(values).all():
        raise ValueError("baseline: holds NaN or infinite values")
    return values.astype(np.float32)


def _shown(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def row_targets(target: Any, shape: tuple[int, ...], count: int) -> list[Targets]:
    """Return the target of each of `count` examples.

    Args:
        target: None for the top score of outputs (N,) or (N, K); an index, or (N,) of them; for
            outputs (N, A, B, ...) a row (2,) and so on of indices for all, or (N, 2) and so on; a
            single row stands for all.
        shape: Of the output of one example.
        count: N.

    Raises:
        ValueError: A target has another shape, or is out of range.
    """
    if target is None:
        if len(shape) > 1:
            raise ValueError(
                f"target: the output of an example has shape {shape}: choose one of it"
            )
        return [Targets()] * count
    try:
        given = np.asarray(target)
    except ValueError:
        raise ValueError("target: expected as many indices in each row") from None
    indices = _indices(given, max(len(shape), 1), count)
    sides = shape or (1,)
    for row, index in enumerate(indices):
        if (index < 0).any() or (index >= sides).any():
            shown = index[0] if len(index) == 1 else tuple(int(each) for each in index)
            raise ValueError(
                f"target: {shown} of input {row} is out of range: the output has shape {sides}"
            )
    return [
        Targets(TargetChoice(index=int(np.ravel_multi_index(tuple(index), sides))))
        for index in indices
    ]


def _indices(target: npt.NDArray[Any], rank: int, count: int) -> npt.NDArray[np.int64]:
    """Return the indices as (N, rank)."""
    if not np.issubdtype(target.dtype, np.integer):
        raise ValueError(f"target: expected integers, not {target.dtype}")
    for shape in ((count, rank), (rank,), (1, rank)):
        if target.shape == shape:
            return np.broadcast_to(target, (count, rank)).astype(np.int64)
    if rank == 1 and target.shape in ((), (count,)):
        return np.broadcast_to(target, (count,))[:, None].astype(np.int64)
    wanted = "an index or (N,) of them" if rank == 1 else f"(N, {rank}) indices, or one row of it"
    raise ValueError(f"target: has shape {target.shape}, expected {wanted}")
