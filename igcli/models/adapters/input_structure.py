"""Several inputs as one array, and back: methods see one array whatever a network takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from igcli.records import Array


@dataclass(frozen=True, slots=True)
class Parts:
    """What the inputs of a network look like.

    Attributes:
        shapes: Of one example of each input.
        keys: Keys of a mapping of inputs; None for a sequence.
        is_single: Whether there is one input that stands alone.
        numbered: Whether the number of the example is appended, by which what travels with it is
            found; nothing is attributed to it.
    """

    shapes: tuple[tuple[int, ...], ...]
    keys: tuple[Any, ...] | None = None
    is_single: bool = False
    numbered: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether examples keep their shape, as images must."""
        return self.is_single and not self.numbered

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one joined example."""
        if self.is_plain:
            return self.shapes[0]
        return (sum(self._sizes) + self.numbered,)

    @property
    def _sizes(self) -> list[int]:
        return [int(np.prod(shape)) for shape in self.shapes]

    def join(self, values: Sequence[Array], *, number: float = 0) -> Array:
        """Return one example, float32 of `shape`, of the values of its inputs."""
        if self.is_plain:
            return np.asarray(values[0], np.float32)
        flat = [np.asarray(value, np.float32).ravel() for value in values]
        return np.concatenate([*flat, np.full(int(self.numbered), number, np.float32)])

    def split(self, joined: Any) -> list[Any]:
        """Return the inputs of a batch of joined examples, arrays or tensors (N, ...)."""
        if self.is_plain:
            return [joined]
        ends = np.cumsum([0, *self._sizes])
        flat = [joined[:, a:b] for a, b in pairwise(ends)]
        return [
            _reshaped(each, (-1, *shape)) for each, shape in zip(flat, self.shapes, strict=True)
        ]

    def packed(self, values: Sequence[Any]) -> Any:
        """Return values, one for each input, in the structure that the inputs came in."""
        if self.keys is not None:
            return dict(zip(self.keys, values, strict=True))
        return values[0] if self.is_single else list(values)

    def unpacked(self, structure: Any) -> list[Any] | None:
        """Return the values of a structure like that of the inputs; None where it is another."""
        if self.keys is not None:
            is_like = isinstance(structure, Mapping) and set(structure) == set(self.keys)
            return [structure[key] for key in self.keys] if is_like else None
        if self.is_single:
            return [structure]
        is_like = isinstance(structure, list | tuple) and len(structure) == len(self.shapes)
        return list(structure) if is_like else None


def arrays_of(inputs: Any) -> tuple[list[Any], tuple[Any, ...] | None, bool]:
    """Return the arrays of one or several inputs, the keys of a mapping, and whether it is one.

    A sequence of arrays are several inputs; one of anything else is one array.

    Raises:
        ValueError: There is no example, or the inputs differ in their number.
    """
    keys = tuple(inputs) if isinstance(inputs, Mapping) else None
    several = isinstance(inputs, list | tuple) and all(hasattr(each, "shape") for each in inputs)
    is_single = keys is None and not (several and len(inputs))
    listed = [inputs] if is_single else [inputs[key] for key in keys] if keys else list(inputs)
    try:
        arrays = [np.asarray(each) for each in listed]
    except ValueError:
        raise ValueError("inputs: expected arrays whose rows are all of one shape") from None
    if not arrays or any(array.ndim == 0 for array in arrays):
        raise ValueError("inputs: expected arrays with an example in each row")
    if len({len(array) for array in arrays}) > 1 or not len(arrays[0]):
        counts = ", ".join(str(len(array)) for array in arrays)
        raise ValueError(f"inputs: expected at least one example, as many of each ({counts})")
    return arrays, keys, is_single


def _reshaped(flat: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(flat, np.ndarray):
        return flat.reshape(shape)
    from igcli.models.runtime import tensorflow

    return tensorflow().reshape(flat, shape)
