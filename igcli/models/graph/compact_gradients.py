"""Gradients that keep little of the way forward, where most of a batch's memory goes.

TensorFlow keeps the output of each ReLU for its gradient, which asks of every value only whether it
is positive: here a mask of one byte a value is kept. And it keeps input and output of each pooling,
even if windows of a single pixel leave no choice (the shortcuts of ResNet50V2). Gradients are those
of TensorFlow, bit for bit. In float32, a batch of 24 of ResNet50V2 takes 0.43 GB instead of 1.06,
two at a time 0.88 instead of 2.2, at 98% of the speed.
"""

from typing import Any

from igcli.models.graph.freeze import with_definition
from igcli.models.runtime import tensorflow

tf = tensorflow()

MIN_VALUES = 1 << 14
"""Values of one image, 64 kB, from which on a ReLU's output is worth two more operations."""

_MASKED_GRADIENT = "IgcliMaskedRelu"
_PASSING_GRADIENT = "IgcliPassing"
_PIXELS_GRADIENT = "IgcliPooledPixels"

_LINEAR = (
    *("Add", "AddN", "AddV2", "BiasAdd", "Sub"),
    *("Conv2D", "DepthwiseConv2dNative", "MatMul"),
    *("AvgPool", "ConcatV2", "Mean", "Pad"),
)
"""Operations whose gradient does not need what goes in."""

_SAME_VALUES = ("ExpandDims", "Identity", "Reshape", "Squeeze")
"""Operations that pass the same memory on."""


def with_compact_gradients(graph: Any) -> Any:
    """Return a concrete function whose ReLUs and pooled pixels keep less for their gradients.

    Args:
        graph: A frozen concrete function, or a part of one.
    """
    operations = graph.graph.get_operations()
    relus = {op.name for op in operations if _is_worth_masking(op)}
    pools = {op.name for op in operations if _picks_pixels(op)}
    if not relus and not pools:
        return graph
    definition = graph.graph.as_graph_def()
    for node in [node for node in definition.node if node.name in relus | pools]:
        if node.name in relus:
            _mask(definition, node)
        else:
            node.attr["_gradient_op_type"].s = _PIXELS_GRADIENT.encode()
    return with_definition(graph, definition)


def _is_worth_masking(op: Any) -> bool:
    """Tell whether an operation is a ReLU of many values that nothing else keeps."""
    if op.type != "Relu" or op.outputs[0].dtype != tf.float32 or op.outputs[0].shape.rank is None:
        return False
    values = op.outputs[0].shape[1:].num_elements()
    return values is not None and values >= MIN_VALUES and not _is_kept(op.outputs[0])


def _is_kept(tensor: Any) -> bool:
    """Tell whether the gradient of an operation that takes a tensor needs its values."""
    return any(
        _is_kept(op.outputs[0])
        if op.type in _SAME_VALUES
        else op.type not in _LINEAR and not _picks_pixels(op)
        for op in tensor.consumers()
    )


def _picks_pixels(op: Any) -> bool:
    """Tell whether an operation is max-pooling whose windows are single pixels."""
    return (
        op.type == "MaxPool"
        and list(op.get_attr("ksize")) == [1] * 4
        and op.get_attr("data_format") == b"NHWC"
        and op.get_attr("padding") != b"EXPLICIT"
        and op.inputs[0].shape.rank == 4
        and None not in op.inputs[0].shape[1:]
    )


def _mask(definition: Any, node: Any) -> None:
    """Let a ReLU's gradient use a mask.

    The mask and the value leave together: with two batches at a time, a mask that nothing waits for
    is computed late, and the value is kept until then.
    """
    name, dtype = node.name, node.attr["T"].type
    zero = definition.node.add(name=f"{name}/zero", op="Const")
    zero.attr["dtype"].type = dtype
    zero.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(0.0, tf.as_dtype(dtype)))
    # A ReLU in its own right still fuses with the convolution before it.
    value = definition.node.add(name=f"{name}/value", op="Relu", input=node.input)
    value.attr["T"].type = dtype
    value.attr["_gradient_op_type"].s = _PASSING_GRADIENT.encode()
    mask = definition.node.add(name=f"{name}/mask", op="Greater", input=[value.name, zero.name])
    mask.attr["T"].type = dtype
    node.op, node.input[:] = "IdentityN", [value.name, mask.name]
    del node.attr["T"]
    node.attr["T"].list.type[:] = [dtype, tf.bool.as_datatype_enum]
    node.attr["_gradient_op_type"].s = _MASKED_GRADIENT.encode()


@tf.RegisterGradient(_MASKED_GRADIENT)  # type: ignore[untyped-decorator]
def _masked_gradient(op: Any, upstream: Any, _: Any) -> list[Any]:
    """Pass the gradient on where the value is positive, by the product that TensorFlow uses."""
    with tf.control_dependencies([upstream]):  # Otherwise it runs on the way forward, and is kept.
        factors = tf.cast(op.outputs[1], upstream.dtype)
    return [upstream * factors, None]


@tf.RegisterGradient(_PASSING_GRADIENT)  # type: ignore[untyped-decorator]
def _passing_gradient(_op: Any, upstream: Any) -> Any:
    """Pass the gradient on: it was masked before."""
    return upstream


@tf.RegisterGradient(_PIXELS_GRADIENT)  # type: ignore[untyped-decorator]
def _pixels_gradient(op: Any, upstream: Any) -> Any:
    """Return each gradient at the pixel that was picked, and zeros between them.

    `StridedSlice` and its gradient would do without this, but take 15 and 9 times as long.
    """
    rows, columns = op.get_attr("strides")[1:3]
    height, width, channels = op.inputs[0].shape[1:]
    zeros = [[0, 0], [0, 0], [0, rows - 1], [0, 0], [0, columns - 1], [0, 0]]
    spread = tf.pad(upstream[:, :, None, :, None], zeros)
    picked_rows, picked_columns = op.outputs[0].shape[1:3]
    whole = tf.reshape(spread, [-1, picked_rows * rows, picked_columns * columns, channels])
    return whole[:, :height, :width]
