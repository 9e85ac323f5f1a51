"""Any differentiable function as a network: Keras models, their layers, plain callables."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import permutations
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from igcli.errors import ModelError
from igcli.models.adapters.input_structure import InputStructure
from igcli.models.adapters.layer_hook import LayerHook, read, replace
from igcli.models.network.head import HeadOptions
from igcli.models.network.network import WRONG_ROWS, TensorFlowNetwork
from igcli.models.network.several_devices import AnyNetwork, on_devices
from igcli.models.options import Activation, Explained
from igcli.models.runtime import choose_devices, tensorflow

tf = tensorflow()

import keras  # noqa: E402  After `tensorflow()`, which silences it.

MAX_BYTES = 1 << 30
"""Size of the arrays that travel with the examples: a graph holds two gibibytes at most."""

CHUNK_SIZE = 32
"""Examples of one pass that reads a layer."""

CALL_ERRORS = (
    *(tf.errors.OpError, ValueError, TypeError, AttributeError),
    *(NotImplementedError, KeyError),
)
"""What a model raises if it cannot take its inputs."""

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_NODES = re.compile(r"\{\{.*?\}\}|\[Op:\w*\].*$")
"""Names of TensorFlow's operations, which tell the author of a model nothing."""
_DOUBLE = re.compile(r"\b(double|float64)\b")

Arrays = Sequence[npt.NDArray[Any]]
"""Arrays (N, ...), one for each input or layer."""


@dataclass(frozen=True, slots=True, eq=False)
class CallableModel:
    """A model, and how it is called.

    Attributes:
        model: A Keras model, or a function of TensorFlow tensors.
        output: Name or index of the output if there are several.
        hooks: The layers whose values take the place of the inputs, if any.
        shared_kwargs: Keyword arguments that are the same for all examples.
        row_kwargs: Keyword arguments (N, ...) with a row for each example.
    """

    model: Any
    output: int | str | None = None
    hooks: tuple[LayerHook, ...] = ()
    shared_kwargs: Mapping[str, object] = field(default_factory=dict)
    row_kwargs: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    @property
    def is_keras(self) -> bool:
        """Whether the model is a Keras model or layer."""
        return isinstance(self.model, keras.Layer)

    def call(self, inputs: Any, row_kwargs: Mapping[str, Any]) -> Any:
        """Return the output for a batch, a tensor (N, ...).

        Args:
            inputs: Tensors (N, ...), in the structure that the model takes.
            row_kwargs: The rows of the keyword arguments that belong to the batch.

        Raises:
            ModelError: The model fails, or returns no tensor.
            ValueError: The model has several outputs, and none of them was chosen.
        """
        kwargs = {**self.shared_kwargs, **row_kwargs}
        if self.is_keras:
            kwargs.setdefault("training", False)
        try:
            returned = self.model(inputs, **kwargs)
        except CALL_ERRORS as error:
            raise ModelError(f"model: the call failed: {_reason(error)}") from error
        output = self._chosen_output(returned)
        if not isinstance(output, tf.Tensor):
            raise ModelError(
                f"model: expected a tensor (N, K) as its output, got {type(output).__name__}"
            )
        return output

    def read_layers(
        self, structure: InputStructure, inputs: Arrays, rows: npt.NDArray[np.intp] | None = None
    ) -> tuple[list[npt.NDArray[Any]], InputStructure]:
        """Return the values at the layers, (N, ...) each, and their structure.

        Args:
            structure: The structure of the inputs.
            inputs: The inputs, (N, ...) each.
            rows: The row of the keyword arguments for each input; 0 to N - 1 if None.

        Raises:
            ModelError: A layer is not called exactly once.
            ValueError: There are several layers, and one of them has several values.
        """
        rows = np.arange(len(inputs[0])) if rows is None else rows
        chunks = []
        for first in range(0, len(inputs[0]), CHUNK_SIZE):
            part = slice(first, first + CHUNK_SIZE)
            tensors = structure.pack([tf.constant(array[part]) for array in inputs])
            values = read(self.hooks, partial(self.call, tensors, self._kwargs_of(rows[part])))
            chunks.append(self._flat_values(values))
        arrays = [np.concatenate(column) for column in zip(*chunks, strict=True)]
        is_single = len(self.hooks) == 1 and not isinstance(values[0], list | tuple)
        shapes = tuple(array.shape[1:] for array in arrays)
        return arrays, InputStructure(shapes, is_single=is_single, has_index=True)

    def check_independent(self, structure: InputStructure, inputs: Arrays) -> None:
        """Refuse layers of which one depends on another, whose own values would have no effect.

        Raises:
            ValueError: There are two such layers.
        """
        tensors = structure.pack([tf.constant(array[:1]) for array in inputs])
        run = partial(self.call, tensors, self._kwargs_of(np.arange(1)))
        for first, second in permutations(self.hooks, 2):
            [value] = read([first], run)
            with tf.GradientTape() as tape:
                tape.watch(value)
                [dependent] = read([second], partial(replace, [first], [value], run))
            if tape.gradient(dependent, value) is not None:
                raise ValueError(
                    f"layer: {second.layer.name} depends on {first.layer.name}: attribute to each "
                    "of them in a call of its own"
                )

    def sample_output(self, structure: InputStructure, inputs: Arrays) -> Any:
        """Return the output for the first two examples, a tensor (2, ...).

        Raises:
            ModelError: The output does not have a row of scores for each of them.
        """
        rows = np.arange(2) % len(inputs[0])
        tensors = structure.pack([tf.constant(array[rows]) for array in inputs])
        output = self.call(tensors, self._kwargs_of(rows))
        if not output.shape.rank:
            raise ModelError(
                "model: it returned one value for a whole batch: return one for each input, as "
                "(N,) or (N, K), and save the model with an open batch dimension"
            )
        if len(output) != 2:
            raise ModelError(WRONG_ROWS.format(rows=len(output), inputs=2))
        return output

    def _kwargs_of(self, rows: npt.NDArray[np.intp]) -> dict[str, Any]:
        return {name: tf.constant(array[rows]) for name, array in self.row_kwargs.items()}

    def _flat_values(self, values: Sequence[Any]) -> list[Any]:
        """Return the values at all layers in one list."""
        if len(values) == 1:
            return list(values[0]) if isinstance(values[0], list | tuple) else [values[0]]
        for hook, value in zip(self.hooks, values, strict=True):
            if isinstance(value, list | tuple):
                raise ValueError(
                    f"layer: {hook.layer.name} has {len(value)} values: attribute to it in a call "
                    "of its own"
                )
        return list(values)

    def _chosen_output(self, outputs: Any) -> Any:
        if not isinstance(outputs, list | tuple | dict):
            return outputs
        keys = list(outputs) if isinstance(outputs, dict) else list(range(len(outputs)))
        if len(keys) == 1:
            return outputs[keys[0]]
        key: Any = self.output
        if isinstance(key, str) and key not in keys:
            output_names = getattr(self.model, "output_names", ())
            key = output_names.index(key) if key in output_names else None
        if key not in keys:
            shown = ", ".join(map(str, keys))
            raise ValueError(f"output: the model has {len(keys)} ({shown}): choose one of them")
        return outputs[key]


@dataclass(frozen=True, slots=True, eq=False)
class WrappedModel:
    """A network that takes joined examples.

    Attributes:
        network: Its scores are flattened, (N, K).
        structure: How examples are joined and split.
        output_shape: Shape of the scores of one example.
    """

    network: AnyNetwork
    structure: InputStructure
    output_shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scoring:
    """Which scores are explained, and how they are computed.

    Attributes:
        explain: Explain the output itself, or the value before its softmax or sigmoid.
        activation: The activation that the output must end in, added if it is missing.
        precision: The precision of gradients.
        device: As `choose_devices` takes it.
    """

    explain: Explained = "probability"
    activation: Activation | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "auto"


def wrap(
    model: CallableModel,
    structure: InputStructure,
    values: Arrays,
    scoring: Scoring,
    *,
    layer_inputs: tuple[InputStructure, Arrays] | None = None,
) -> WrappedModel:
    """Freeze a model as a function of joined examples.

    Args:
        model: The model.
        structure: The structure of what is attributed to: the inputs, or the values at layers.
        values: The inputs, or the values at layers, (N, ...) each.
        scoring: Which scores are explained, and how.
        layer_inputs: With layers, the structure of the model's inputs, and the inputs.

    Raises:
        ModelError: The model has no scores that can be differentiated.
        UsageError: There is no such device, or it does not have the precision.
        ValueError: There is no such output, or the arrays that travel with the examples are too
            large.
    """
    row_kwargs = dict(model.row_kwargs)
    input_arrays = layer_inputs[1] if layer_inputs else ()
    inputs = {f"input {i}": array for i, array in enumerate(input_arrays)}
    if sum(array.nbytes for array in (*row_kwargs.values(), *inputs.values())) > MAX_BYTES:
        raise ValueError("inputs: more than 1 GiB would travel with the examples: pass fewer")
    if row_kwargs or inputs:
        structure = dataclasses.replace(structure, has_index=True)
    # A call outside any graph raises errors without TensorFlow's report of the tracing.
    output = model.sample_output(*(layer_inputs or (structure, values)))
    output_shape = tuple(map(int, output.shape[1:]))
    if scoring.activation and len(output_shape) > 1:
        raise ValueError(
            f"activation: needs outputs (N, K), but the model's are (N, {_listed(output_shape)})"
        )

    def scores(joined: Any) -> Any:
        parts = structure.split(joined)
        index = tf.cast(tf.round(joined[:, -1]), tf.int32) if structure.has_index else None
        kwargs, original = (
            {name: tf.gather(array, index) for name, array in arrays.items()}
            for arrays in (row_kwargs, inputs)
        )
        if layer_inputs is None:
            output = model.call(structure.pack(parts), kwargs)
        else:
            run = partial(model.call, layer_inputs[0].pack(list(original.values())), kwargs)
            replacements = parts if len(model.hooks) > 1 else [structure.pack(parts)]
            output = replace(model.hooks, replacements, run)
        return tf.reshape(tf.cast(output, tf.float32), [-1, prod(output_shape)])

    devices = choose_devices(scoring.device)
    has_two_classes = model.is_keras or scoring.activation is not None
    head_options = HeadOptions(scoring.explain, scoring.activation, has_two_classes)
    try:
        network = TensorFlowNetwork(
            scores,
            structure.shape,
            device=devices[0],
            head_options=head_options,
            precision=scoring.precision,
        )
    except ModelError as error:
        # An error raised during tracing contains TensorFlow's report of it.
        raise ModelError(str(error).rpartition("ModelError: ")[2].strip()) from error
    # A single output may stand for two classes.
    scores_shape = output_shape if network.outputs == prod(output_shape) else (network.outputs,)
    return WrappedModel(on_devices(network, devices), structure, scores_shape)


def _reason(error: Exception) -> str:
    """Return the most telling line of an error's message."""
    lines = [_STYLE.sub("", line).strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith("Exception encountered")]
    reason = _NODES.sub("", telling[0]).strip() if telling else type(error).__name__
    if _DOUBLE.search(reason):
        reason += " (inputs are float32: use float32 in the function too, or cast inside it)"
    return reason


def _listed(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape))
