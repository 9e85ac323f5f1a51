"""The end of a network: its scores, and the value before its last activation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.graph.freeze import FrozenGraph, freeze
from igcli.models.options import Activation, Explained
from igcli.models.runtime import tensorflow
from igcli.options import setting

tf = tensorflow()

_ACTIVATIONS = {"Softmax": "softmax", "LogSoftmax": "log softmax", "Sigmoid": "sigmoid"}
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {"softmax": tf.nn.softmax, "sigmoid": tf.nn.sigmoid}
_NEUTRAL = ("Identity", "Reshape", "Squeeze", "Cast", "EnsureShape")
"""Operations after the activation that change no value."""


@dataclass(frozen=True, slots=True)
class HeadOptions:
    """How the output of a network becomes scores.

    Attributes:
        explain: Explain the output itself, or the value before its softmax or sigmoid.
        activation: The activation that the output must end in, added if it is missing.
        binary: Whether a single output stands for two classes; None: if it is a sigmoid.
    """

    explain: Explained = "probability"
    activation: Activation | None = None
    binary: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The end of a frozen graph.

    Attributes:
        outputs: Number of scores; two for a single output that stands for no and yes.
        activation: "softmax", "log softmax" or "sigmoid"; None if it ends otherwise.
        is_binary: Whether the single output stands for two classes.
        positions: Number of pixels if each has scores of its own; None if there is one row of
            scores for the whole image.
        batch: Number of images that it takes at a time; None if that is open.
    """

    outputs: int
    activation: str | None
    is_binary: bool
    positions: int | None
    batch: int | None


def freeze_with_head(
    function: Callable[..., Any],
    input_shape: tuple[int, ...],
    options: HeadOptions,
    *,
    fold: bool = True,
) -> tuple[FrozenGraph, Head]:
    """Freeze a function of inputs (N, ...), add a missing activation, and describe its end.

    Args:
        function: The function.
        input_shape: Shape of one input.
        options: How its output becomes scores.
        fold: As for `freeze`.

    Raises:
        ModelError: The output is not a row of scores for each image or pixel, has no gradient, or
            the activation does not fit it.
    """
    frozen = freeze(function, [tf.TensorSpec((None, *input_shape), tf.float32)], fold=fold)
    head = _head_of(frozen, options.binary)
    if options.activation not in (None, head.activation):
        _check_activation(options.activation, head)
        activate, bare = _FUNCTIONS[options.activation], function
        function = lambda *inputs: activate(bare(*inputs))  # noqa: E731
        frozen = freeze(function, [tf.TensorSpec((None, *input_shape), tf.float32)], fold=fold)
        head = _head_of(frozen, options.binary)
    if head.batch is not None:  # The function fixes it somewhere inside.
        spec = tf.TensorSpec((head.batch, *input_shape), tf.float32)
        frozen = freeze(function, [spec], fold=fold)
    return frozen, head


def explained_graph(frozen: FrozenGraph, head: Head, explain: Explained) -> Any:
    """Return the concrete function that ends in the explained values.

    Raises:
        ModelError: `explain` is "logit", and the graph does not end in a softmax or sigmoid.
    """
    if explain == "probability":
        return frozen.graph
    if head.activation is None:
        raise ModelError(
            "explain: logit: the network does not end in a softmax or sigmoid: leave explain out "
            "to explain its output itself (the logits, if it ends in them), or name the tensor of "
            f"the logits with {setting('model.output')}"
        )
    return frozen.ending_at(lambda output: explained_tensor(output, explain))


def explained_tensor(output: Any, explain: Explained) -> Any:
    """Return the tensor of the explained values, given the output of a graph with activation."""
    return output if explain == "probability" else _last_operation(output).inputs[0]


def scores_function(graph: Any, head: Head, explain: Explained) -> Callable[..., Any]:
    """Return the function to the explained scores, float32 (N, K), or (N, P, K) for P pixels.

    A binary network's two scores are those of no and yes: 1 - p and p of a sigmoid, else -z and z.

    Args:
        graph: What `explained_graph` returned, or the end of it.
        head: The network's end.
        explain: What `graph` ends in.
    """
    width = 1 if head.is_binary else head.outputs
    shape = [-1, width] if head.positions is None else [-1, head.positions, width]
    is_probability = head.activation == "sigmoid" and explain == "probability"

    def scores(*inputs: Any) -> Any:
        rows = tf.cast(tf.reshape(graph(*inputs)[0], shape), tf.float32)
        if not head.is_binary:
            return rows
        return tf.concat([1 - rows if is_probability else -rows, rows], -1)

    return scores


def _head_of(frozen: FrozenGraph, binary: bool | None) -> Head:
    [output] = frozen.graph.outputs
    _check_output(output)
    activation = _ACTIVATIONS.get(_last_operation(output).type)
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


def _check_activation(activation: Activation, head: Head) -> None:
    if head.activation is not None:
        raise ModelError(
            f"activation: the network already ends in {head.activation}, so {activation} cannot be "
            "added: leave it out"
        )
    if activation == "softmax" and (head.outputs == 1 or head.is_binary):
        raise ModelError("activation: softmax of a single output is always 1: use sigmoid")


def _check_output(output: Any) -> None:
    if not output.dtype.is_floating:
        raise ModelError(
            f"model: its output is {output.dtype.name} (from {_last_operation(output).type}) and "
            f"has no gradient: choose the scores before it with {setting('model.output')}, or save "
            "the network without that step"
        )
    shape = output.shape
    if not shape.rank or None in shape[1:]:
        raise ModelError(
            f"model: the output has shape {_shape_text(shape)}, expected (images, classes), or "
            "(images, height, width, classes) for segmentation"
        )


def _last_operation(output: Any) -> Any:
    """Return the last operation that changes a value."""
    op = output.op
    while op.type in _NEUTRAL:
        op = op.inputs[0].op
    return op


def _shape_text(shape: Any) -> str:
    return str(tuple(shape)) if shape.rank is not None else "unknown"
