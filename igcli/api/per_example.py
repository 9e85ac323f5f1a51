"""The baselines and targets of each example of a batch of arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.api.types import InputRange
from igcli.config.schema import KEYS
from igcli.config.validation_messages import validated
from igcli.integration import baselines
from igcli.integration.baseline_sampler import Baselines, BaselineSampler
from igcli.integration.network import Network
from igcli.integration.options import BaselineOptions
from igcli.models.adapters.callable_model import Arrays
from igcli.models.adapters.input_structure import InputStructure
from igcli.pipeline.explain.spec import predict_one
from igcli.pipeline.explain.targets import TargetChoice, Targets
from igcli.records import Array
from igcli.registry import unknown_name


@dataclass(frozen=True, slots=True, eq=False)
class ExampleBaselines:
    """The baselines of one example.

    Attributes:
        structure: How the example's inputs are joined into one array.
        by_input: The baselines of each of its inputs.
    """

    structure: InputStructure
    by_input: tuple[BaselineSampler, ...]

    @property
    def samples(self) -> int:
        """Number of baselines: the largest number of any input."""
        return max(sampler.samples for sampler in self.by_input)

    def of(self, image: Array, sample: int = 0) -> Array:
        """Return one of the baselines, joined."""
        values = [value[0] for value in self.structure.split(image[None])]
        pairs = zip(self.by_input, values, strict=True)
        input_baselines = [sampler.of(value, sample) for sampler, value in pairs]
        return self.structure.join(input_baselines, index=float(image.flat[-1]))


def baselines_of_examples(
    baseline: Any,
    structure: InputStructure,
    values: Arrays,
    *,
    seed: int,
    input_range: InputRange | None = None,
) -> list[ExampleBaselines]:
    """Return the baselines of each of N examples.

    Args:
        baseline: One for all inputs, or one for each in their structure: a name, a number, an
            array (N, ...) or one row of it, or a mapping such as {"kind": "noise", "samples": 10}.
        structure: The structure of the inputs.
        values: The inputs, (N, ...) each.
        seed: Seed of random baselines.
        input_range: The values of black and white; None for 0 and 255, if the inputs look like it.

    Raises:
        ValueError: It is not a baseline, has the wrong shape, or is a name that needs
            `input_range`.
    """
    by_input = None if _is_options(baseline) else structure.unpack(baseline)
    if by_input is None and (isinstance(baseline, str | int | float) or _is_options(baseline)):
        by_input = [baseline] * len(structure.shapes)
    if by_input is None:
        raise ValueError(
            "baseline: expected one for all inputs, or one for each in the structure of the inputs"
        )
    columns = []
    for input_baseline, array in zip(by_input, values, strict=True):
        column = _samplers(input_baseline, array.shape[1:], len(array), seed=seed)
        if input_range is not None and column[0].given is None:
            column = [replace(column[0], input_range=input_range)] * len(array)
        elif input_range is None and column[0].is_range_relative:
            _check_range(column[0].kind, array)
        columns.append(column)
    return [ExampleBaselines(structure, row) for row in zip(*columns, strict=True)]


def shared_baseline_scores(
    batch_baselines: Sequence[Baselines], example: Array, network: Network
) -> Array | None:
    """Return the scores, float32 (K,), of a baseline that all examples share; None if they do not.

    Args:
        batch_baselines: The baselines of each example.
        example: Any of the examples, joined.
        network: The network.
    """
    rows = [row for row in batch_baselines if isinstance(row, ExampleBaselines)]
    first = rows[0] if len(rows) > 1 else None
    if first is None or first.structure.has_index:
        return None
    if not all(sampler.is_fixed for sampler in first.by_input):
        return None
    pairs = (pair for row in rows for pair in zip(row.by_input, first.by_input, strict=True))
    if any(sampler is not other for sampler, other in pairs):
        return None
    return predict_one(first.of(example), network)


def parse_input_range(input_range: object) -> InputRange | None:
    """Return the values of black and white as two numbers, None if they are not given.

    Raises:
        ValueError: They are not two finite numbers in rising order.
    """
    if input_range is None:
        return None
    try:
        low, high = map(float, input_range)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        low = high = np.nan
    if isinstance(input_range, str) or not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(
            f"input_range: expected two rising numbers such as (0, 1), got {input_range!r}"
        )
    return low, high


def _check_range(kind: str, values: npt.NDArray[Any]) -> None:
    """Refuse a baseline on the scale 0...255 for inputs that are not on that scale."""
    low, high = float(values.min()), float(values.max())
    if low >= -1 and high <= 1:
        shown = "0...1" if low >= 0 else "-1...1"
        raise ValueError(
            f"baseline: {kind} lies on a scale of 0...255, but the inputs lie within {shown}: give "
            f"the values of black and white, as with input_range=({shown.replace('...', ', ')})"
        )


def _is_options(baseline: Any) -> bool:
    return isinstance(baseline, Mapping) and "kind" in baseline


def _samplers(
    baseline: Any, shape: tuple[int, ...], count: int, *, seed: int
) -> list[BaselineSampler]:
    """Return the baselines of one input for each example."""
    if isinstance(baseline, str) or _is_options(baseline):
        options = validated(BaselineOptions, baseline, KEYS, ("baseline",))
        if not baselines.is_name(options.kind):
            known = baselines.names()
            expected = f"{', '.join(known)} or a colour as '#rrggbb'"
            raise ValueError(f"baseline: {unknown_name(options.kind, known, expected)}")
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
        given = "None" if baseline is None else type(baseline).__name__
        raise ValueError(
            f"baseline: expected a name, numbers or a mapping with a kind, got {given}"
        )
    if not np.isfinite(values).all():
        raise ValueError("baseline: holds NaN or infinite values")
    return values.astype(np.float32)


def targets_of_examples(target: Any, shape: tuple[int, ...], count: int) -> list[Targets]:
    """Return the target of each of N examples.

    Args:
        target: None for the highest score of outputs (N,) or (N, K); an index or indices (N,);
            for outputs (N, A, B, ...) rows of indices (N, R), or one row for all examples.
        shape: Shape of the output of one example.
        count: N.

    Raises:
        ValueError: The target has the wrong shape, or is out of range.
    """
    if target is None:
        if len(shape) > 1:
            raise ValueError(
                f"target: the output of an example has shape {shape}: choose one of its values"
            )
        return [Targets()] * count
    try:
        given = np.asarray(target)
    except ValueError:
        raise ValueError("target: expected the same number of indices in each row") from None
    indices = _target_indices(given, max(len(shape), 1), count)
    sides = shape or (1,)
    for row, index in enumerate(indices):
        if (index < 0).any() or (index >= sides).any():
            shown = index[0] if len(index) == 1 else tuple(index.tolist())
            raise ValueError(
                f"target: {shown} of input {row} is out of range: the output has shape {sides}"
            )
    return [
        Targets(TargetChoice(index=int(np.ravel_multi_index(tuple(index), sides))))
        for index in indices
    ]


def _target_indices(target: npt.NDArray[Any], rank: int, count: int) -> npt.NDArray[np.int64]:
    """Return the indices as (N, rank)."""
    if not np.issubdtype(target.dtype, np.integer):
        raise ValueError(f"target: expected integers, got {target.dtype}")
    for shape in ((count, rank), (rank,), (1, rank)):
        if target.shape == shape:
            return np.broadcast_to(target, (count, rank)).astype(np.int64)
    if rank == 1 and target.shape in ((), (count,)):
        return np.broadcast_to(target, (count,))[:, None].astype(np.int64)
    expected = (
        "an index or indices (N,)" if rank == 1 else f"indices (N, {rank}), or one row of them"
    )
    raise ValueError(f"target: has shape {target.shape}, expected {expected}")
