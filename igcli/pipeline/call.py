"""From a model and arrays to a network and joined examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.methods import References
from igcli.models.layers import Side, Tap, find
from igcli.models.load import Model
from igcli.models.parts import Parts, arrays_of
from igcli.models.wrap import Subject, Wrapped, wrap
from igcli.pipeline.plan import predictions
from igcli.records import Array


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """How a model is called, as `igcli.attribute` is told."""

    output: int | str | None = None
    layer: Any = None
    layer_side: Side = "output"
    call_kwargs: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Examples, joined, and the network that takes them.

    Attributes:
        wrapped: The network.
        values: What is attributed to, (N, ...) each.
        given: The inputs as they came, where they are not the values.
        subject: The model, where it was wrapped here.
    """

    wrapped: Wrapped
    values: Sequence[npt.NDArray[Any]]
    given: Parts | None = None
    subject: Subject | None = None

    def __len__(self) -> int:
        return len(self.values[0])

    def examples(self) -> list[Array]:
        """Return each example, joined."""
        rows = zip(*self.values, strict=True)
        return [self.wrapped.parts.join(row, number=place) for place, row in enumerate(rows)]

    def at_layer(self, baseline: Any) -> Any:
        """Return the values at the layer of a baseline that is shaped like the inputs."""
        if self.given is None or self.subject is None or isinstance(baseline, str | int | float):
            return baseline
        arrays = self.given.unpacked(baseline)
        if arrays is None or self._fits(arrays, self.wrapped.parts.shapes):
            return baseline
        if not self._fits(arrays, self.given.shapes):
            return baseline
        whole = [
            np.broadcast_to(np.asarray(array), (len(self), *shape))
            for array, shape in zip(arrays, self.given.shapes, strict=True)
        ]
        values, parts = self.subject.read_layer(self.given, whole)
        return parts.packed(values)

    def _fits(self, arrays: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> bool:
        return len(arrays) == len(shapes) and all(
            np.shape(array) in (shape, (1, *shape), (len(self), *shape))
            for array, shape in zip(arrays, shapes, strict=True)
        )


def batch(model: Any, inputs: Any, call: Call) -> Batch:
    """Return the examples and their network.

    Raises:
        ValueError: The inputs do not fit the model, or are not finite.
        ModelError: The model cannot be differentiated.
    """
    arrays, keys, is_single = arrays_of(inputs)
    parts = Parts(tuple(each.shape[1:] for each in arrays), keys, is_single)
    if isinstance(model, Model):
        return _loaded(model, arrays, parts, call)
    if not callable(model):
        raise ValueError(f"model: {type(model).__name__} is no Keras model and no function")
    fixed, rowwise = _sorted(call.call_kwargs, len(arrays[0]))
    tap = None if call.layer is None else Tap(find(model, call.layer), call.layer_side)
    subject = Subject(model, call.output, tap, fixed, rowwise)
    if tap is None:
        values = [_checked(each, "inputs") for each in arrays]
        return Batch(wrap(subject, parts, values, device=call.device), values, subject=subject)
    found, at = subject.read_layer(parts, arrays)
    values = [_checked(each, f"layer {tap.layer.name}") for each in found]
    wrapped = wrap(subject, at, values, behind=(parts, arrays), device=call.device)
    return Batch(wrapped, values, parts, subject)


def _loaded(model: Model, arrays: Sequence[npt.NDArray[Any]], parts: Parts, call: Call) -> Batch:
    if call.layer is not None or call.call_kwargs or call.output is not None:
        raise ValueError(
            "model: layer, output and call_kwargs need the Keras model itself, as from "
            "keras.saving.load_model; this one is frozen"
        )
    shape = model.network.input_shape
    if parts.shapes != (shape,) or not parts.is_single:
        raise ValueError(
            f"inputs: have shape {arrays[0].shape}, expected (N, {', '.join(map(str, shape))})"
        )
    values = [_checked(arrays[0], "inputs")]
    return Batch(Wrapped(model.network, parts, (model.network.outputs,), model.device), values)


def _checked(array: npt.NDArray[Any], what: str) -> Array:
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{what}: expected numbers, not {array.dtype}")
    values = np.asarray(array, np.float32)
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(1)))
        raise ValueError(f"{what}: row {row} holds NaN or infinite values")
    return values


def _sorted(
    options: Mapping[str, Any], count: int
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Tell arguments that are the same for all examples from those with a row for each."""
    rowwise = {
        name: np.asarray(value)
        for name, value in options.items()
        if hasattr(value, "shape") and len(value.shape) and value.shape[0] == count
    }
    return {name: value for name, value in options.items() if name not in rowwise}, rowwise


def row_references(references: Any, asked: Batch) -> list[References]:
    """Return the inputs that baselines are drawn from, for each example.

    Raises:
        ValueError: They are not like the inputs.
    """
    parts, network = asked.wrapped.parts, asked.wrapped.network
    arrays = parts.unpacked(asked.at_layer(references)) or []
    shapes = tuple(np.shape(each)[1:] for each in arrays)
    if shapes != parts.shapes or len({len(each) for each in arrays}) != 1 or not len(arrays[0]):
        raise ValueError(f"references: have shapes {shapes}, expected rows of {parts.shapes}")
    rows = list(zip(*(_checked(np.asarray(each), "references") for each in arrays), strict=True))

    def of(number: int) -> References:
        joined = [parts.join(row, number=number) for row in rows]
        return References(joined, predictions(joined, network))

    return [of(number) for number in range(len(asked))] if parts.numbered else [of(0)] * len(asked)
