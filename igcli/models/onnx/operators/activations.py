"""Activation functions."""

import math
from typing import Any

from igcli.models.onnx.node import Node
from igcli.models.onnx.operators import elementwise, operator
from igcli.models.onnx.values import Value, reshaped, size
from igcli.models.runtime import tensorflow

tf = tensorflow()


@operator("LeakyRelu")
@elementwise
def leaky_relu(node: Node, x: Any) -> Any:
    """Return x, or alpha x below 0."""
    return tf.nn.leaky_relu(x, alpha=node.get("alpha", 0.01))


@operator("PRelu")
@elementwise
def p_relu(_node: Node, x: Any, slope: Any) -> Any:
    """Return x, or a learnt slope times x below 0."""
    return tf.where(tf.less(x, tf.zeros((), x.dtype)), slope * x, x)


@operator("ThresholdedRelu")
@elementwise
def thresholded_relu(node: Node, x: Any) -> Any:
    """Return x above alpha, else 0."""
    return tf.where(x > node.get("alpha", 1.0), x, tf.zeros_like(x))


@operator("Elu")
@elementwise
def elu(node: Node, x: Any) -> Any:
    """Return x, or alpha (exp(x) - 1) below 0."""
    return _exponential(x, node.get("alpha", 1.0))


@operator("Celu")
@elementwise
def celu(node: Node, x: Any) -> Any:
    """Return x, or alpha (exp(x / alpha) - 1) below 0."""
    alpha = node.get("alpha", 1.0)
    return _exponential(x, alpha, alpha)


@operator("Selu")
@elementwise
def selu(node: Node, x: Any) -> Any:
    """Return gamma times Elu."""
    gamma = node.get("gamma", 1.05070102214813232421875)
    return gamma * _exponential(x, node.get("alpha", 1.67326319217681884765625))


def _exponential(x: Any, alpha: float, scale: float = 1.0) -> Any:
    """Return x, or alpha (exp(x / scale) - 1) below 0."""
    exponent = tf.minimum(x, 0.0)
    return tf.where(x > 0, x, alpha * tf.math.expm1(exponent if scale == 1 else exponent / scale))


@operator("HardSigmoid")
@elementwise
def hard_sigmoid(node: Node, x: Any) -> Any:
    """Return alpha x + beta, limited to 0...1."""
    line = node.get("alpha", 0.2) * x + node.get("beta", 0.5)
    return tf.clip_by_value(line, 0.0, 1.0)


@operator("HardSwish")
@elementwise
def hard_swish(_node: Node, x: Any) -> Any:
    """Return x times (x / 6 + 1 / 2), the second factor limited to 0...1."""
    return x * tf.nn.relu6(x + 3.0) * (1 / 6)


@operator("Mish")
@elementwise
def mish(_node: Node, x: Any) -> Any:
    """Return x tanh(softplus(x))."""
    return x * tf.tanh(tf.nn.softplus(x))


@operator("Swish")
@elementwise
def swish(node: Node, x: Any) -> Any:
    """Return x sigmoid(alpha x)."""
    return x * tf.sigmoid(node.get("alpha", 1.0) * x)


@operator("Gelu")
@elementwise
def gelu(node: Node, x: Any) -> Any:
    """Return x times the normal distribution function of x, or its approximation by tanh."""
    if node.get("approximate", "none") == "tanh":
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * tf.pow(x, 3))
        return 0.5 * x * (1 + tf.tanh(inner))
    return 0.5 * x * (1 + tf.math.erf(x / math.sqrt(2)))


@operator("Softmax", "LogSoftmax")
def softmax(node: Node, x: Value) -> Value:
    """Normalize along an axis; up to opset 12 along all axes from it on."""
    function = tf.nn.softmax if node.type == "Softmax" else tf.nn.log_softmax
    if node.opset >= 13 or x.rank <= 2:
        axis = x.axis(node.get("axis", -1 if node.opset >= 13 else 1))
        return node.output(function(x.data, axis=axis), channels_last=x.channels_last)
    x = x.declared()
    axis = node.get("axis", 1) % x.rank
    if size(x.shape[axis:]) == x.shape[-1]:
        # The axes between are of one element.
        return node.output(function(x.data, axis=-1))
    if size(x.shape[axis:]) == x.shape[axis]:
        return node.output(function(x.data, axis=axis))
    rows = reshaped(x.data, [size(x.shape[:axis]), size(x.shape[axis:])])
    return node.output(reshaped(function(rows), x.shape))
