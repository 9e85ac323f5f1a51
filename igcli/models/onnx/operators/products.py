"""Products of matrices."""

import re

from igcli.models.onnx.node import Node
from igcli.models.onnx.operators import operator
from igcli.models.onnx.values import Value
from igcli.models.runtime import tensorflow

tf = tensorflow()


@operator("MatMul")
def matmul(node: Node, a: Value, b: Value) -> Value:
    """Multiply matrices, in batches where there are further axes; a vector is a row or column."""
    x, y = tf.convert_to_tensor(a.declared().data), tf.convert_to_tensor(b.declared().data)
    if a.rank == 1:
        x = tf.expand_dims(x, 0)
    if b.rank == 1:
        y = tf.expand_dims(y, 1)
    product = tf.matmul(x, y)
    if b.rank == 1:
        product = tf.squeeze(product, -1)
    if a.rank == 1:
        product = tf.squeeze(product, -1 if b.rank == 1 else -2)
    return node.output(product)


@operator("Gemm")
def gemm(node: Node, a: Value, b: Value, c: Value | None = None) -> Value:
    """Return alpha A B + beta C, where A and B may be transposed."""
    product = tf.matmul(
        a.declared().data,
        b.declared().data,
        transpose_a=bool(node.get("transA", 0)),
        transpose_b=bool(node.get("transB", 0)),
    )
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    if alpha != 1:
        product = alpha * product
    if c is not None:
        bias = c.declared().data
        if c.rank == 2 and c.shape[0] == 1:
            bias = bias[0]  # TensorFlow fuses only the addition of a vector.
        product = product + (bias if beta == 1 else beta * bias)
    return node.output(product)


@operator("Einsum")
def einsum(node: Node, *values: Value) -> Value:
    """Sum products as an equation says (Einstein's convention)."""
    equation = re.sub(r"\s", "", node.get("equation"))
    return node.output(tf.einsum(equation, *(value.declared().data for value in values)))
