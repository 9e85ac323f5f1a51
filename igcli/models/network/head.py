"""The end of a network: which scores it gives, and the value before its last activation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.graph.freeze import Traced, freeze
from igcli.models.options import Activation, Explained
from igcli.models.runtime import tensorflow

tf = tensorflow()

_ACTIVATIONS = {"Softmax": "softmax", "LogSoftmax": "log softmax", "Sigmoid": "sigmoid"}
_ADDED: dict[str, Callable[[Any], Any]] = {"softmax": tf.nn.softmax, "sigmoid": tf.nn.sigmoid}
_PASSED = ("Identity", "Reshape", "Squeeze", "Cast")
"""Operations after the activation that change no value."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How what a network gives is taken.

    Attributes:
        explain: As it is, or the value before its softmax or sigmoid.
        activation: What it is to end in, added where it is missing.
        binary: Whether a single output stands for two classes; None: if it is a sigmoid.
    """

    explain: Explained = "probability"
    activation: Activation | None = None
    binary: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What a frozen graph ends in.

    Attributes:
        outputs: Number of scores; two for one output that says no or yes.
        activation: "softmax", "log softmax" or "sigmoid"; None where it ends otherwise.
        is_binary: Whether its only output stands for two classes.
        positions: Number of pixels of which each has scores of its own; None where there is one
            row of scores for the whole image.
        batch: Number of images that it takes at a time; None where that is open.
    """

    outputs: int
    activation: str | None
    is_binary: bool
    positions: int | None
    batch: int | None


def read_as(
    function: Callable[..., Any], input_shape: tuple[int, ...], reading: Reading
) -> tuple[Traced, Head]:
    """Freeze a function of inputs (N, ...), as what it is to end in, and look at its end.

    Raises:
        ModelError: Its output is no row of scores for each image or pixel, has no gradient, or is
            to end in an activation that does not fit.
    """
    traced = freeze(function, [tf.TensorSpec((None, *input_shape), tf.float32)])
    head = head_of(traced, reading.binary)
    if reading.activation not in (None, head.activation):
        _check_added(reading.activation, head)
        add, bare = _ADDED[reading.activation], function
        function = lambda *inputs: add(bare(*inputs))  # noqa: E731
        traced = freeze(function, [tf.TensorSpec((None, *input_shape), tf.float32)])
        head = head_of(traced, reading.binary)
    if head.batch is not None:  # It is fixed somewhere inside.
        traced = freeze(function, [tf.TensorSpec((head.batch, *input_shape), tf.float32)])
    return traced, head


def head_of(traced: Traced, binary: bool | None = None) -> Head:
    """Look at the end of a graph.

    Args:
        traced: The graph.
        binary: Whether a single output stands for two classes; None: if it is a sigmoid.

    Raises:
        ModelError: Its output is no row of scores for each image or pixel, or has no gradient.
    """
    [output] = traced.graph.outputs
    _check(output)
    activation = _ACTIVATIONS.get(_last(output).type)
    width = int(output.shape[-1]) if output.shape.rank > 1 else 1
    is_binary = width == 1 and (activation == "sigmoid" if binary is None else binary)
    positions = int(np.prod(output.shape[1:-1]))
    return Head(
        2 if is_binary else width,
        activation,
        is_binary,
        positions if positions > 1 else None,
        output.shape[0],
    )


def explained_part(traced: Traced, head: Head, explained: Explained) -> Any:
    """Return the function that ends in the values that are explained.

    Raises:
        ModelError: The value before the activation is wanted, and there is none.
    """
    if explained == "probability":
        return traced.graph
    if head.activation is None:
        raise ModelError(
            "explain: logit: no softmax or sigmoid was found at the end of the network: leave "
            "explain out, which explains its output as it is (logits, if it ends in them), or name "
            "the tensor of the logits with model.output"
        )
    return traced.cut(lambda output: _last(output).inputs[0])


def scores_of(graph: Any, head: Head, explained: Explained) -> Any:
    """Return the function to the scores explained, float32 (N, K), or (N, P, K) for P pixels.

    A binary network's two scores are those of no and yes: 1 - p and p of a sigmoid, else -z and z.

    Args:
        graph: What `explained_part` returned, or the end of it.
        head: The network's.
        explained: What `graph` ends in.
    """
    width = 1 if head.is_binary else head.outputs
    shape = [-1, width] if head.positions is None else [-1, head.positions, width]
    is_probability = head.activation == "sigmoid" and explained == "probability"

    def scores(*inputs: Any) -> Any:
        rows = tf.cast(tf.reshape(graph(*inputs)[0], shape), tf.float32)
        if not head.is_binary:
            return rows
        return tf.concat([1 - rows if is_probability else -rows, rows], -1)

    return scores


def _check_added(activation: Activation, head: Head) -> None:
    if head.activation is not None:
        raise ModelError(
            f"activation: the network ends in {head.activation} already, not in {activation}: "
            "leave it out"
        )
    if activation == "softmax" and (head.outputs == 1 or head.is_binary):
        raise ModelError("activation: softmax of a single output is always 1: use sigmoid")


def _check(output: Any) -> None:
    if not output.dtype.is_floating:
        raise ModelError(
            f"model: its output is {output.dtype.name} (from {_last(output).type}), through which "
            "there is no gradient: choose the scores before it with model.output, or save the "
            "network without that step"
        )
    shape = output.shape
    if not shape.rank or None in shape[1:]:
        raise ModelError(
            f"model: the output has shape {_shown(shape)}, expected (images, classes), or "
            "(images, height, width, classes) for segmentation"
        )


def _last(output: Any) -> Any:
    """Return the last operation that changes a value."""
    op = output.op
    while op.type in _PASSED:
        op = op.inputs[0].op
    return op


def _shown(shape: Any) -> str:
    return str(tuple(shape)) if shape.rank is not None else "unknown"
