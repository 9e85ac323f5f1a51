"""Mixed precision: matrix products and convolutions in bfloat16, and light operations among them.

TensorFlow has a rewrite of its own, a setting of the process, for CPUs alone. This one gave 51.3
gradients/s of ResNet50V2 instead of 40.5, and its attributions correlated with those of float32 by
0.9994 instead of 0.88 (tests/benchmarks/peers.py, two cores with AMX; part of the gain comes from
`residual_bias`): the last product stays in float32, weights are rounded once, and a ReLU works on
bits as integers.
"""

from typing import Any

from igcli.models.graph.freeze import function_from_graph, own_outputs
from igcli.models.runtime import tensorflow

tf = tensorflow()

_PRODUCTS = ("BatchMatMulV2", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Einsum", "MatMul")
_LIGHT = (
    *("Add", "AddV2", "BiasAdd", "Mul", "Sub", "MaxPool", "AvgPool"),
    *("Relu", "Relu6", "LeakyRelu", "Sigmoid", "Tanh"),
    *("ConcatV2", "Identity", "Pad", "StridedSlice"),
    *("ExpandDims", "Reshape", "Squeeze", "Transpose"),
)
"""Operations computed in bfloat16 if all their inputs are: no less accurate, and it saves casts."""

_RELU_GRADIENT = "IgcliBfloat16Relu"


def in_bfloat16(graph: Any) -> Any:
    """Return a concrete function that computes its products, and their gradients, in bfloat16.

    The last product stays in float32: with the three digits of bfloat16 nothing would remain of a
    difference of scores.

    Args:
        graph: A frozen concrete function, or a part of one.
    """
    rewrite = _Rewrite(graph)
    captured = {id(tensor) for tensor in graph.graph.internal_captures}
    inputs = [tensor for tensor in graph.inputs if id(tensor) not in captured]
    outputs = [rewrite.in_float32(tensor) for tensor in own_outputs(graph)]
    return function_from_graph(rewrite.definition, rewrite.weights, inputs, outputs)


class _Rewrite:
    """A GraphDef that is being rewritten to bfloat16.

    Attributes:
        definition: The GraphDef.
        weights: Captured tensors, by the name of the placeholder that they stand for.
    """

    def __init__(self, graph: Any) -> None:
        self._captured = {inner.name: outer for outer, inner in graph.graph.captures}
        operations = graph.graph.get_operations()
        self.definition = graph.graph.as_graph_def()
        self._nodes = {node.name: node for node in self.definition.node}
        self.weights: dict[str, Any] = {}
        self._rounded: set[str] = set()
        self._fixed: set[str] = set()
        for op in operations:
            if self._is_fixed(op):
                self._fixed.add(op.name)
        *products, _ = [op.name for op in operations if self._is_product(op)] or [None]
        for op in operations:
            if op.name in products or self._is_light(op):
                self._round(op)
            else:
                self._keep(op)

    def in_float32(self, tensor: Any) -> str:
        """Return the name under which a tensor is float32."""
        name: str = tensor.name
        if tensor.op.name in self._rounded:
            return self._cast(name, tf.bfloat16, tf.float32)
        if name in self._captured:
            self.weights[name] = self._captured[name]
        return name

    def _is_fixed(self, op: Any) -> bool:
        """Tell whether an operation is a weight, or is computed from weights alone."""
        if not op.inputs:
            return op.type == "Const" or f"{op.name}:0" in self._captured
        return all(tensor.op.name in self._fixed for tensor in op.inputs)

    def _is_product(self, op: Any) -> bool:
        is_computed = op.name not in self._fixed
        return op.type in _PRODUCTS and is_computed and _is_float32(op.outputs[0])

    def _is_light(self, op: Any) -> bool:
        inputs = [tensor.op.name for tensor in op.inputs if _is_float32(tensor)]
        computed = [name for name in inputs if name not in self._fixed]
        are_rounded = bool(computed) and all(name in self._rounded for name in computed)
        return op.type in _LIGHT and are_rounded

    def _round(self, op: Any) -> None:
        """Compute an operation in bfloat16."""
        node = self._nodes[op.name]
        node.attr["T"].type = tf.bfloat16.as_datatype_enum
        for index, tensor in enumerate(op.inputs):
            if _is_float32(tensor):
                node.input[index] = self._in_bfloat16(tensor)
        if op.type == "Relu":
            self._replace_relu(node)
        self._rounded.add(op.name)

    def _replace_relu(self, node: Any) -> None:
        """Compute a ReLU on the bits as integers: the sign is the first bit of both types."""
        source, name = node.input[0], node.name
        bits = self._bitcast(source, f"{name}/bits", tf.bfloat16, tf.int16)
        positive = self.definition.node.add(name=f"{name}/positive", op="Relu", input=[bits])
        positive.attr["T"].type = tf.int16.as_datatype_enum
        value = self._bitcast(positive.name, f"{name}/value", tf.int16, tf.bfloat16)
        node.op, node.input[:] = "IdentityN", [value, source]
        del node.attr["T"]
        node.attr["T"].list.type[:] = [tf.bfloat16.as_datatype_enum] * 2
        node.attr["_gradient_op_type"].s = _RELU_GRADIENT.encode()

    def _bitcast(self, source: str, name: str, from_dtype: Any, to_dtype: Any) -> str:
        node = self.definition.node.add(name=name, op="Bitcast", input=[source])
        node.attr["T"].type = from_dtype.as_datatype_enum
        node.attr["type"].type = to_dtype.as_datatype_enum
        return name

    def _keep(self, op: Any) -> None:
        """Compute an operation in its own type."""
        node = self._nodes[op.name]
        for index, tensor in enumerate(op.inputs):
            node.input[index] = self.in_float32(tensor)

    def _in_bfloat16(self, tensor: Any) -> str:
        """Return the name under which a tensor is bfloat16."""
        source = _past_identities(tensor)
        if tensor.op.name in self._rounded:
            return str(tensor.name)
        if source.name not in self._captured:
            return self._cast(tensor.name, tf.float32, tf.bfloat16)
        name = f"{source.op.name}/bfloat16"
        if name not in self._nodes:
            self.weights[f"{name}:0"] = tf.cast(self._captured[source.name], tf.bfloat16)
            node = self._nodes[name] = self.definition.node.add(name=name, op="Placeholder")
            node.attr["dtype"].type = tf.bfloat16.as_datatype_enum
            node.attr["shape"].shape.CopyFrom(source.shape.as_proto())
        return name

    def _cast(self, source: str, from_dtype: Any, to_dtype: Any) -> str:
        name = f"{source.replace(':', '_')}/{to_dtype.name}"
        if name not in self._nodes:
            node = self.definition.node.add(name=name, op="Cast", input=[source])
            node.attr["SrcT"].type = from_dtype.as_datatype_enum
            node.attr["DstT"].type = to_dtype.as_datatype_enum
            self._nodes[name] = node
        return f"{name}:0"


def _is_float32(tensor: Any) -> bool:
    return bool(tensor.dtype == tf.float32)


def _past_identities(tensor: Any) -> Any:
    """Return the tensor that a chain of identities passes on."""
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tensor


@tf.RegisterGradient(_RELU_GRADIENT)  # type: ignore[untyped-decorator]
def _relu_gradient(op: Any, upstream: Any, _: Any) -> list[Any]:
    """Pass the gradient on to the ReLU's input, where that is positive."""
    return [None, tf.raw_ops.ReluGrad(gradients=upstream, features=op.inputs[0])]
