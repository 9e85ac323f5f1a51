"""Arithmetic, comparison and logic, element by element."""

from collections.abc import Callable
from typing import Any

import numpy as np

from igcli.models.onnx.node import Node
from igcli.models.onnx.operators import OPERATORS, Operator, elementwise, operator
from igcli.models.onnx.values import Value
from igcli.models.runtime import tensorflow

tf = tensorflow()

UNARY = {
    "Abs": tf.abs,
    "Acos": tf.acos,
    "Acosh": tf.acosh,
    "Asin": tf.asin,
    "Asinh": tf.asinh,
    "Atan": tf.atan,
    "Atanh": tf.atanh,
    "Ceil": tf.math.ceil,
    "Cos": tf.cos,
    "Cosh": tf.cosh,
    "Erf": tf.math.erf,
    "Exp": tf.exp,
    "Floor": tf.floor,
    "Identity": tf.identity,
    "IsNaN": tf.math.is_nan,
    "Log": tf.math.log,
    "Neg": tf.negative,
    "Not": tf.logical_not,
    "Reciprocal": tf.math.reciprocal,
    "Relu": tf.nn.relu,
    "Round": tf.round,
    "Sigmoid": tf.sigmoid,
    "Sign": tf.sign,
    "Sin": tf.sin,
    "Sinh": tf.sinh,
    "Softplus": tf.nn.softplus,
    "Softsign": tf.nn.softsign,
    "Sqrt": tf.sqrt,
    "Tan": tf.tan,
    "Tanh": tf.tanh,
}
BINARY = {
    "Add": tf.add,
    "And": tf.logical_and,
    "Equal": tf.equal,
    "Greater": tf.greater,
    "GreaterOrEqual": tf.greater_equal,
    "Less": tf.less,
    "LessOrEqual": tf.less_equal,
    "Mul": tf.multiply,
    "Or": tf.logical_or,
    "Sub": tf.subtract,
    "Xor": tf.math.logical_xor,
}


def _unary(function: Callable[..., Any]) -> Operator:
    return elementwise(lambda _node, x: function(x))


def _binary(function: Callable[..., Any]) -> Operator:
    return elementwise(lambda _node, x, y: function(x, y))


OPERATORS.update({name: _unary(function) for name, function in UNARY.items()})
OPERATORS.update({name: _binary(function) for name, function in BINARY.items()})


@operator("Div")
@elementwise
def div(_node: Node, x: Any, y: Any) -> Any:
    """Divide; integers are rounded towards zero."""
    x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    return tf.divide(x, y) if x.dtype.is_floating else tf.truncatediv(x, y)


@operator("Mod")
@elementwise
def mod(node: Node, x: Any, y: Any) -> Any:
    """Return the remainder, with the sign of the divisor, or of the dividend with `fmod`."""
    return tf.raw_ops.TruncateMod(x=x, y=y) if node.get("fmod", 0) else tf.math.floormod(x, y)


@operator("Pow")
@elementwise
def power(_node: Node, x: Any, y: Any) -> Any:
    """Raise to a power, which may be of another type."""
    x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    if x.dtype.is_integer and y.dtype.is_floating:
        return tf.cast(tf.pow(tf.cast(x, y.dtype), y), x.dtype)
    exponent = tf.get_static_value(y)
    if exponent is not None and exponent.size == 1:
        # Squares and roots have simpler gradients.
        known = {2.0: tf.square, 0.5: tf.sqrt, 1.0: tf.identity}.get(float(exponent.reshape(())))
        if known is not None and x.dtype.is_floating and y.shape.rank <= x.shape.rank:
            return known(x)
    return tf.pow(x, tf.cast(y, x.dtype))


@operator("Sum", "Max", "Min", "Mean")
@elementwise
def reduce_inputs(node: Node, first: Any, *others: Any) -> Any:
    """Combine any number of inputs."""
    combine = {"Max": tf.maximum, "Min": tf.minimum}.get(node.type, tf.add)
    total = tf.convert_to_tensor(first)
    for other in others:
        total = combine(total, other)
    return total / (1 + len(others)) if node.type == "Mean" else total


@operator("Where")
@elementwise
def where(_node: Node, condition: Any, x: Any, y: Any) -> Any:
    """Choose element by element."""
    return tf.where(condition, x, y)


@operator("IsInf")
@elementwise
def is_infinite(node: Node, x: Any) -> Any:
    """Tell which numbers are infinite, of both signs or of one."""
    is_positive = tf.convert_to_tensor(x) > 0
    detects_positive = bool(node.get("detect_positive", 1))
    detects_negative = bool(node.get("detect_negative", 1))
    has_sign = (is_positive & detects_positive) | (~is_positive & detects_negative)
    return tf.math.is_inf(x) & has_sign


@operator("Clip")
def clip(node: Node, x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    """Limit values."""
    lowest = None if low is None else low.declared().data
    highest = None if high is None else high.declared().data
    tensor = tf.convert_to_tensor(x.data)
    is_relu6 = all(isinstance(bound, np.ndarray) for bound in (lowest, highest))
    if is_relu6 and float(np.asarray(lowest)) == 0 and float(np.asarray(highest)) == 6:
        return node.output(tf.nn.relu6(tensor), channels_last=x.channels_last)
    if lowest is not None:
        tensor = tf.maximum(tensor, tf.cast(lowest, tensor.dtype))
    if highest is not None:
        tensor = tf.minimum(tensor, tf.cast(highest, tensor.dtype))
    return node.output(tensor, channels_last=x.channels_last)


@operator("Cast", "CastLike")
def cast(node: Node, x: Value, like: Value | None = None) -> Value:
    """Change the type of the numbers; 16 bits stay 32."""
    dtype = like.dtype if like is not None else node.dtype("to")
    return node.output(tf.cast(x.data, dtype), channels_last=x.channels_last)
