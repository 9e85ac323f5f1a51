"""The end of a network: which scores it gives, and the value before its last activation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from igcli.errors import ModelError
from igcli.models.graph import Traced
from igcli.models.options import Explained
from igcli.models.runtime import tensorflow

tf = tensorflow()

_ACTIVATIONS = {"Softmax": "softmax", "LogSoftmax": "log softmax", "Sigmoid": "sigmoid"}
Activation = Literal["softmax", "sigmoid"]

_PASSED = ("Identity", "Reshape", "Squeeze", "Cast")
"""Operations after the activation that change no value."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What a frozen graph ends in.

    Attributes:
        outputs: Number of scores; two for one output that says no or yes.
        activation: "softmax", "log softmax" or "sigmoid"; None where it ends otherwise.
        is_binary: Whether its only output stands for two classes.
    """

    outputs: int
    activation: str | None
    is_binary: bool


def activated(function: Callable[..., Any], activation: Activation) -> Callable[..., Any]:
    """Return a function whose outputs go through an activation, softmax over the last axis."""
    last = tf.nn.softmax if activation == "softmax" else tf.sigmoid
    return lambda *inputs: last(function(*inputs))


def head_of(traced: Traced, *, binary: bool | None = None) -> Head:
    """Look at the end of a graph.

    Args:
        traced: The graph.
        binary: Whether a single output stands for two classes; None: if it is a sigmoid.

    Raises:
        ModelError: Its output is no row of scores for each image, or has no gradient.
    """
    [output] = traced.graph.outputs
    _check(output)
    activation = _ACTIVATIONS.get(_last(output).type)
    width = _width(output)
    is_binary = width == 1 and (activation == "sigmoid" if binary is None else binary)
    return Head(2 if is_binary else width, activation, is_binary)


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
    """Return the function to the scores explained, float32 (N, K).

    A binary network's two scores are those of no and yes: 1 - p and p of a sigmoid, else -z and z.

    Args:
        graph: What `explained_part` returned, or the end of it.
        head: The network's.
        explained: What `graph` ends in.
    """
    width = 1 if head.is_binary else head.outputs

    def scores(*inputs: Any) -> Any:
        rows = tf.cast(tf.reshape(graph(*inputs)[0], [-1, width]), tf.float32)
        if not head.is_binary:
            return rows
        is_probability = head.activation == "sigmoid" and explained == "probability"
        return tf.concat([1 - rows if is_probability else -rows, rows], 1)

    return scores


def _check(output: Any) -> None:
    if not output.dtype.is_floating:
        raise ModelError(
            f"model: its output is {output.dtype.name} (from {_last(output).type}), through which "
            "there is no gradient: choose the scores before it with model.output, or save the "
            "network without that step"
        )
    shape = output.shape
    if shape.rank is None or shape.rank == 0 or _width(output) is None:
        raise ModelError(f"model: the output has shape {_shown(shape)}, expected (images, classes)")
    if shape[0] is not None:
        raise ModelError(
            f"model: the network takes exactly {shape[0]} image(s) at a time: save it with an open "
            "batch dimension (None), so that many points of a path are computed at once"
        )


def _width(output: Any) -> Any:
    """Return the number of scores of each image, None where the output is no row of them."""
    if output.shape.rank == 1:
        return 1
    if any(side != 1 for side in output.shape[1:-1]):
        return None
    return output.shape[-1]


def _last(output: Any) -> Any:
    """Return the last operation that changes a value."""
    op = output.op
    while op.type in _PASSED:
        op = op.inputs[0].op
    return op


def _shown(shape: Any) -> str:
    return str(tuple(shape)) if shape.rank is not None else "unknown"
