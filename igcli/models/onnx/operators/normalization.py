"""Normalization, as at inference."""

from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.onnx.node import Node
from igcli.models.onnx.operators import operator
from igcli.models.onnx.values import Value, holds_batch
from igcli.models.runtime import tensorflow

tf = tensorflow()


@operator("BatchNormalization")
def batch_normalization(
    node: Node, x: Value, scale: Value, bias: Value, mean: Value, variance: Value
) -> Value | tuple[Value, ...]:
    """Scale and shift each channel by what training kept of it (Ioffe and Szegedy, 2015).

    In training mode, in which exporters write the standardization of weights, by its own mean and
    variance. Before opset 14, further outputs say that a node is in training mode.
    """
    is_training = node.get("training_mode", node.opset < 14 and any(node.outputs[1:]))
    x = x.last()
    offset, factor, center, spread = (
        part.declared().data for part in (bias, scale, mean, variance)
    )
    further = []
    if is_training:
        if holds_batch(x.shape):
            raise ModelError(f"{node.where} is in training mode: export the network for inference")
        own = tf.nn.moments(tf.convert_to_tensor(x.data), list(range(max(x.rank - 1, 1))))
        momentum = node.get("momentum", 0.9)
        further = [
            node.output(kept * momentum + new * (1 - momentum), index=index)
            for index, (kept, new) in enumerate(zip((center, spread), own, strict=True), 1)
        ]
        center, spread = own
    # As Keras writes it, so that it is folded, and that models check knows it.
    tensor = tf.nn.batch_normalization(
        x.data, center, spread, offset, factor, node.get("epsilon", 1e-5)
    )
    return node.output(tensor, channels_last=x.channels_last), *further


@operator("InstanceNormalization")
def instance_normalization(node: Node, x: Value, scale: Value, bias: Value) -> Value:
    """Normalize each channel of each image (Ulyanov et al., 2016)."""
    x = x.last()
    axes = list(range(1, x.rank - 1))
    tensor = _standardized(x.data, axes, node.get("epsilon", 1e-5))
    return node.output(
        tensor * scale.declared().data + bias.declared().data, channels_last=x.channels_last
    )


@operator("LayerNormalization")
def layer_normalization(
    node: Node, x: Value, scale: Value, bias: Value | None = None
) -> Value | tuple[Value, ...]:
    """Normalize over the last axes, from `axis` on (Ba et al., 2016)."""
    x = x.declared()
    axes = list(range(node.get("axis", -1) % x.rank, x.rank))
    mean = tf.reduce_mean(x.data, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(x.data - mean), axes, keepdims=True)
    inverse = tf.math.rsqrt(variance + node.get("epsilon", 1e-5))
    tensor = (x.data - mean) * inverse * scale.declared().data
    result = node.output(tensor if bias is None else tensor + bias.declared().data)
    if len(node.outputs) == 1:
        return result
    return result, node.output(mean, index=1), node.output(inverse, index=2)


@operator("RMSNormalization")
def rms_normalization(node: Node, x: Value, scale: Value) -> Value:
    """Divide by the root of the mean square over the last axes (Zhang and Sennrich, 2019)."""
    x = x.declared()
    axes = list(range(node.get("axis", -1) % x.rank, x.rank))
    squares = tf.reduce_mean(tf.square(x.data), axes, keepdims=True)
    return node.output(
        x.data * tf.math.rsqrt(squares + node.get("epsilon", 1e-5)) * scale.declared().data
    )


@operator("GroupNormalization")
def group_normalization(node: Node, x: Value, scale: Value, bias: Value) -> Value:
    """Normalize groups of channels of each image (Wu and He, 2018).

    Scale and bias are of the groups up to opset 20, and of the channels from 21 on.
    """
    x = x.last()
    groups = node.get("num_groups")
    *sides, channels = x.data.shape[1:]
    grouped = tf.reshape(x.data, [-1, *sides, groups, channels // groups])
    axes = [*range(1, len(sides) + 1), len(sides) + 2]
    tensor = _standardized(grouped, axes, node.get("epsilon", 1e-5))
    factor, offset = scale.declared().data, bias.declared().data
    if scale.shape[0] != channels:
        factor, offset = (np.repeat(part, channels // groups) for part in (factor, offset))
    tensor = tf.reshape(tensor, [-1, *sides, channels])
    return node.output(tensor * factor + offset, channels_last=True)


@operator("LRN")
def local_response_normalization(node: Node, x: Value) -> Value:
    """Divide by the energy of neighbouring channels (Krizhevsky et al., 2012)."""
    x = x.last()
    size = node.get("size")
    before = (size - 1) // 2
    squares = tf.square(x.data)
    pads = [(0, 0)] * (x.rank - 1) + [(before, size - 1 - before)]
    padded = tf.pad(squares, pads)
    channels = x.data.shape[-1]
    energy = sum(padded[..., start : start + channels] for start in range(size))
    base = node.get("bias", 1.0) + node.get("alpha", 1e-4) / size * energy
    return node.output(x.data * base ** (-node.get("beta", 0.75)), channels_last=x.channels_last)


@operator("LpNormalization")
def lp_normalization(node: Node, x: Value) -> Value:
    """Divide by the norm along an axis; a norm of zero gives zeros."""
    axis = x.axis(node.get("axis", -1))
    power = node.get("p", 2)
    if power == 1:
        norm = tf.reduce_sum(tf.abs(x.data), axis, keepdims=True)
    else:
        norm = tf.norm(x.data, axis=axis, keepdims=True)
    return node.output(tf.math.divide_no_nan(x.data, norm), channels_last=x.channels_last)


@operator("MeanVarianceNormalization")
def mean_variance_normalization(node: Node, x: Value) -> Value:
    """Normalize over axes, by default over images, height and width."""
    x = x.declared()
    return node.output(_standardized(x.data, list(node.get("axes", [0, 2, 3])), 1e-9))


def _standardized(tensor: Any, axes: list[int], epsilon: float) -> Any:
    mean = tf.reduce_mean(tensor, axes, keepdims=True)
    centered = tensor - mean
    variance = tf.reduce_mean(tf.square(centered), axes, keepdims=True)
    return centered * tf.math.rsqrt(variance + epsilon)


@operator("Dropout")
def dropout(node: Node, x: Value, *settings: Value | None) -> Value | tuple[Value, ...]:
    """Do nothing, as at inference."""
    is_training = settings[1] if len(settings) > 1 else None
    if is_training is not None and bool(is_training.array(node.where)):
        raise ModelError(f"{node.where} is in training mode: export the network for inference")
    same = node.output(tf.convert_to_tensor(x.data), channels_last=x.channels_last)
    if len(node.outputs) == 1:
        return same
    mask = tf.ones_like(x.data, tf.bool)
    return same, node.output(mask, channels_last=x.channels_last, index=1)
