"""What picks elements out, puts them in, or adds them at the edges."""

from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.onnx.node import Node
from igcli.models.onnx.operators import operator
from igcli.models.onnx.values import LARGEST_FOLDED, Value, check_size, constant
from igcli.models.runtime import tensorflow

tf = tensorflow()


@operator("Gather")
def gather(node: Node, x: Value, indices: Value) -> Value:
    """Pick slices along an axis; a negative index counts from the end."""
    x = x.declared()
    axis = node.get("axis", 0) % x.rank
    places = _positive(indices.declared().data, x.shape[axis])
    return node.output(tf.gather(x.data, places, axis=axis))


def _positive(indices: Any, length: Any) -> Any:
    """Return indices counted from the start of axes of one or more lengths."""
    if isinstance(indices, np.ndarray):
        return np.where(indices < 0, indices + length, indices)
    return tf.where(indices < 0, indices + tf.cast(length, indices.dtype), indices)


@operator("GatherElements")
def gather_elements(node: Node, x: Value, indices: Value) -> Value:
    """Pick elements along an axis."""
    axis = node.get("axis", 0) % x.rank
    x = x.declared()
    places = _positive(indices.declared().data, x.shape[axis])
    return node.output(tf.experimental.numpy.take_along_axis(x.data, places, axis))


@operator("GatherND")
def gather_nd(node: Node, x: Value, indices: Value) -> Value:
    """Pick slices by tuples of indices."""
    x = x.declared()
    batch = node.get("batch_dims", 0)
    places = indices.declared().data
    depth = indices.shape[-1]
    places = _positive(places, np.array(x.shape[batch : batch + depth], np.int64))
    return node.output(tf.gather_nd(x.data, places, batch_dims=batch))


@operator("ScatterND")
def scatter_nd(node: Node, x: Value, indices: Value, updates: Value) -> Value:
    """Put slices in by tuples of indices."""
    x = x.declared()
    depth = indices.shape[-1]
    places = _positive(indices.declared().data, np.array(x.shape[:depth], np.int64))
    functions = {
        "none": tf.tensor_scatter_nd_update,
        "add": tf.tensor_scatter_nd_add,
        "max": tf.tensor_scatter_nd_max,
        "min": tf.tensor_scatter_nd_min,
    }
    reduction = node.get("reduction", "none")
    if reduction not in functions:
        raise ModelError(f"{node.where}: reduction {reduction} is not supported")
    return node.output(functions[reduction](x.data, places, updates.declared().data))


@operator("Slice")
def slice_axes(node: Node, x: Value, *inputs: Value | None) -> Value:
    """Cut along axes, forwards or backwards."""
    settings: list[Any] = [
        None if value is None else value.array(node.where).tolist() for value in inputs
    ]
    starts, ends, axes, steps = settings + [None] * (4 - len(settings))
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    parts = [slice(None)] * x.rank
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        parts[x.axis(axis)] = _slice(start, end, step, x.shape[axis % x.rank])
    return node.output(tf.convert_to_tensor(x.data)[tuple(parts)], channels_last=x.channels_last)


def _slice(start: int, end: int, step: int, length: int) -> slice:
    """Return a slice as Python has it; what reaches the end of an axis has no end."""
    first, last, _ = slice(start, end, step).indices(length)
    if step > 0:
        return slice(first or None, None if last >= length else last, step)
    return slice(None if first >= length - 1 else first, None if last < 0 else last, step)


@operator("Pad")
def pad(
    node: Node,
    x: Value,
    pads: Value,
    fill: Value | None = None,
    axes: Value | None = None,
) -> Value:
    """Add elements at the edges, or with negative numbers remove some."""
    declared = pads.array(node.where).tolist()
    count = len(declared) // 2
    places = range(count) if axes is None else [int(axis) for axis in axes.array(node.where)]
    number = 0.0 if fill is None else fill.array(node.where).reshape(())
    tensor, mode = tf.convert_to_tensor(x.data), node.get("mode", "constant")
    widths = [(0, 0)] * x.rank
    for axis, first, last in zip(places, declared[:count], declared[count:], strict=True):
        widths[x.axis(axis)] = (int(first), int(last))
    for axis, (first, last) in enumerate(widths):
        if min(first, last) < 0:
            stop = tensor.shape[axis] + min(last, 0)
            tensor = tf.gather(tensor, np.arange(max(-first, 0), stop), axis=axis)
    widths = [(max(first, 0), max(last, 0)) for first, last in widths]
    if mode == "constant":
        tensor = tf.pad(tensor, widths, constant_values=tf.cast(number, tensor.dtype))
    else:
        for axis, width in enumerate(widths):
            if any(width):
                check_size([tensor.shape[axis] + sum(width)], node.where, limit=LARGEST_FOLDED)
                order = np.pad(np.arange(tensor.shape[axis]), width, mode=mode)
                tensor = tf.gather(tensor, order, axis=axis)
    return node.output(tensor, channels_last=x.channels_last)


@operator("Trilu")
def triangle(node: Node, x: Value, diagonal: Value | None = None) -> Value:
    """Keep a triangle of each matrix, the upper one by default."""
    x = x.declared()
    offset = 0 if diagonal is None else int(diagonal.array(node.where).reshape(()))
    rows, columns = x.shape[-2:]
    ones = np.ones((rows, columns), bool)
    kept = np.triu(ones, offset) if node.get("upper", 1) else np.tril(ones, offset)
    return node.output(tf.where(kept, x.data, tf.zeros_like(x.data)))


@operator("EyeLike")
def identity_matrix(node: Node, x: Value) -> Value:
    """Return ones on a diagonal."""
    dtype = node.dtype("dtype") if node.get("dtype") is not None else x.dtype
    rows, columns = x.shape
    check_size(x.shape, node.where, limit=LARGEST_FOLDED)
    return constant(np.eye(rows, columns, node.get("k", 0), dtype.as_numpy_dtype))


@operator("OneHot")
def one_hot(node: Node, indices: Value, depth: Value, values: Value) -> Value:
    """Mark indices along a new axis."""
    count = int(depth.array(node.where).reshape(-1)[0])
    off, on = values.array(node.where)
    places = _positive(tf.cast(indices.declared().data, tf.int64), count)
    axis = node.get("axis", -1) % (indices.rank + 1)
    return node.output(tf.one_hot(places, count, on, off, axis=axis, dtype=values.dtype))
