"""From a model and arrays to a network and joined examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.api.per_example import Range, RowStarts, row_starts
from igcli.integration.baseline_sampler import Baselines
from igcli.methods import References
from igcli.models.adapters.callable_model import CallableModel, Scoring, Values, Wrapped, wrap
from igcli.models.adapters.input_structure import Parts, arrays_of
from igcli.models.adapters.layer_hook import Side, find_all
from igcli.models.load import Model
from igcli.pipeline.explain.spec import predict_all
from igcli.records import Array

LOADED = Scoring()
"""How a network that `load_model` returned is scored, which was settled there."""


@dataclass(frozen=True, slots=True, eq=False)
class CallOptions:
    """How a model is called, as `igcli.attribute` is told."""

    output: int | str | None = None
    layer: Any = None
    layer_side: Side = "output"
    call_kwargs: Mapping[str, Any] = field(default_factory=dict)
    scoring: Scoring = LOADED


@dataclass(frozen=True, slots=True, eq=False)
class ExampleBatch:
    """Examples, joined, and the network that takes them.

    Attributes:
        wrapped: The network.
        values: What is attributed to, (N, ...) each.
        inputs: What the inputs look like, and the inputs, (N, ...) each.
        subject: The model, where it was wrapped here.
    """

    wrapped: Wrapped
    values: Values
    inputs: tuple[Parts, Values]
    subject: CallableModel | None = None

    def __len__(self) -> int:
        return len(self.values[0])

    @property
    def layered(self) -> CallableModel | None:
        """The model, where it is attributed to layers."""
        return self.subject if self.subject is not None and self.subject.taps else None

    def examples(self) -> list[Array]:
        """Return each example, joined."""
        rows = zip(*self.values, strict=True)
        return [self.wrapped.parts.join(row, number=place) for place, row in enumerate(rows)]

    def starts(
        self, baseline: Any, *, seed: int, input_range: Range | None, at_layer: bool
    ) -> Sequence[Baselines]:
        """Return the baselines of each example.

        Args:
            baseline: As `row_starts` takes it.
            seed: Of what is drawn.
            input_range: What black and white are.
            at_layer: Whether the baseline is one of the layers' values rather than the inputs'.

        Raises:
            ValueError: It is no baseline, or has another shape.
        """
        options: Any = {"seed": seed, "input_range": input_range}
        if self.layered is None or at_layer:
            return row_starts(baseline, self.wrapped.parts, self.values, **options)
        before = row_starts(baseline, *self.inputs, **options)
        return starts_at_layers(self.layered, self.inputs, before, self.wrapped.parts)

    def references(self, references: Any, *, at_layer: bool) -> list[References]:
        """Return the inputs that baselines are drawn from, for each example.

        Args:
            references: Any number of rows, arrays like the inputs.
            at_layer: Whether they are like the layers' values instead.

        Raises:
            ValueError: They are not.
        """
        parts, network = self.wrapped.parts, self.wrapped.network
        is_pushed = self.layered is not None and not at_layer
        like = self.inputs[0] if is_pushed else parts
        arrays = [np.asarray(each) for each in like.unpacked(references) or []]
        shapes = tuple(np.shape(each)[1:] for each in arrays)
        if shapes != like.shapes or len({len(each) for each in arrays}) != 1 or not len(arrays[0]):
            raise ValueError(f"references: have shapes {shapes}, expected rows of {like.shapes}")
        for each in arrays:
            checked(each, "references")

        def of(number: int) -> References:
            found: Values = arrays
            if is_pushed and self.layered is not None:
                rows = np.full(len(arrays[0]), number)
                found = layer_values(self.layered, self.inputs, arrays, rows)
            joined = [parts.join(row, number=number) for row in zip(*found, strict=True)]
            return References(joined, predict_all(joined, network))

        return (
            [of(number) for number in range(len(self))] if parts.numbered else [of(0)] * len(self)
        )


def batch(model: Any, inputs: Any, call: CallOptions) -> ExampleBatch:
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
        raise ValueError(f"model: expected a Keras model or a function, not {type(model).__name__}")
    fixed, rowwise = _sorted(call.call_kwargs, len(arrays[0]))
    taps = () if call.layer is None else find_all(model, call.layer, call.layer_side)
    subject = CallableModel(model, call.output, taps, fixed, rowwise)
    if not taps:
        values = [checked(each, "inputs") for each in arrays]
        wrapped = wrap(subject, parts, values, call.scoring)
        return ExampleBatch(wrapped, values, (parts, values), subject)
    subject.check_independent(parts, arrays)
    found, at = subject.read_layers(parts, arrays)
    names = ", ".join(tap.layer.name for tap in taps)
    values = [checked(each, f"layer {names}") for each in found]
    wrapped = wrap(subject, at, values, call.scoring, behind=(parts, arrays))
    return ExampleBatch(wrapped, values, (parts, arrays), subject)


def _loaded(model: Model, arrays: Values, parts: Parts, call: CallOptions) -> ExampleBatch:
    if call.layer is not None or call.call_kwargs or call.output is not None:
        raise ValueError(
            "model: layer, output and call_kwargs need the Keras model itself, as from "
            "keras.saving.load_model; this one is frozen"
        )
    if call.scoring != LOADED:
        raise ValueError(
            "model: device, explain, activation and precision of a loaded model are said to "
            "igcli.load_model"
        )
    shape = model.network.input_shape
    if parts.shapes != (shape,) or not parts.is_single:
        raise ValueError(
            f"inputs: have shape {arrays[0].shape}, expected (N, {', '.join(map(str, shape))})"
        )
    values = [checked(arrays[0], "inputs")]
    wrapped = Wrapped(model.network, parts, (model.network.outputs,), model.device)
    return ExampleBatch(wrapped, values, (parts, values))


def checked(array: npt.NDArray[Any], what: str) -> Array:
    """Return numbers as float32.

    Raises:
        ValueError: They are no numbers, or not finite.
    """
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
    """Tell arguments that are the same for all examples from those with a row for each.

    Raises:
        ValueError: They have no names.
    """
    if not isinstance(options, Mapping):
        raise ValueError(f"call_kwargs: expected a mapping, not {type(options).__name__}")
    rowwise = {
        name: np.asarray(value)
        for name, value in options.items()
        if hasattr(value, "shape") and len(value.shape) and value.shape[0] == count
    }
    return {name: value for name, value in options.items() if name not in rowwise}, rowwise


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
