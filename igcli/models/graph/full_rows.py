"""Matrix products of a few rows, computed bit for bit like those of a full batch.

Libraries multiply matrices of fewer than sixteen rows, or the rows beyond a multiple of eight, in
another order: a point's gradient had other last bits in a batch of 8 than in one of 24 (the demo
network, ResNet50V2, MobileNetV2, EfficientNetB0). Rows of zeros prevent that. Convolutions gave the
same bits from two points on, but not for a single one.
"""

from typing import Any

from igcli.models.graph.freeze import with_definition
from igcli.models.runtime import tensorflow

tf = tensorflow()

MIN_ROWS = 16
"""Number of rows from which on multiples of `STRIDE` give the same bits."""

STRIDE = 8


def is_full(rows: int) -> bool:
    """Tell whether a batch of `rows` needs no padding."""
    return rows >= MIN_ROWS and not rows % STRIDE


def in_full_rows(graph: Any) -> Any:
    """Return a concrete function whose matrix products are padded to full rows.

    Args:
        graph: A frozen concrete function, or a part of one.
    """
    definition = graph.graph.as_graph_def()
    products = {op.name for op in graph.graph.get_operations() if _is_product(op)}
    for node in [node for node in definition.node if node.name in products]:
        _pad_product(definition, node)
    return with_definition(graph, definition)


def padded_rows(tensor: Any) -> Any:
    """Return a tensor (N, ...) with rows of zeros appended, so that its number of rows is full."""
    count = tf.shape(tensor)[0]
    full = tf.maximum(MIN_ROWS, -(-count // STRIDE) * STRIDE)
    paddings = [[0, full - count], *[[0, 0]] * (tensor.shape.rank - 1)]
    return tf.pad(tensor, paddings)


def _is_product(op: Any) -> bool:
    """Tell whether an operation multiplies rows of the batch by a matrix."""
    return op.type == "MatMul" and not op.get_attr("transpose_a") and op.inputs[0].shape[0] is None


def _pad_product(definition: Any, node: Any) -> None:
    """Append rows of zeros before a product, and remove them after it."""
    name, source = node.name, node.input[0]
    dtype = tf.as_dtype(node.attr["T"].type)
    with tf.Graph().as_default() as graph:
        rows = tf.compat.v1.placeholder(dtype, (None, None))
        product = tf.compat.v1.placeholder(dtype, (None, None))
        padded = padded_rows(rows)
        trimmed = product[: tf.shape(rows)[0]]
    new_names: dict[str, str] = {
        rows.op.name: source,
        product.op.name: f"{name}/filled",
        trimmed.op.name: name,
    }

    def renamed(inner: str) -> str:
        return new_names.get(inner, f"{name}/{inner}")

    node.input[0], node.name = renamed(padded.op.name), f"{name}/filled"
    for inner in graph.as_graph_def().node:
        if inner.op == "Placeholder":
            continue
        added = definition.node.add()
        added.CopyFrom(inner)
        added.name = renamed(inner.name)
        added.input[:] = [renamed(inner_name) for inner_name in inner.input]
