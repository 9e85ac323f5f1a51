"""From a model and arrays to a network and joined examples, with their baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.api.per_example import ExampleBaselines, baselines_of_examples
from igcli.api.types import InputRange, Layers
from igcli.integration.baseline_sampler import Baselines
from igcli.methods import References
from igcli.models.adapters.callable_model import (
    Arrays,
    CallableModel,
    Scoring,
    WrappedModel,
    wrap,
)
from igcli.models.adapters.input_structure import InputStructure, parse_inputs
from igcli.models.adapters.layer_hook import LayerSide, find_hooks
from igcli.models.load import Model
from igcli.pipeline.explain.spec import predict_all
from igcli.records import Array

LOADED = Scoring()
"""The scoring to pass with a model from `load_model`, which has its own."""

Inputs = tuple[InputStructure, Arrays]
"""The structure of a model's inputs, and the inputs, (N, ...) each."""


@dataclass(frozen=True, slots=True, eq=False)
class CallOptions:
    """How a model is called; the arguments of `igcli.attribute` of the same names."""

    output: int | str | None = None
    layer: Layers | None = None
    layer_side: LayerSide = "output"
    call_kwargs: Mapping[str, object] = field(default_factory=dict)
    scoring: Scoring = LOADED


@dataclass(frozen=True, slots=True, eq=False)
class LayerBaselines:
    """The baselines of one example at layers.

    Attributes:
        values: Each baseline, float32, joined.
    """

    values: Sequence[Array]

    @property
    def samples(self) -> int:
        """Number of baselines."""
        return len(self.values)

    def of(self, _image: Array, sample: int = 0) -> Array:
        """Return one of the baselines, joined."""
        return self.values[sample]


@dataclass(frozen=True, slots=True, eq=False)
class ExampleBatch:
    """Joined examples, and the network that takes them.

    Attributes:
        wrapped: The network.
        values: What is attributed to, (N, ...) each: the inputs, or the values at layers.
        inputs: The inputs and their structure.
        model: The model; None if it was loaded by `load_model`.
    """

    wrapped: WrappedModel
    values: Arrays
    inputs: Inputs
    model: CallableModel | None = None

    def __len__(self) -> int:
        return len(self.values[0])

    @property
    def layer_model(self) -> CallableModel | None:
        """The model if its layers are attributed to, else None."""
        return self.model if self.model is not None and self.model.hooks else None

    def joined(self) -> list[Array]:
        """Return each example, joined."""
        rows = zip(*self.values, strict=True)
        return [self.wrapped.structure.join(row, index=index) for index, row in enumerate(rows)]

    def baselines(
        self, baseline: Any, *, seed: int, input_range: InputRange | None, at_layer: bool
    ) -> Sequence[Baselines]:
        """Return the baselines of each example.

        Args:
            baseline: As `igcli.attribute` takes it.
            seed: Seed of random baselines.
            input_range: The values of black and white.
            at_layer: Whether the baseline is a value at the layers rather than an input.

        Raises:
            ValueError: It is not a baseline, or has the wrong shape.
        """
        options: Any = {"seed": seed, "input_range": input_range}
        if self.layer_model is None or at_layer:
            return baselines_of_examples(baseline, self.wrapped.structure, self.values, **options)
        before = baselines_of_examples(baseline, *self.inputs, **options)
        return _layer_baselines(self.layer_model, self.inputs, before, self.wrapped.structure)

    def references(self, references: Any, *, at_layer: bool) -> list[References]:
        """Return the inputs that baselines are drawn from, for each example.

        Args:
            references: Any number of rows, in the structure of the inputs.
            at_layer: Whether they are values at the layers rather than inputs.

        Raises:
            ValueError: They have another structure or shape, or are not finite.
        """
        structure, network = self.wrapped.structure, self.wrapped.network
        are_followed = self.layer_model is not None and not at_layer
        expected = self.inputs[0] if are_followed else structure
        arrays = [np.asarray(array) for array in expected.unpack(references) or []]
        shapes = tuple(np.shape(array)[1:] for array in arrays)
        counts = {len(array) for array in arrays}
        if shapes != expected.shapes or len(counts) != 1 or not len(arrays[0]):
            raise ValueError(
                f"references: have shapes {shapes}, expected rows of {expected.shapes}"
            )
        for array in arrays:
            _as_finite_float32(array, "references")

        def references_of(index: int) -> References:
            values: Arrays = arrays
            if are_followed and self.layer_model is not None:
                rows = np.full(len(arrays[0]), index)
                values = _layer_values(self.layer_model, self.inputs, arrays, rows)
            joined = [structure.join(row, index=index) for row in zip(*values, strict=True)]
            return References(joined, predict_all(joined, network))

        if structure.has_index:
            return [references_of(index) for index in range(len(self))]
        return [references_of(0)] * len(self)


def prepare_batch(model: Any, inputs: Any, call: CallOptions) -> ExampleBatch:
    """Return the examples and their network.

    Raises:
        ValueError: The inputs do not fit the model, or are not finite.
        ModelError: The model cannot be differentiated.
    """
    arrays, structure = parse_inputs(inputs)
    if isinstance(model, Model):
        return _loaded_batch(model, arrays, structure, call)
    if not callable(model):
        raise ValueError(f"model: expected a Keras model or a callable, got {type(model).__name__}")
    shared, by_row = _split_kwargs(call.call_kwargs, len(arrays[0]))
    hooks = () if call.layer is None else find_hooks(model, call.layer, call.layer_side)
    callable_model = CallableModel(model, call.output, hooks, shared, by_row)
    if not hooks:
        values = [_as_finite_float32(array, "inputs") for array in arrays]
        wrapped = wrap(callable_model, structure, values, call.scoring)
        return ExampleBatch(wrapped, values, (structure, values), callable_model)
    callable_model.check_independent(structure, arrays)
    at_layers, layer_structure = callable_model.read_layers(structure, arrays)
    names = ", ".join(hook.layer.name for hook in hooks)
    values = [_as_finite_float32(array, f"layer {names}") for array in at_layers]
    layer_inputs = structure, arrays
    wrapped = wrap(callable_model, layer_structure, values, call.scoring, layer_inputs=layer_inputs)
    return ExampleBatch(wrapped, values, layer_inputs, callable_model)


def _loaded_batch(
    model: Model, arrays: Arrays, structure: InputStructure, call: CallOptions
) -> ExampleBatch:
    if call.layer is not None or call.call_kwargs or call.output is not None:
        raise ValueError(
            "model: layer, output and call_kwargs need the Keras model itself, as from "
            "keras.saving.load_model; a model from igcli.load_model is frozen"
        )
    if call.scoring != LOADED:
        raise ValueError(
            "model: pass device, explain, activation and precision of a loaded model to "
            "igcli.load_model"
        )
    shape = model.network.input_shape
    if structure.shapes != (shape,) or not structure.is_single:
        raise ValueError(
            f"inputs: have shape {arrays[0].shape}, expected (N, {', '.join(map(str, shape))})"
        )
    values = [_as_finite_float32(arrays[0], "inputs")]
    wrapped = WrappedModel(model.network, structure, (model.network.outputs,))
    return ExampleBatch(wrapped, values, (structure, values))


def _as_finite_float32(array: npt.NDArray[Any], name: str) -> Array:
    """Return numbers as float32.

    Raises:
        ValueError: They are not numbers, or not finite.
    """
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name}: expected numbers, got {array.dtype}")
    values = np.asarray(array, np.float32)
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(1)))
        raise ValueError(f"{name}: row {row} holds NaN or infinite values")
    return values


def _split_kwargs(
    kwargs: Mapping[str, object], count: int
) -> tuple[dict[str, object], dict[str, npt.NDArray[Any]]]:
    """Return the arguments that all examples share, and those with a row for each example.

    Raises:
        ValueError: `kwargs` is not a mapping.
    """
    if not isinstance(kwargs, Mapping):
        raise ValueError(f"call_kwargs: expected a mapping, got {type(kwargs).__name__}")
    by_row = {
        name: np.asarray(value)
        for name, value in kwargs.items()
        if hasattr(value, "shape") and len(value.shape) and value.shape[0] == count
    }
    return {name: value for name, value in kwargs.items() if name not in by_row}, by_row


def _layer_baselines(
    model: CallableModel,
    inputs: Inputs,
    baselines: Sequence[ExampleBaselines],
    layer_structure: InputStructure,
) -> list[LayerBaselines]:
    """Return the values at the layers of the baselines of N examples.

    Args:
        model: The model.
        inputs: The inputs and their structure.
        baselines: The baselines of each example, as inputs.
        layer_structure: The structure of the values at the layers.

    Raises:
        ModelError: The model cannot take such a baseline.
        ValueError: The values at the layers are not finite.
    """
    structure, arrays = inputs
    count = len(baselines)
    by_example: list[list[Array]] = [[] for _ in range(count)]
    examples = [structure.join(row) for row in zip(*arrays, strict=True)]
    for sample in range(baselines[0].samples):
        joined = [
            example_baselines.of(example, sample)
            for example_baselines, example in zip(baselines, examples, strict=True)
        ]
        values = _layer_values(model, inputs, structure.split(np.stack(joined)), np.arange(count))
        for index, row in enumerate(zip(*values, strict=True)):
            by_example[index].append(layer_structure.join(row, index=index))
    return [LayerBaselines(samples) for samples in by_example]


def _layer_values(
    model: CallableModel, inputs: Inputs, others: Arrays, rows: npt.NDArray[np.intp]
) -> list[Array]:
    """Return the values at the layers, float32 (R, ...) each, for R other inputs.

    Args:
        model: The model.
        inputs: The inputs of N examples, whose types the others are converted to.
        others: The other inputs, (R, ...) each.
        rows: The example whose keyword arguments belong to each of them, (R,).

    Raises:
        ModelError: The model cannot take them.
        ValueError: The values at the layers are not finite.
    """
    structure, arrays = inputs
    converted = [
        _converted(other, array.dtype) for other, array in zip(others, arrays, strict=True)
    ]
    at_layers, _ = model.read_layers(structure, converted, rows)
    values = [np.asarray(array, np.float32) for array in at_layers]
    if not all(np.isfinite(array).all() for array in values):
        raise ValueError("baseline: its values at the layer are not finite")
    return values


def _converted(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)
