"""The affine operations that a network begins with: a straight path needs them only once.

Scaling of pixels, padding, the first convolution and its bias map a straight path to a straight
path, so points can be interpolated after them. What they do to gradients is linear, so the sum of
the gradients is brought back through them instead of each gradient. Exact but for rounding.
First convolutions have few channels and large images: of all layers they make the poorest use of
the machine, above all in their gradient.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from igcli.models.graph.strided_gradient import Phases, only_phases, with_fast_gradients
from igcli.models.runtime import tensorflow

tf = tensorflow()

MAX_EXPANSION = 8
"""Values after the stem for each of the input's; beyond that, sums cost more than is saved."""

_COMPUTING = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
_BINARY = ("Add", "AddV2", "Sub", "Mul")
"""Operations of which either input may be the constant."""
_MOVING = ("Pad", "Identity", "StridedSlice", "ReverseV2")
_AFFINE = (*_COMPUTING, *_BINARY, *_MOVING, "RealDiv", "BiasAdd")


@dataclass(frozen=True, slots=True, eq=False)
class AffineStem:
    """The affine beginning of a network.

    Attributes:
        function: From inputs (N, ...) to what the rest of the network takes.
        offset: Its value for an input of zeros, (1, ...).
        input_shape: Shape of one input.
        phases: Its gradient, if that is the gradient of one strided convolution.
    """

    function: Any
    offset: Any
    input_shape: tuple[int, ...]
    phases: Phases | None = None

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of what the rest of the network takes for one input."""
        return tuple(self.offset.shape[1:])

    def values(self, inputs: Any) -> Any:
        """Return what the rest of the network takes for inputs (N, ...)."""
        return self.function(inputs)[0]

    def changes(self, directions: Any) -> Any:
        """Return how `values` change for changes (N, ...) of the inputs, wherever these are."""
        return self.values(directions) - self.offset

    def gradients(self, upstream: Any) -> Any:
        """Return gradients (N, ...) at the inputs for gradients at `values`; linear in them."""
        any_inputs = tf.zeros([tf.shape(upstream)[0], *self.input_shape])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(any_inputs)
            values = self.values(any_inputs)
        return tape.gradient(values, any_inputs, upstream)

    def maps(self, upstream: Any, factors: Any, line: Any) -> Any:
        """Return the channel means (N, H, W) of gradients times factors.

        Args:
            upstream: Gradients (N, ...) at `values`.
            factors: (S, H, W, C), of S lines.
            line: Int32 (N,), the line of each gradient.
        """
        if self.phases is None:
            return channel_means(tf.gather(factors, line) * self.gradients(upstream))[..., 0]
        # In phases, a third of the values is put in order, and less memory is written.
        products = tf.gather(self.phases.split(factors), line) * self.phases.gradients(upstream)
        return self.phases.join(channel_means(products, self.phases.count))[..., 0]


def channel_means(values: Any, groups: int = 1) -> Any:
    """Return the mean of each of some groups of channels, (N, H, W, groups), of (N, H, W, C)."""
    size = values.shape[3] // groups
    means = np.kron(np.eye(groups), np.full((size, 1), 1 / size))
    # Less than half the time of `tf.reduce_mean`.
    return tf.nn.conv2d(values, tf.constant(means[None, None], tf.float32), 1, "VALID")


def split_stem(
    graph: Any, input_shape: tuple[int, ...], *, is_fused: bool = False
) -> tuple[AffineStem | None, Any]:
    """Return the affine stem of a frozen function of one input, and the rest of the function.

    Args:
        graph: The graph of a `FrozenGraph`, or a part of it.
        input_shape: Shape of one input.
        is_fused: Whether XLA compiles the gradients, which then stay as TensorFlow defines them.

    Returns:
        None and the function itself if it has no stem that is worth splitting off.
    """
    source = graph.inputs[0]
    end = _stem_end(source, {tensor.op.name for tensor in graph.graph.internal_captures})
    # The rest may have to wait for operations that would be cut off.
    has_control_inputs = any(op.control_inputs for op in graph.graph.get_operations())
    if end is None or has_control_inputs:
        return None, graph
    stem = graph.prune([source], [end])
    [offset] = stem(tf.zeros([1, *input_shape]))
    rest = graph.prune([end], graph.outputs)
    if is_fused:
        return AffineStem(stem, offset, input_shape), rest
    stem = with_fast_gradients(stem)
    return AffineStem(stem, offset, input_shape, only_phases(stem)), rest


def _stem_end(source: Any, captured: set[str]) -> Any | None:
    """Return the last tensor that is affine in the input; None if splitting there gains nothing."""
    end, has_product = None, False
    tensor = source
    while len(tensor.consumers()) == 1 and _is_affine(tensor.consumers()[0], tensor, captured):
        op = tensor.consumers()[0]
        tensor = op.outputs[0]
        has_product |= op.type in _COMPUTING
        if has_product and _size(tensor) <= MAX_EXPANSION * _size(source):
            end = tensor
    return end


def _is_affine(op: Any, tensor: Any, captured: set[str]) -> bool:
    others = [other for other in op.inputs if other is not tensor]
    return (
        op.type in _AFFINE
        and len(others) == len(op.inputs) - 1
        and (op.type in _BINARY or op.inputs[0] is tensor)
        and op.outputs[0].shape[:1] == [None]
        and all(_is_fixed(other, captured) for other in others)
    )


def _is_fixed(tensor: Any, captured: set[str]) -> bool:
    """Tell whether a tensor is computed from constants, or from weights taken out of the graph."""
    op = tensor.op
    if op.type == "Const" or (op.name in captured and tensor.dtype.is_floating):
        return True
    is_pure = op.op_def is not None and not op.op_def.is_stateful
    return is_pure and bool(op.inputs) and all(_is_fixed(source, captured) for source in op.inputs)


def _size(tensor: Any) -> float:
    """Return the number of values for one input; infinity if it is unknown."""
    size = tensor.shape[1:].num_elements() if tensor.shape.rank else None
    return float("inf") if size is None else size
