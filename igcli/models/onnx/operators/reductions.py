"""Sums, means and the like along axes."""

from typing import Any

import numpy as np

from igcli.models.onnx.node import Node
from igcli.models.onnx.operators import OPERATORS, operator
from igcli.models.onnx.values import Value, first_axes
from igcli.models.runtime import tensorflow

tf = tensorflow()


def _norm1(tensor: Any, axes: Any, keepdims: bool) -> Any:
    return tf.reduce_sum(tf.abs(tensor), axes, keepdims=keepdims)


def _norm2(tensor: Any, axes: Any, keepdims: bool) -> Any:
    return tf.sqrt(_square_sum(tensor, axes, keepdims))


def _log_sum(tensor: Any, axes: Any, keepdims: bool) -> Any:
    return tf.math.log(tf.reduce_sum(tensor, axes, keepdims=keepdims))


def _square_sum(tensor: Any, axes: Any, keepdims: bool) -> Any:
    return tf.reduce_sum(tf.square(tensor), axes, keepdims=keepdims)


REDUCTIONS: dict[str, Any] = {
    "ReduceL1": _norm1,
    "ReduceL2": _norm2,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": tf.reduce_logsumexp,
    "ReduceMax": tf.reduce_max,
    "ReduceMean": tf.reduce_mean,
    "ReduceMin": tf.reduce_min,
    "ReduceProd": tf.reduce_prod,
    "ReduceSum": tf.reduce_sum,
    "ReduceSumSquare": _square_sum,
}


def reduce(node: Node, x: Value, axes: Value | None = None) -> Value:
    """Reduce along axes: an attribute or, in later opsets, an input; all where there are none."""
    declared = node.get("axes") if axes is None else axes.array(node.where).tolist()
    keeps = bool(node.get("keepdims", 1))
    if not declared:
        if node.get("noop_with_empty_axes", 0):
            return node.output(_alone(node, x), channels_last=x.channels_last)
        declared = range(x.rank)
    declared = sorted(axis % x.rank for axis in declared)
    tensor = tf.convert_to_tensor(x.data)
    if tensor.dtype == tf.bool:
        tensor = tf.cast(tensor, tf.int8)
    places = sorted(x.axis(axis) for axis in declared)
    reduced = REDUCTIONS[node.type](tensor, places, keepdims=keeps)
    if x.dtype == tf.bool:
        reduced = tf.cast(reduced, tf.bool)
    if keeps or not x.channels_last:
        return node.output(reduced, channels_last=x.channels_last)
    # What stays of the axes lies in another order than declared.
    rest = [axis for axis in range(x.rank) if axis not in places]
    order = [axis for axis in first_axes(x.rank) if axis in rest]
    if order != rest:
        reduced = tf.transpose(reduced, [rest.index(axis) for axis in order])
    return node.output(reduced)


def _alone(node: Node, x: Value) -> Any:
    """Return what a reduction along no axis gives."""
    tensor = tf.convert_to_tensor(x.data)
    if node.type in ("ReduceL1", "ReduceL2"):
        return tf.abs(tensor)
    if node.type == "ReduceSumSquare":
        return tf.square(tensor)
    if node.type == "ReduceLogSum":
        return tf.math.log(tensor)
    return tf.identity(tensor)


OPERATORS.update(dict.fromkeys(REDUCTIONS, reduce))


@operator("ArgMax", "ArgMin")
def arg_extreme(node: Node, x: Value) -> Value:
    """Return where the extreme lies along an axis; there is no gradient."""
    x = x.declared()
    axis = node.get("axis", 0) % x.rank
    function = tf.argmax if node.type == "ArgMax" else tf.argmin
    if node.get("select_last_index", 0):
        last = tf.reverse(x.data, [axis])
        index = x.shape[axis] - 1 - function(last, axis, output_type=tf.int64)
    else:
        index = function(x.data, axis, output_type=tf.int64)
    return node.output(tf.expand_dims(index, axis) if node.get("keepdims", 1) else index)


@operator("CumSum")
def cumulative_sum(node: Node, x: Value, axis: Value) -> Value:
    """Sum up along an axis."""
    place = x.axis(int(np.asarray(axis.array(node.where)).reshape(())))
    tensor = tf.cumsum(
        x.data,
        place,
        exclusive=bool(node.get("exclusive", 0)),
        reverse=bool(node.get("reverse", 0)),
    )
    return node.output(tensor, channels_last=x.channels_last)
