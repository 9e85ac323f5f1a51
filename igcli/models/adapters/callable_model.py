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
from igcli.models.adapters.input_structure import Parts
from igcli.models.adapters.layer_hook import LayerHook, read, replace
from igcli.models.network.head import HeadOptions
from igcli.models.network.network import WRONG_ROWS, TensorFlowNetwork
from igcli.models.options import Activation, Explained
from igcli.models.runtime import choose_device, tensorflow

tf = tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

MOST_BYTES = 1 << 30
"""What may travel with the examples: a graph holds two gibibytes at most."""

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_NODES = re.compile(r"\{\{.*?\}\}|\[Op:\w*\].*$")
"""Names of TensorFlow's operations, which say nothing to whoever wrote the model."""
_DOUBLE = re.compile(r"\b(double|float64)\b")

CHUNK = 32
"""Examples of one pass that reads a layer."""


FAILED = (tf.errors.OpError, ValueError, TypeError, AttributeError, NotImplementedError, KeyError)
"""What a model raises that cannot take what it is given."""

Values = Sequence[npt.NDArray[Any]]
"""Of several inputs or layers, (N, ...) each."""


@dataclass(frozen=True, slots=True, eq=False)
class CallableModel:
    """A model, and how it is called.

    Attributes:
        model: A Keras model, or a function of TensorFlow tensors.
        output: Name or index of the output, where there are several.
        taps: The layers whose values take the inputs' place, if any.
        fixed: Keyword arguments that are the same for all examples.
        rowwise: Keyword arguments (N, ...) of which each example has a row.
    """

    model: Any
    output: int | str | None = None
    taps: tuple[LayerHook, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    rowwise: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    @property
    def is_keras(self) -> bool:
        """Whether it is a Keras model or layer."""
        return isinstance(self.model, keras.Layer)

    def run(self, inputs: Any, rows: Mapping[str, Any]) -> Any:
        """Return the output of a batch, with the rows of the keyword arguments given.

        Raises:
            ModelError: The model fails, or returns no tensor.
        """
        options = {**self.fixed, **rows}
        if self.is_keras:
            options.setdefault("training", False)
        try:
            returned = self.model(inputs, **options)
        except FAILED as error:
            raise ModelError(f"model: it failed when it was called: {_reason(error)}") from error
        found = self._chosen(returned)
        if not isinstance(found, tf.Tensor):
            raise ModelError(f"model: it returned {type(found).__name__}, expected a tensor (N, K)")
        return found

    def read_layers(
        self, parts: Parts, inputs: Values, rows: npt.NDArray[np.intp] | None = None
    ) -> tuple[list[npt.NDArray[Any]], Parts]:
        """Return the values, (N, ...) each, that a batch of inputs brings to the layers.

        Args:
            parts: What the inputs look like.
            inputs: Their values, (N, ...) each.
            rows: Which row of the keyword arguments goes with each input; their own if None.

        Raises:
            ModelError: A layer is not called exactly once.
            ValueError: There are several layers, and one of them has several values.
        """
        rows = np.arange(len(inputs[0])) if rows is None else rows
        chunks = []
        for first in range(0, len(inputs[0]), CHUNK):
            part = slice(first, first + CHUNK)
            given = [tf.constant(each[part]) for each in inputs]
            found = read(self.taps, partial(self.run, parts.packed(given), self._rows(rows[part])))
            chunks.append(self._layer_values(found))
        values = [np.concatenate(each) for each in zip(*chunks, strict=True)]
        is_single = len(self.taps) == 1 and not isinstance(found[0], list | tuple)
        shapes = tuple(value.shape[1:] for value in values)
        return values, Parts(shapes, is_single=is_single, numbered=True)

    def check_independent(self, parts: Parts, inputs: Values) -> None:
        """Refuse layers of which one lies behind another, whose values would then not matter.

        Raises:
            ValueError: There are two such layers.
        """
        run = partial(self.run, parts.packed([tf.constant(each[:1]) for each in inputs]))
        rows = self._rows(np.arange(1))
        for one, other in permutations(self.taps, 2):
            [value] = read([one], partial(run, rows))
            with tf.GradientTape() as tape:
                tape.watch(value)
                [behind] = read([other], partial(replace, [one], [value], partial(run, rows)))
            if tape.gradient(behind, value) is not None:
                raise ValueError(
                    f"layer: {other.layer.name} lies behind {one.layer.name}: attribute to each in "
                    "a call of its own"
                )

    def sample(self, parts: Parts, inputs: Values) -> Any:
        """Return the outputs of two examples, the first ones, as a tensor.

        Raises:
            ModelError: They are no two rows of scores.
        """
        two = np.arange(2) % len(inputs[0])
        found = self.run(parts.packed([tf.constant(each[two]) for each in inputs]), self._rows(two))
        if not found.shape.rank:
            raise ModelError(
                "model: it returned one value for a whole batch: return one for each input, as "
                "(N,) or (N, K), and save it with an open batch dimension"
            )
        if len(found) != 2:
            raise ModelError(WRONG_ROWS.format(rows=len(found), inputs=2))
        return found

    def _rows(self, rows: npt.NDArray[np.intp]) -> dict[str, Any]:
        return {name: tf.constant(table[rows]) for name, table in self.rowwise.items()}

    def _layer_values(self, found: Sequence[Any]) -> list[Any]:
        """Return the values of all layers, one after the other."""
        if len(found) == 1:
            return list(found[0]) if isinstance(found[0], list | tuple) else [found[0]]
        for tap, each in zip(self.taps, found, strict=True):
            if isinstance(each, list | tuple):
                raise ValueError(
                    f"layer: {tap.layer.name} has {len(each)} values: attribute to it alone"
                )
        return list(found)

    def _chosen(self, outputs: Any) -> Any:
        if not isinstance(outputs, list | tuple | dict):
            return outputs
        names = list(outputs) if isinstance(outputs, dict) else list(range(len(outputs)))
        if len(names) == 1:
            return outputs[names[0]]
        key: Any = self.output
        if isinstance(key, str) and key not in names:
            known = getattr(self.model, "output_names", ())
            key = known.index(key) if key in known else None
        if key not in names:
            shown = ", ".join(map(str, names))
            raise ValueError(f"output: the model has {len(names)} ({shown}): choose one of them")
        return outputs[key]


@dataclass(frozen=True, slots=True, eq=False)
class Wrapped:
    """A network over joined examples.

    Attributes:
        network: Its scores are the outputs of one example in a row.
        parts: How an example is joined and split.
        output_shape: Of one example.
        device: TensorFlow's name of the device.
    """

    network: TensorFlowNetwork
    parts: Parts
    output_shape: tuple[int, ...]
    device: str


@dataclass(frozen=True, slots=True)
class Scoring:
    """Which scores are explained, and how they are computed.

    Attributes:
        explain: The output as it is, or the value before its softmax or sigmoid.
        activation: What the output is to end in, added where it is missing.
        precision: What gradients are computed in.
        device: "auto", "cpu", "gpu" or "gpu:N".
    """

    explain: Explained = "probability"
    activation: Activation | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "auto"


def wrap(
    subject: CallableModel,
    parts: Parts,
    values: Values,
    scoring: Scoring,
    *,
    behind: tuple[Parts, Values] | None = None,
) -> Wrapped:
    """Freeze a model as a function of joined examples.

    Args:
        subject: The model.
        parts: What is attributed to: the inputs, or the values at layers.
        values: Their values, (N, ...) each.
        scoring: Which scores, and how.
        behind: What the inputs look like that led to the values at layers, and these inputs.

    Raises:
        ModelError: The model has no scores that can be differentiated.
        UsageError: The device is not there, or none for the precision.
        ValueError: There is no such output, or too much travels with the examples.
    """
    tables = dict(subject.rowwise)
    hidden = {f"input {place}": each for place, each in enumerate(behind[1] if behind else ())}
    if sum(table.nbytes for table in (*tables.values(), *hidden.values())) > MOST_BYTES:
        raise ValueError("inputs: more than 1 GiB would travel with the examples: pass fewer")
    if tables or hidden:
        parts = dataclasses.replace(parts, numbered=True)
    # What is wrong is told here, without TensorFlow's account of a graph being made.
    shape = tuple(map(int, subject.sample(*(behind or (parts, values))).shape[1:]))
    if scoring.activation and len(shape) > 1:
        raise ValueError(
            f"activation: is for outputs (N, K), the model's are (N, {_listed(shape)})"
        )

    def scores(joined: Any) -> Any:
        inputs = parts.split(joined)
        number = tf.cast(tf.round(joined[:, -1]), tf.int32) if parts.numbered else None
        rows, given = ({k: tf.gather(v, number) for k, v in t.items()} for t in (tables, hidden))
        if behind is None:
            output = subject.run(parts.packed(inputs), rows)
        else:
            before = behind[0].packed(list(given.values()))
            put = inputs if len(subject.taps) > 1 else [parts.packed(inputs)]
            output = replace(subject.taps, put, partial(subject.run, before, rows))
        return tf.reshape(tf.cast(output, tf.float32), [-1, prod(shape)])

    place = choose_device(scoring.device)
    two_classes = subject.is_keras or scoring.activation is not None
    head_options = HeadOptions(scoring.explain, scoring.activation, two_classes)
    try:
        network = TensorFlowNetwork(
            scores,
            parts.shape,
            device=place,
            head_options=head_options,
            precision=scoring.precision,
        )
    except ModelError as error:
        # Raised while a graph was made, it comes with TensorFlow's account of that.
        raise ModelError(str(error).rpartition("ModelError: ")[2].strip()) from error
    classes = shape if network.outputs == prod(shape) else (network.outputs,)
    return Wrapped(network, parts, classes, place)


def _reason(error: Exception) -> str:
    """Return the line of an error's message that tells most."""
    lines = [_STYLE.sub("", line).strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("Exception encountered")]
    reason = _NODES.sub("", told[0]).strip() if told else type(error).__name__
    if _DOUBLE.search(reason):
        reason += " (inputs are float32: use float32 in the function too, or cast inside it)"
    return reason


def _listed(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape))
