"""What is asked about each example of a batch of arrays: baselines, targets, noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.models.parts import Parts
from igcli.paths import baselines
from igcli.paths.network import Network
from igcli.paths.options import BaselineOptions
from igcli.paths.starts import Starts, starts
from igcli.pipeline.plan import own_scores
from igcli.pipeline.targets import Targets, Wanted
from igcli.records import Array


@dataclass(frozen=True, slots=True, eq=False)
class RowStarts:
    """The baselines of one example, a `Starts` for each of its inputs.

    Attributes:
        parts: How the example is joined.
        each: For each input.
    """

    parts: Parts
    each: tuple[Starts, ...]

    @property
    def samples(self) -> int:
        """Number of baselines: the largest that any input asks for."""
        return max(one.samples for one in self.each)

    def of(self, image: Array, sample: int = 0) -> Array:
        """Return one of the baselines, joined."""
        values = [value[0] for value in self.parts.split(image[None])]
        found = [one.of(value, sample) for one, value in zip(self.each, values, strict=True)]
        return self.parts.join(found, number=float(image.flat[-1]))


def row_starts(baseline: Any, parts: Parts, count: int, *, seed: int) -> list[RowStarts]:
    """Return the baselines of each of `count` examples.

    Args:
        baseline: One for all inputs, or one for each in their structure: a name, a number, an
            array (N, ...) or one row of it, or a mapping such as {"kind": "noise", "samples": 10}.
        parts: What the inputs look like.
        count: N.
        seed: Of what is drawn.

    Raises:
        ValueError: It is no baseline, or has another shape.
    """
    structured = None if _is_options(baseline) else parts.unpacked(baseline)
    if structured is None and (isinstance(baseline, str | int | float) or _is_options(baseline)):
        structured = [baseline] * len(parts.shapes)
    if structured is None:
        raise ValueError("baseline: expected one for all inputs, or one for each as they are given")
    columns = [
        _column(one, shape, count, seed=seed)
        for one, shape in zip(structured, parts.shapes, strict=True)
    ]
    return [RowStarts(parts, tuple(column[row] for column in columns)) for row in range(count)]


def shared_scores(starts: Sequence[RowStarts], example: Array, network: Network) -> Array | None:
    """Return the scores, float32 (K,), of a baseline that several examples share, if they do.

    Args:
        starts: The baselines of each example.
        example: Any of the examples, joined.
        network: Which scores them.
    """
    first = starts[0] if len(starts) > 1 else None
    if first is None or first.parts.numbered or not all(one.is_fixed for one in first.each):
        return None
    pairs = (pair for row in starts for pair in zip(row.each, first.each, strict=True))
    if any(one is not other for one, other in pairs):
        return None
    return own_scores(first.of(example), network)


def _is_options(baseline: Any) -> bool:
    return isinstance(baseline, Mapping) and "kind" in baseline


def _column(baseline: Any, shape: tuple[int, ...], count: int, *, seed: int) -> Sequence[Starts]:
    """Return the baselines of one input."""
    if isinstance(baseline, str) or _is_options(baseline):
        options = BaselineOptions.model_validate(baseline)
        if not baselines.is_name(options.kind):
            raise ValueError(
                f"baseline: there is none called {options.kind!r}; the names are "
                f"{', '.join(baselines.names())}, and a colour is written '#rrggbb'"
            )
        return [starts(options, seed=seed)] * count
    values = np.asarray(baseline, np.float32)
    if not np.isfinite(values).all():
        raise ValueError("baseline: holds NaN or infinite values")
    if values.shape == (count, *shape):
        return [Starts("array", given=row) for row in values]
    if values.shape not in ((), shape, (1, *shape)):
        raise ValueError(
            f"baseline: has shape {values.shape}, expected {(count, *shape)}, one row of it, or a "
            "number"
        )
    return [Starts("array", given=np.broadcast_to(values, (1, *shape))[0])] * count


def row_targets(target: Any, shape: tuple[int, ...], count: int) -> list[Targets]:
    """Return the target of each of `count` examples.

    Args:
        target: None for the top score of outputs (N,) or (N, K); an index, or (N,) of them; for
            outputs (N, A, B, ...) a row (A, B, ...) of indices for all, or (N, 2) and so on.
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
    indices = _indices(np.asarray(target), max(len(shape), 1), count)
    sides = shape or (1,)
    for row, index in enumerate(indices):
        if (index < 0).any() or (index >= sides).any():
            shown = index[0] if len(index) == 1 else tuple(int(each) for each in index)
            raise ValueError(
                f"target: {shown} of input {row} is out of range: the output has shape {sides}"
            )
    return [
        Targets(Wanted(index=int(np.ravel_multi_index(tuple(index), sides)))) for index in indices
    ]


def _indices(target: npt.NDArray[Any], rank: int, count: int) -> npt.NDArray[np.int64]:
    """Return the indices as (N, rank)."""
    if not np.issubdtype(target.dtype, np.integer):
        raise ValueError(f"target: expected integers, not {target.dtype}")
    for shape in ((count, rank), (rank,)):
        if target.shape == shape and (shape != (rank,) or rank > 1):
            return np.broadcast_to(target, (count, rank)).astype(np.int64)
    if rank == 1 and target.shape in ((), (1,), (count,)):
        return np.broadcast_to(target, (count,))[:, None].astype(np.int64)
    wanted = "an index or (N,) of them" if rank == 1 else f"(N, {rank}) indices, or one row of it"
    raise ValueError(f"target: has shape {target.shape}, expected {wanted}")
