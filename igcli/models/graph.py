"""TensorFlow functions as frozen graphs: variables turned into constants, once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# The public converter, tf.lite's, wants a SavedModel on disk.
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from igcli.models.runtime import tensorflow

tf = tensorflow()

Function = Callable[..., Any]

_GRADIENT = "IgcliLocalResponseNormalization"


def freeze(function: Function, signature: Sequence[Any]) -> Any:
    """Return `function` as a graph whose variables are constants, with a fast gradient.

    Args:
        function: Tensors of as many tensors as `signature` has.
        signature: A `tf.TensorSpec` for each input.
    """
    concrete = tf.function(function).get_concrete_function(*signature)
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    return _without_slow_gradients(frozen)


def normalized(inputs: Any, *, radius: int, bias: float, alpha: float, beta: float) -> Any:
    """Add local response normalisation to a graph as TensorFlow defines it, with a fast gradient.

    y = x s**-beta with s = bias + alpha B x**2, where B is one for channels at most `radius` apart.
    The CPU gradient of TensorFlow's own operation is three times as slow.

    Args:
        inputs: Float32 (N, H, W, C), in a graph or a function under way.
        radius: Channels on either side whose squares are summed.
        bias: Added to the sum.
        alpha: Factor of the sum.
        beta: Exponent.

    Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3.
    """
    channel = np.arange(inputs.shape[-1])
    near = np.abs(channel[:, None] - channel) <= radius
    band = tf.constant((alpha * near)[None, None], tf.float32)
    root = tf.math.rsqrt(bias + tf.nn.conv2d(tf.square(inputs), band, 1, "VALID"))
    # Everybody's value is 0.75; a power is slower than roots.
    power = root * tf.sqrt(root) if beta == 0.75 else tf.pow(root, 2 * beta)
    used = [inputs * power, inputs, power, tf.square(root), 2 * beta * band]
    with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": _GRADIENT}):
        return tf.identity_n(used)[0]


@tf.RegisterGradient(_GRADIENT)  # type: ignore[untyped-decorator]
def _gradient(op: Any, upstream: Any, *_: Any) -> list[Any]:
    """Return u s**-beta - 2 beta x (alpha B (u x s**(-beta - 1))), all of it through x."""
    _, inputs, power, inverse, band = op.inputs
    inner = upstream * power
    spread = tf.nn.conv2d(inner * inputs * inverse, band, 1, "VALID")
    return [None, inner - inputs * spread, None, None, None]


def _without_slow_gradients(frozen: Any) -> Any:
    """Return the function with each local response normalisation replaced, if it has any."""
    slow = [op for op in frozen.graph.get_operations() if op.type == "LRN"]
    if not slow:
        return frozen
    definition = frozen.graph.as_graph_def()
    for op in slow:
        _replace(definition, op)
    inputs = [tensor.name for tensor in frozen.inputs]
    outputs = [tensor.name for tensor in frozen.outputs]

    def rebuilt(*tensors: Any) -> Any:
        mapped = dict(zip(inputs, tensors, strict=True))
        return tf.graph_util.import_graph_def(definition, mapped, outputs, name="")

    signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in frozen.inputs]
    return tf.function(rebuilt).get_concrete_function(*signature)


def _replace(definition: Any, op: Any) -> None:
    """Put the nodes of `normalized` in the place of one operation, under its name."""
    prefix = f"{op.name}/"
    with tf.Graph().as_default() as graph:
        given = tf.compat.v1.placeholder(tf.float32, op.inputs[0].shape, f"{prefix}input")
        found = normalized(
            given,
            radius=op.get_attr("depth_radius"),
            bias=op.get_attr("bias"),
            alpha=op.get_attr("alpha"),
            beta=op.get_attr("beta"),
        )
        tf.identity(found, f"{prefix}output")
    place = next(each for each in definition.node if each.name == op.name)
    source = place.input[0]
    definition.node.remove(place)
    for node in graph.as_graph_def().node:
        if node.name == given.op.name:
            continue
        new = definition.node.add()
        new.CopyFrom(node)
        names = [source if name == given.op.name else _within(prefix, name) for name in node.input]
        new.input[:] = names
        new.name = op.name if node.name == f"{prefix}output" else _within(prefix, node.name)


def _within(prefix: str, name: str) -> str:
    return name if name.startswith(prefix) else prefix + name
