"""Custom gradients: those that freezing would break, and a faster one for LRN.

`replace` knows two operations: TensorFlow's swish, whose custom gradient does not survive freezing,
and local response normalization (LRN), whose gradient is slow. All other custom gradients are left
to `freeze`, which keeps the traced function for them.
"""

from typing import Any

import numpy as np

from igcli.models.runtime import tensorflow

tf = tensorflow()

_LRN_GRADIENT = "IgcliLocalResponseNormalization"


def has_authors_gradient(op: Any) -> bool:
    """Tell whether an operation has a custom gradient other than swish's, which is Python code."""
    return _is_custom(op) and not _is_swish(op)


def is_replaceable(op: Any) -> bool:
    """Tell whether `replace` knows the operation."""
    return op.type == "LRN" or _is_swish(op)


def replace(definition: Any, op: Any) -> None:
    """Replace an operation by nodes of the same value and gradient, under its name.

    Args:
        definition: The GraphDef, changed in place.
        op: The operation, in a graph with shapes.
    """
    replaced = next(node for node in definition.node if node.name == op.name)
    if op.type == "LRN":
        _replace_lrn(definition, replaced, op)
    else:
        # TensorFlow's own gradient of swish saves memory and refers to the traced function.
        # Without it, the operations that make up the value are differentiated.
        del replaced.attr["_gradient_op_type"], replaced.input[1:]
        del replaced.attr["T"].list.type[1:]


def local_response_normalization(
    inputs: Any, *, radius: int, bias: float, alpha: float, beta: float
) -> Any:
    """Add local response normalization as TensorFlow defines it, with a fast gradient.

    y = x s**-beta with s = bias + alpha B x**2, where B is one for channels at most `radius` apart.
    With its gradient it takes 9 ms for (10, 56, 56, 64) and 51 ms for 192 channels on two cores;
    TensorFlow's own operation takes 24 and 72 (tests/benchmarks/models.py has whole networks).

    Args:
        inputs: Float32 (N, H, W, C), in the current graph or traced function.
        radius: Number of channels on either side whose squares are summed.
        bias: Added to the sum.
        alpha: Factor of the sum.
        beta: Exponent.

    Returns:
        Float32 (N, H, W, C).

    Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3.
    """
    channel = np.arange(inputs.shape[-1])
    is_near = np.abs(channel[:, None] - channel) <= radius
    band = tf.constant((alpha * is_near)[None, None], tf.float32)
    root = tf.math.rsqrt(bias + tf.nn.conv2d(tf.square(inputs), band, 1, "VALID"))
    # The usual beta is 0.75; roots are faster than a power.
    power = root * tf.sqrt(root) if beta == 0.75 else tf.pow(root, 2 * beta)
    tensors = [inputs * power, inputs, power, tf.square(root), 2 * beta * band]
    with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": _LRN_GRADIENT}):
        return tf.identity_n(tensors)[0]


@tf.RegisterGradient(_LRN_GRADIENT)  # type: ignore[untyped-decorator]
def _lrn_gradient(op: Any, upstream: Any, *_: Any) -> list[Any]:
    """Return u s**-beta - 2 beta x (alpha B (u x s**(-beta - 1))), all of it through x."""
    _, inputs, power, inverse, band = op.inputs
    scaled = upstream * power
    spread = tf.nn.conv2d(scaled * inputs * inverse, band, 1, "VALID")
    return [None, scaled - inputs * spread, None, None, None]


def _is_custom(op: Any) -> bool:
    if op.type != "IdentityN":
        return False
    try:
        return bool(op.get_attr("_gradient_op_type").startswith(b"CustomGradient"))
    except ValueError:
        return False


def _is_swish(op: Any) -> bool:
    """Tell whether an operation is the end of `tf.nn.silu`: x sigmoid(beta x)."""
    if not _is_custom(op) or op.inputs[0].op.type != "Mul":
        return False
    features, activation = op.inputs[0].op.inputs
    if activation.op.type != "Sigmoid" or activation.op.inputs[0].op.type != "Mul":
        return False
    return any(factor is features for factor in activation.op.inputs[0].op.inputs)


def _replace_lrn(definition: Any, replaced: Any, op: Any) -> None:
    prefix = f"{op.name}/"
    with tf.Graph().as_default() as graph:
        inputs = tf.compat.v1.placeholder(tf.float32, op.inputs[0].shape, f"{prefix}input")
        outputs = local_response_normalization(
            inputs,
            radius=op.get_attr("depth_radius"),
            bias=op.get_attr("bias"),
            alpha=op.get_attr("alpha"),
            beta=op.get_attr("beta"),
        )
        tf.identity(outputs, f"{prefix}output")
    source = replaced.input[0]
    definition.node.remove(replaced)
    for node in graph.as_graph_def().node:
        if node.name == inputs.op.name:
            continue
        added = definition.node.add()
        added.CopyFrom(node)
        added.input[:] = [
            source if name == inputs.op.name else _prefixed(prefix, name) for name in node.input
        ]
        added.name = op.name if node.name == f"{prefix}output" else _prefixed(prefix, node.name)


def _prefixed(prefix: str, name: str) -> str:
    return name if name.startswith(prefix) else prefix + name
