"""Products of matrices of few rows, computed as those of a full batch are.

Libraries multiply matrices of fewer than sixteen rows, or what is left of eights, in another order:
a point's gradient had other last bits in a batch of 8 than in one of 24 (the demo, ResNet50V2,
MobileNetV2, EfficientNetB0). Rows of zeros make up for it; convolutions gave the same bits from
two points on, and not with a single one.
"""

from typing import Any

from igcli.models.graph.freeze import function_of
from igcli.models.runtime import tensorflow

tf = tensorflow()

FEWEST = 16
"""Rows from which on multiples of `STRIDE` give the same bits."""

STRIDE = 8


def is_full(rows: int) -> bool:
    """Tell whether a batch needs no rows of zeros."""
    return rows >= FEWEST and not rows % STRIDE


def in_full_rows(graph: Any) -> Any:
    """Return a function whose products of matrices have full rows.

    Args:
        graph: A frozen function, or a part of one.
    """
    definition = graph.graph.as_graph_def()
    outside = {inner.name: outer for outer, inner in graph.graph.captures}
    captured = {id(tensor) for tensor in graph.graph.internal_captures}
    inputs = [tensor for tensor in graph.inputs if id(tensor) not in captured]
    outputs = [tensor.name for tensor in graph.outputs]
    names = {op.name for op in graph.graph.get_operations() if _is_product(op)}
    for node in [node for node in definition.node if node.name in names]:
        _fill(definition, node)
    return function_of(definition, outside, inputs, outputs)


def filled(rows: Any) -> Any:
    """Return a tensor (N, ...) with rows of zeros, so that they are full."""
    count = tf.shape(rows)[0]
    full = tf.maximum(FEWEST, -(-count // STRIDE) * STRIDE)
    ends = [[0, full - count], *[[0, 0]] * (rows.shape.rank - 1)]
    return tf.pad(rows, ends)


def _is_product(op: Any) -> bool:
    """Tell whether an operation multiplies rows of the batch by a matrix."""
    return op.type == "MatMul" and not op.get_attr("transpose_a") and op.inputs[0].shape[0] is None


def _fill(definition: Any, node: Any) -> None:
    """Put rows of zeros before a product, and take them away behind it."""
    name, source = node.name, node.input[0]
    kind = tf.as_dtype(node.attr["T"].type)
    with tf.Graph().as_default() as graph:
        given = tf.compat.v1.placeholder(kind, (None, None))
        product = tf.compat.v1.placeholder(kind, (None, None))
        before = filled(given)
        after = product[: tf.shape(given)[0]]
    known: dict[str, str] = {
        given.op.name: source,
        product.op.name: f"{name}/filled",
        after.op.name: name,
    }

    def renamed(inner: str) -> str:
        return known.get(inner, f"{name}/{inner}")

    node.input[0], node.name = renamed(before.op.name), f"{name}/filled"
    for inner in graph.as_graph_def().node:
        if inner.op == "Placeholder":
            continue
        new = definition.node.add()
        new.CopyFrom(inner)
        new.name = renamed(inner.name)
        new.input[:] = [renamed(each) for each in inner.input]
