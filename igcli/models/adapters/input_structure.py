"""Several inputs as one array, and back: methods see one array whatever a network takes."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.records import Array


@dataclass(frozen=True, slots=True)
class InputStructure:
    """The shapes of a network's inputs, and whether they are one array, a list or a mapping.

    A joined example is one array that holds all inputs of an example: the input itself if there is
    a single one, else a vector.

    Attributes:
        shapes: Shape of one example of each input.
        keys: Keys of a mapping of inputs; None for a list or a single array.
        is_single: Whether there is one input, which is not in a list or mapping.
        has_index: Whether the index of the example is appended to the vector. Arrays that travel
            with the examples are looked up by it, and nothing is attributed to it.
    """

    shapes: tuple[tuple[int, ...], ...]
    keys: tuple[Hashable, ...] | None = None
    is_single: bool = False
    has_index: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether joined examples keep the shape of the input, as images must."""
        return self.is_single and not self.has_index

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one joined example."""
        if self.is_plain:
            return self.shapes[0]
        return (sum(self._sizes) + self.has_index,)

    @property
    def _sizes(self) -> list[int]:
        return [int(np.prod(shape)) for shape in self.shapes]

    def join(self, values: Sequence[Array], *, index: float = 0) -> Array:
        """Return one joined example, float32 of `shape`.

        Args:
            values: Its value for each input.
            index: The index to append if there is one.
        """
        if self.is_plain:
            return np.asarray(values[0], np.float32)
        flat = [np.asarray(value, np.float32).ravel() for value in values]
        return np.concatenate([*flat, np.full(int(self.has_index), index, np.float32)])

    def split(self, joined: Any) -> list[Any]:
        """Return the inputs, (N, ...) each, of joined examples (N, ...), arrays or tensors."""
        if self.is_plain:
            return [joined]
        ends = np.cumsum([0, *self._sizes])
        flat = [joined[:, start:end] for start, end in pairwise(ends)]
        return [
            _reshaped(columns, (-1, *shape))
            for columns, shape in zip(flat, self.shapes, strict=True)
        ]

    def pack(self, values: Sequence[Any]) -> Any:
        """Return values, one for each input, in the structure of the inputs."""
        if self.keys is not None:
            return dict(zip(self.keys, values, strict=True))
        return values[0] if self.is_single else list(values)

    def unpack(self, packed: Any) -> list[Any] | None:
        """Return the value for each input; None if `packed` has another structure."""
        if self.keys is not None:
            matches = isinstance(packed, Mapping) and set(packed) == set(self.keys)
            return [packed[key] for key in self.keys] if matches else None
        if self.is_single:
            return [packed]
        matches = isinstance(packed, list | tuple) and len(packed) == len(self.shapes)
        return list(packed) if matches else None


def parse_inputs(inputs: Any) -> tuple[list[npt.NDArray[Any]], InputStructure]:
    """Return the arrays of one or several inputs, (N, ...) each, and their structure.

    A sequence of arrays is several inputs; a sequence of anything else is one array.

    Raises:
        ValueError: There are no examples, or the inputs have different numbers of them.
    """
    keys = tuple(inputs) if isinstance(inputs, Mapping) else None
    is_sequence = isinstance(inputs, list | tuple) and all(hasattr(i, "shape") for i in inputs)
    is_single = keys is None and not (is_sequence and len(inputs))
    listed = [inputs] if is_single else [inputs[key] for key in keys] if keys else list(inputs)
    try:
        arrays = [np.asarray(array) for array in listed]
    except ValueError:
        raise ValueError("inputs: expected arrays whose rows all have one shape") from None
    if not arrays or any(array.ndim == 0 for array in arrays):
        raise ValueError("inputs: expected arrays with an example in each row")
    counts = [len(array) for array in arrays]
    if len(set(counts)) > 1 or not counts[0]:
        shown = ", ".join(map(str, counts))
        raise ValueError(
            f"inputs: expected at least one example, and as many of each input, got {shown}"
        )
    shapes = tuple(array.shape[1:] for array in arrays)
    return arrays, InputStructure(shapes, keys, is_single)


def _reshaped(flat: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(flat, np.ndarray):
        return flat.reshape(shape)
    from igcli.models.runtime import tensorflow

    return tensorflow().reshape(flat, shape)
