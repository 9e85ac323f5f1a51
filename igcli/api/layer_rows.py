"""Baselines and references given as inputs, and what they are at the layers attributed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.api.per_example import RowStarts
from igcli.models.adapters.callable_model import CallableModel, Values
from igcli.models.adapters.input_structure import Parts
from igcli.records import Array

Inputs = tuple[Parts, Values]
"""What the inputs of a model look like, and the inputs, (N, ...) each."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerStarts:
    """The baselines of one example at layers.

    Attributes:
        values: Float32, each of them, joined.
    """

    values: Sequence[Array]

    @property
    def samples(self) -> int:
        """Number of baselines."""
        return len(self.values)

    def of(self, _image: Array, sample: int = 0) -> Array:
        """Return one of the baselines, joined."""
        return self.values[sample]


def starts_at_layers(
    subject: CallableModel, inputs: Inputs, starts: Sequence[RowStarts], at: Parts
) -> list[LayerStarts]:
    """Return what the baselines of N inputs are at the layers.

    Args:
        subject: The model.
        inputs: The inputs.
        starts: The baselines of each, in the inputs' space.
        at: What the layers' values look like.

    Raises:
        ModelError: The model cannot take such a baseline.
        ValueError: The values at the layers are not finite.
    """
    parts, arrays = inputs
    count = len(starts)
    found: list[list[Array]] = [[] for _ in range(count)]
    for sample in range(starts[0].samples):
        rows = [parts.join(row) for row in zip(*arrays, strict=True)]
        joined = [one.of(row, sample) for one, row in zip(starts, rows, strict=True)]
        given = parts.split(np.stack(joined))
        values = layer_values(subject, inputs, given, np.arange(count))
        for number, row in enumerate(zip(*values, strict=True)):
            found[number].append(at.join(row, number=number))
    return [LayerStarts(each) for each in found]


def layer_values(
    subject: CallableModel, inputs: Inputs, given: Values, rows: npt.NDArray[np.intp]
) -> list[Array]:
    """Return the values at the layers, float32 (R, ...) each, of R other inputs.

    Args:
        subject: The model.
        inputs: The inputs of N examples, whose types the others are brought to.
        given: The others, (R, ...) each.
        rows: The example whose keyword arguments go with each.

    Raises:
        ModelError: The model cannot take them.
        ValueError: The values at the layers are not finite.
    """
    parts, arrays = inputs
    typed = [_typed(one, like.dtype) for one, like in zip(given, arrays, strict=True)]
    found, _ = subject.read_layers(parts, typed, rows)
    values = [np.asarray(each, np.float32) for each in found]
    if not all(np.isfinite(each).all() for each in values):
        raise ValueError("baseline: its values at the layer are not finite")
    return values


def _typed(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)
