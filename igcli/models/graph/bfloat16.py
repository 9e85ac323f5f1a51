"""Mixed precision: products of bfloat16 numbers, and what lies between them.

TensorFlow has a rewriting of its own, a setting of the process, for CPUs alone. By this one
ResNet50V2 gave 51.3 gradients/s instead of 40.5 and its attributions correlated with float32's by
0.9994 instead of 0.88 (tests/benchmarks/peers.py, two cores with AMX; part of the gain is
`residual`): the last product is exact, weights are rounded once, a ReLU takes bits as integers.
"""

from typing import Any

from igcli.models.graph.freeze import function_of
from igcli.models.runtime import tensorflow

tf = tensorflow()

_PRODUCTS = ("BatchMatMulV2", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Einsum", "MatMul")
_LIGHT = (
    *("Add", "AddV2", "BiasAdd", "Mul", "Sub", "MaxPool", "AvgPool"),
    *("Relu", "Relu6", "LeakyRelu", "Sigmoid", "Tanh"),
    *("ConcatV2", "Identity", "Pad", "StridedSlice"),
    *("ExpandDims", "Reshape", "Squeeze", "Transpose"),
)
"""Operations that are rounded where all that they are given is: no worse, and no pass for casts."""

_RELU = "IgcliBfloat16Relu"


def in_bfloat16(graph: Any) -> Any:
    """Return a function that computes its products in bfloat16, and so their gradients.

    The last one stays as it is: of three digits nothing would be left in a difference of scores.

    Args:
        graph: A frozen function, or a part of one.
    """
    rewriting = _Rewriting(graph)
    captured = {id(tensor) for tensor in graph.graph.internal_captures}
    inputs = [tensor for tensor in graph.inputs if id(tensor) not in captured]
    outputs = [rewriting.exact(tensor) for tensor in graph.outputs]
    return function_of(rewriting.definition, rewriting.weights, inputs, outputs)


class _Rewriting:
    """A graph's definition on the way to bfloat16.

    Attributes:
        definition: Of the graph.
        weights: Tensors from outside, by the name of the placeholder that they stand for.
    """

    def __init__(self, graph: Any) -> None:
        self._outside = {inner.name: outer for outer, inner in graph.graph.captures}
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

    def exact(self, tensor: Any) -> str:
        """Return the name under which a tensor is float32."""
        name: str = tensor.name
        if tensor.op.name in self._rounded:
            return self._cast(name, tf.bfloat16, tf.float32)
        if name in self._outside:
            self.weights[name] = self._outside[name]
        return name

    def _is_fixed(self, op: Any) -> bool:
        """Tell whether an operation is a weight, or computed of weights alone."""
        if not op.inputs:
            return op.type == "Const" or f"{op.name}:0" in self._outside
        return all(each.op.name in self._fixed for each in op.inputs)

    def _is_product(self, op: Any) -> bool:
        is_moving = op.name not in self._fixed
        return op.type in _PRODUCTS and is_moving and _is_float(op.outputs[0])

    def _is_light(self, op: Any) -> bool:
        given = [each.op.name for each in op.inputs if _is_float(each)]
        moving = [name for name in given if name not in self._fixed]
        rounded = bool(moving) and all(name in self._rounded for name in moving)
        return op.type in _LIGHT and rounded

    def _round(self, op: Any) -> None:
        node = self._nodes[op.name]
        node.attr["T"].type = tf.bfloat16.as_datatype_enum
        for place, tensor in enumerate(op.inputs):
            if _is_float(tensor):
                node.input[place] = self._bfloat16(tensor)
        if op.type == "Relu" and op.inputs[0].op.type != "BiasAdd":
            self._rectify(node)
        self._rounded.add(op.name)

    def _rectify(self, node: Any) -> None:
        """Take the larger of a number's bits and zero as integers; the sign is the first bit."""
        given, name = node.input[0], node.name
        bits = self._bitcast(given, f"{name}/bits", tf.bfloat16, tf.int16)
        positive = self.definition.node.add(name=f"{name}/positive", op="Relu", input=[bits])
        positive.attr["T"].type = tf.int16.as_datatype_enum
        found = self._bitcast(positive.name, f"{name}/found", tf.int16, tf.bfloat16)
        node.op, node.input[:] = "IdentityN", [found, given]
        del node.attr["T"]
        node.attr["T"].list.type[:] = [tf.bfloat16.as_datatype_enum] * 2
        node.attr["_gradient_op_type"].s = _RELU.encode()

    def _bitcast(self, given: str, name: str, of: Any, to: Any) -> str:
        node = self.definition.node.add(name=name, op="Bitcast", input=[given])
        node.attr["T"].type, node.attr["type"].type = of.as_datatype_enum, to.as_datatype_enum
        return name

    def _keep(self, op: Any) -> None:
        node = self._nodes[op.name]
        for place, tensor in enumerate(op.inputs):
            node.input[place] = self.exact(tensor)

    def _bfloat16(self, tensor: Any) -> str:
        source = _source(tensor)
        if tensor.op.name in self._rounded:
            return str(tensor.name)
        if source.name not in self._outside:
            return self._cast(tensor.name, tf.float32, tf.bfloat16)
        name = f"{source.op.name}/bfloat16"
        if name not in self._nodes:
            self.weights[f"{name}:0"] = tf.cast(self._outside[source.name], tf.bfloat16)
            node = self._nodes[name] = self.definition.node.add(name=name, op="Placeholder")
            node.attr["dtype"].type = tf.bfloat16.as_datatype_enum
            node.attr["shape"].shape.CopyFrom(source.shape.as_proto())
        return name

    def _cast(self, given: str, of: Any, to: Any) -> str:
        name = f"{given.replace(':', '_')}/{to.name}"
        if name not in self._nodes:
            node = self._nodes[name] = self.definition.node.add(name=name, op="Cast", input=[given])
            node.attr["SrcT"].type = of.as_datatype_enum
            node.attr["DstT"].type = to.as_datatype_enum
        return f"{name}:0"


def _is_float(tensor: Any) -> bool:
    return bool(tensor.dtype == tf.float32)


def _source(tensor: Any) -> Any:
    """Return what a tensor is, rather than passes on."""
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tensor


@tf.RegisterGradient(_RELU)  # type: ignore[untyped-decorator]
def _gradient(op: Any, upstream: Any, _: Any) -> list[Any]:
    """Pass the gradient on to what the ReLU was given, where it was positive."""
    return [None, tf.raw_ops.ReluGrad(gradients=upstream, features=op.inputs[0])]
