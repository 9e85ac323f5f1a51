"""Any differentiable function as a network: Keras models, their layers, plain callables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.models.device import choose
from igcli.models.layers import Tap
from igcli.models.network import TensorFlowNetwork
from igcli.models.parts import Parts
from igcli.models.runtime import tensorflow

tf = tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

MOST_BYTES = 1 << 30
"""What may travel with the examples: a graph holds two gibibytes at most."""

CHUNK = 32
"""Examples of one pass that reads a layer."""


Inputs = tuple[Parts, Sequence[npt.NDArray[Any]]]
"""What inputs look like, and their values, (N, ...) each."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A model, and how it is called.

    Attributes:
        model: A Keras model, or a function of TensorFlow tensors.
        output: Name or index of the output, where there are several.
        tap: The layer whose values take the inputs' place, if any.
        fixed: Keyword arguments that are the same for all examples.
        rowwise: Keyword arguments (N, ...) of which each example has a row.
    """

    model: Any
    output: int | str | None = None
    tap: Tap | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    rowwise: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def run(self, inputs: Any, rows: Mapping[str, Any]) -> Any:
        """Return the output of a batch, with the rows of the keyword arguments given."""
        options = {**self.fixed, **rows}
        if isinstance(self.model, keras.Layer):
            options.setdefault("training", False)
        return self._chosen(self.model(inputs, **options))

    def read_layer(self, parts: Parts, inputs: Sequence[npt.NDArray[Any]]) -> tuple[Any, Parts]:
        """Return the values, (N, ...) each, that a batch of inputs brings to the layer.

        Raises:
            ModelError: The layer is not called exactly once.
        """
        if self.tap is None:
            raise ValueError("no layer is named")
        found = []
        for first in range(0, len(inputs[0]), CHUNK):
            part = slice(first, first + CHUNK)
            given = parts.packed([tf.constant(each[part]) for each in inputs])
            rows = {name: tf.constant(table[part]) for name, table in self.rowwise.items()}
            found.append(self.tap.read(partial(self.run, given, rows)))
        is_single = not isinstance(found[0], list | tuple)
        chunks = [[each] if is_single else list(each) for each in found]
        values = [np.concatenate([chunk[k] for chunk in chunks]) for k in range(len(chunks[0]))]
        shapes = tuple(value.shape[1:] for value in values)
        return values, Parts(shapes, is_single=is_single, numbered=True)

    def first(self, given: Inputs) -> Any:
        """Return the output of the first example."""
        parts, inputs = given
        rows = {name: tf.constant(table[:1]) for name, table in self.rowwise.items()}
        return self.run(parts.packed([tf.constant(each[:1]) for each in inputs]), rows)

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


def wrap(
    subject: Subject,
    parts: Parts,
    values: Sequence[npt.NDArray[Any]],
    *,
    behind: Inputs | None = None,
    device: str = "auto",
) -> Wrapped:
    """Freeze a model as a function of joined examples.

    Args:
        subject: The model.
        parts: What is attributed to: the inputs, or the values at a layer.
        values: Their values, (N, ...) each.
        behind: The inputs (N, ...) that led to the values at a layer.
        device: "auto", "cpu", "gpu" or "gpu:N".

    Raises:
        ModelError: The model has no scores that can be differentiated.
        ValueError: There is no such output, or too much travels with the examples.
    """
    tables = dict(subject.rowwise)
    hidden = {f"input {place}": each for place, each in enumerate(behind[1] if behind else ())}
    if sum(table.nbytes for table in (*tables.values(), *hidden.values())) > MOST_BYTES:
        raise ValueError("inputs: more than 1 GiB would travel with the examples: pass fewer")
    if tables or hidden:
        parts = replace(parts, numbered=True)
    # What is wrong is told here, without TensorFlow's account of a graph being made.
    shape = tuple(map(int, subject.first(behind or (parts, values)).shape[1:]))

    def scores(joined: Any) -> Any:
        inputs = parts.packed(parts.split(joined))
        number = tf.cast(tf.round(joined[:, -1]), tf.int32) if parts.numbered else None
        rows, given = ({k: tf.gather(v, number) for k, v in t.items()} for t in (tables, hidden))
        if behind is None or subject.tap is None:
            output = subject.run(inputs, rows)
        else:
            before = behind[0].packed(list(given.values()))
            output = subject.tap.replace(inputs, partial(subject.run, before, rows))
        return tf.reshape(tf.cast(output, tf.float32), [-1, prod(shape)])

    place = choose(device)
    network = TensorFlowNetwork(scores, parts.shape, device=place)
    return Wrapped(network, parts, shape, place)
