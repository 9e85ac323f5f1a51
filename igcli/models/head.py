"""The end of a network: which scores it gives, and the value before its last activation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.graph import Traced
from igcli.models.options import Activation, Explained
from igcli.models.runtime import tensorflow

tf = tensorflow()

_ACTIVATIONS = {"Softmax": "softmax", "LogSoftmax": "log softmax", "Sigmoid": "sigmoid"}
_ADDED = {"softmax": tf.nn.softmax, "sigmoid": tf.nn.sigmoid}
_PASSED = ("Identity", "Reshape", "Squeeze", "Cast")
"""Operations after the activation that change no value."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How what a network gives is taken.

    Attributes:
        explain: As it is, or the value before its softmax or sigmoid.
        activation: What is added to a network that ends without one.
        splits_single: Whether a single value without an activation stands for two classes, as a
            sigmoid always does.
    """

    explain: Explained = "probability"
    activation: Activation | None = None
    splits_single: bool = False

    def activated(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function with the activation added."""
        added = None if self.activation is None else _ADDED[self.activation]
        return function if added is None else lambda *inputs: added(function(*inputs))


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What a frozen graph ends in.

    Attributes:
        outputs: Number of scores; two for a single value, which says no or yes.
        activation: "softmax", "log softmax" or "sigmoid"; None where it ends otherwise.
        is_binary: Whether its only output says no or yes.
        positions: Number of pixels of which each has scores of its own; None where there is one
            row of scores for the whole image.
        batch: Number of images that it takes at a time; None where that is open.
    """

    outputs: int
    activation: str | None
    is_binary: bool
    positions: int | None
    batch: int | None


def head_of(traced: Traced, reading: Reading) -> Head:
    """Look at the end of a graph.

    Raises:
        ModelError: Its output is no row of scores for each image or pixel, or has no gradient; or
            an activation was added to another.
    """
    [output] = traced.graph.outputs
    _check(output)
    activation = _ACTIVATIONS.get(_last(output).type)
    width = int(output.shape[-1]) if output.shape.rank > 1 else 1
    if reading.activation is not None:
        _check_added(output, reading.activation, width)
    splits = activation == "sigmoid" or (reading.splits_single and activation is None)
    is_binary = width == 1 and splits
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
            "explain: logit: no softmax or sigmoid was found at the end of the network: use "
            "explain: probability, which explains its output as it is, or name the tensor of "
            "the logits with model.output"
        )
    return traced.cut(lambda output: _last(output).inputs[0])


def scores_of(graph: Any, head: Head, explained: Explained) -> Any:
    """Return the function to the scores explained, float32 (N, K), or (N, P, K) for P pixels.

    A binary network's two scores are those of no and yes: 1 - p and p, or -z and z.

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


def _check_added(output: Any, activation: Activation, width: int) -> None:
    before = _ACTIVATIONS.get(_last(_last(output).inputs[0]).type)
    if before is not None:
        raise ModelError(f"model.activation: the network ends in a {before} already: leave it out")
    if activation == "softmax" and width == 1:
        raise ModelError("model.activation: softmax of a single value is always 1: use sigmoid")


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
