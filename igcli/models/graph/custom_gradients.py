"""Gradients that a frozen graph cannot keep as they are, or had better not."""

from typing import Any

import numpy as np

from igcli.models.runtime import tensorflow

tf = tensorflow()

_OURS = "IgcliLocalResponseNormalization"


def is_authors(op: Any) -> bool:
    """Tell whether an operation's gradient is Python code of somebody's, other than swish's."""
    return _is_custom(op) and not _is_swish(op)


def is_replaceable(op: Any) -> bool:
    """Tell whether `replace` knows the operation."""
    return op.type == "LRN" or _is_swish(op)


def replace(definition: Any, op: Any) -> None:
    """Put nodes of the same value and gradient in the place of an operation, under its name.

    Args:
        definition: The GraphDef, changed in place.
        op: The operation, in a graph with shapes.
    """
    place = next(each for each in definition.node if each.name == op.name)
    if op.type == "LRN":
        _replace_normalization(definition, place, op)
    else:
        # TensorFlow's own gradient of swish saves memory and refers to what was traced; without it
        # the operations that make up the value are differentiated.
        del place.attr["_gradient_op_type"], place.input[1:], place.attr["T"].list.type[1:]


def normalized(inputs: Any, *, radius: int, bias: float, alpha: float, beta: float) -> Any:
    """Add local response normalisation to a graph as TensorFlow defines it, with a fast gradient.

    y = x s**-beta with s = bias + alpha B x**2, where B is one for channels at most `radius` apart.
    With its gradient 9 ms for (10, 56, 56, 64) and 51 for 192 channels on two cores, TensorFlow's
    own operation 24 and 72 (tests/benchmarks/models.py has whole networks).

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
    with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": _OURS}):
        return tf.identity_n(used)[0]


@tf.RegisterGradient(_OURS)  # type: ignore[untyped-decorator]
def _gradient(op: Any, upstream: Any, *_: Any) -> list[Any]:
    """Return u s**-beta - 2 beta x (alpha B (u x s**(-beta - 1))), all of it through x."""
    _, inputs, power, inverse, band = op.inputs
    inner = upstream * power
    spread = tf.nn.conv2d(inner * inputs * inverse, band, 1, "VALID")
    return [None, inner - inputs * spread, None, None, None]


def _is_custom(op: Any) -> bool:
    if op.type != "IdentityN":
        return False
    try:
        return bool(op.get_attr("_gradient_op_type").startswith(b"CustomGradient"))
    except ValueError:
        return False


def _is_swish(op: Any) -> bool:
    """Tell whether it is the end of `tf.nn.silu`: x sigmoid(beta x)."""
    if not _is_custom(op) or op.inputs[0].op.type != "Mul":
        return False
    features, activation = op.inputs[0].op.inputs
    if activation.op.type != "Sigmoid" or activation.op.inputs[0].op.type != "Mul":
        return False
    return any(each is features for each in activation.op.inputs[0].op.inputs)


def _replace_normalization(definition: Any, place: Any, op: Any) -> None:
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
