"""The affine operations that a network begins with, which a straight path needs but once.

Scaling of pixels, padding, the first convolution and its bias map a straight path to a straight
path, so that its points can be taken behind them; and since what they do to gradients is linear,
one sum of gradients is brought back through them instead of each gradient. Exact but for rounding.
First convolutions have few channels and large images: of all layers they reach the smallest part
of the machine's speed, above all in their gradient.
"""

from dataclasses import dataclass
from typing import Any

from igcli.models.runtime import tensorflow

tf = tensorflow()

LARGEST = 8
"""Values for each of the input's from which on more time is lost with sums than won."""

_COMPUTING = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
_ALIKE = ("Add", "AddV2", "Sub", "Mul")
"""Operations whose inputs may change places."""
_MOVED = ("Pad", "Identity", "StridedSlice", "ReverseV2")
_AFFINE = (*_COMPUTING, *_ALIKE, *_MOVED, "RealDiv", "BiasAdd")


@dataclass(frozen=True, slots=True, eq=False)
class Stem:
    """The beginning of a network.

    Attributes:
        function: From inputs (N, ...) to what the rest of the network is given.
        offset: What it gives for an input of zeros, (1, ...).
        input_shape: Of one input.
    """

    function: Any
    offset: Any
    input_shape: tuple[int, ...]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of what the rest is given for one input."""
        return tuple(self.offset.shape[1:])

    def values(self, inputs: Any) -> Any:
        """Return what the rest is given for inputs (N, ...)."""
        return self.function(inputs)[0]

    def changes(self, directions: Any) -> Any:
        """Return how `values` change with changes (N, ...) of the inputs, wherever these are."""
        return self.values(directions) - self.offset

    def gradients(self, upstream: Any) -> Any:
        """Return the gradients (N, ...) at the inputs of gradients at `values`; linear in them."""
        anywhere = tf.zeros([tf.shape(upstream)[0], *self.input_shape])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(anywhere)
            values = self.values(anywhere)
        return tape.gradient(values, anywhere, upstream)


def split(graph: Any, input_shape: tuple[int, ...]) -> tuple[Stem | None, Any]:
    """Return the beginning of a frozen function of one input, and the function that is left.

    Args:
        graph: A function that `freeze` returned, or a part of it.
        input_shape: Shape of one input.

    Returns:
        None and the function itself where it begins with nothing of the kind.
    """
    source = graph.inputs[0]
    end = _end(source, {tensor.op.name for tensor in graph.graph.internal_captures})
    # What is left may have to wait for what is cut off.
    ordered = any(op.control_inputs for op in graph.graph.get_operations())
    if end is None or ordered:
        return None, graph
    beginning = graph.prune([source], [end])
    [offset] = beginning(tf.zeros([1, *input_shape]))
    return Stem(beginning, offset, input_shape), graph.prune([end], graph.outputs)


def _end(source: Any, captured: set[str]) -> Any | None:
    """Return the last tensor that is affine in the input; None where nothing is gained by it."""
    found, computes = None, False
    tensor = source
    while len(tensor.consumers()) == 1 and _is_affine(tensor.consumers()[0], tensor, captured):
        op = tensor.consumers()[0]
        tensor = op.outputs[0]
        computes |= op.type in _COMPUTING
        if computes and _size(tensor) <= LARGEST * _size(source):
            found = tensor
    return found


def _is_affine(op: Any, tensor: Any, captured: set[str]) -> bool:
    others = [each for each in op.inputs if each is not tensor]
    return (
        op.type in _AFFINE
        and len(others) == len(op.inputs) - 1
        and (op.type in _ALIKE or op.inputs[0] is tensor)
        and op.outputs[0].shape[:1] == [None]
        and all(_is_fixed(each, captured) for each in others)
    )


def _is_fixed(tensor: Any, captured: set[str]) -> bool:
    """Tell whether a tensor is computed of constants, or of weights taken out of the graph."""
    op = tensor.op
    if op.type == "Const" or (op.name in captured and tensor.dtype.is_floating):
        return True
    pure = op.op_def is not None and not op.op_def.is_stateful
    return pure and bool(op.inputs) and all(_is_fixed(each, captured) for each in op.inputs)


def _size(tensor: Any) -> float:
    """Return the number of values of one input; endless where it is not known."""
    size = tensor.shape[1:].num_elements() if tensor.shape.rank else None
    return float("inf") if size is None else size
