"""Mixed precision on accelerators: products of bfloat16 numbers, everything else float32.

CPUs have TensorFlow's own rewriting, which knows their kernels (models/precision.py).
"""

from typing import Any

from igcli.models.runtime import tensorflow

tf = tensorflow()

_MULTIPLYING = ("BatchMatMulV2", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Einsum", "MatMul")


def in_bfloat16(graph: Any) -> Any:
    """Return a function whose convolutions and matrix products take and give bfloat16.

    So do their gradients. The last one stays as it is: of three digits nothing would be left in a
    difference of scores. Casts cost no pass over memory where XLA compiles them into what is
    beside them.

    Args:
        graph: A frozen function, or a part of one.
    """
    definition = graph.graph.as_graph_def()
    nodes = {node.name: node for node in definition.node}
    products = [op.name for op in graph.graph.get_operations() if _is_product(op)]
    for name in products[:-1]:
        _round(definition, nodes[name])
    captured = {id(tensor) for tensor in graph.graph.internal_captures}
    inputs = [tensor for tensor in graph.inputs if id(tensor) not in captured]
    outputs = [tensor.name for tensor in graph.outputs]

    def rebuilt(*given: Any) -> Any:
        mapped = {inner.name: tf.identity(outer) for outer, inner in graph.graph.captures}
        mapped |= {tensor.name: each for tensor, each in zip(inputs, given, strict=True)}
        return tf.graph_util.import_graph_def(definition, mapped, outputs, name="")

    signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in inputs]
    return tf.compat.v1.wrap_function(rebuilt, signature)


def _is_product(op: Any) -> bool:
    return op.type in _MULTIPLYING and op.outputs[0].dtype == tf.float32


def _round(definition: Any, node: Any) -> None:
    """Have a node take and give bfloat16, between casts; under its name stands the last one."""
    name = node.name
    node.name = f"{name}/bfloat16"
    node.attr["T"].type = tf.bfloat16.as_datatype_enum
    for place, given in enumerate(node.input):
        if given[0] != "^":
            node.input[place] = _cast(definition, f"{node.name}/{place}", given, tf.bfloat16)
    _cast(definition, name, node.name, tf.float32)


def _cast(definition: Any, name: str, given: str, to: Any) -> str:
    node = definition.node.add(name=name, op="Cast", input=[given])
    both = (tf.float32, to) if to == tf.bfloat16 else (tf.bfloat16, to)
    for key, kind in zip(("SrcT", "DstT"), both, strict=True):
        node.attr[key].type = kind.as_datatype_enum
    return name
