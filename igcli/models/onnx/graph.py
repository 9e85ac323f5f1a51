"""An ONNX graph as a function of a batch of images.

The graph is computed twice while it is traced. The first time, the number of images is a prime that
no other side has (`values.BATCH`), so TensorFlow's own shape inference finds every shape, and all
that computes with shapes alone is folded to constants. The second time, the number of images is
open, and the shapes found before say how to reshape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from igcli.errors import ModelError
from igcli.models.onnx.node import DOMAINS, Node, array_of, node_of
from igcli.models.onnx.operators import OPERATORS, REFUSED, load_all
from igcli.models.onnx.values import BATCH, LARGEST_FOLDED, Value, constant, size
from igcli.models.runtime import tensorflow

tf = tensorflow()

load_all()

_UNKNOWN_SHOWN = 5

_SMALL = 1024
"""Elements of an array that may be part of a computation with shapes."""

Values = dict[str, Value]


class Graph:
    """The part of an ONNX graph that leads from the image to one output.

    Attributes:
        input: Name of the image.
        output: Name of the scores.
        input_shape: Declared shape of the image without the batch; None where a side is open.
        dtype: Type of the image's numbers.
        parameters: Number of its weights.
        starts_with: Type of the first operators that the image meets.
    """

    def __init__(self, model: onnx.ModelProto, *, output: str | int | None = None) -> None:
        """Read a model.

        Args:
            model: A valid model, with all its data.
            output: Name or index of the output, or name of any value; None if there is one.

        Raises:
            ModelError: It has several inputs or outputs, or operators that are not supported.
        """
        graph = model.graph
        self._opset = next(entry.version for entry in model.opset_import if entry.domain in DOMAINS)
        weights = {tensor.name: array_of(tensor) for tensor in graph.initializer}
        image = _only_input(graph, weights)
        self.input = image.name
        nodes = [node_of(proto, self._opset) for proto in graph.node]
        self.output = _chosen_output(graph, nodes, output)
        self._nodes = _needed(nodes, self.output)
        _check_operators(self._nodes)
        used = {name for node in self._nodes for name in node.inputs}
        self._constants = {name: constant(array) for name, array in weights.items() if name in used}
        self.parameters = sum(
            value.data.size for value in self._constants.values() if value.dtype.is_floating
        )
        batch, *sides = _declared(image)
        self.fixed_batch = batch
        self.input_shape = tuple(sides)
        self.dtype = _input_dtype(image)
        self.starts_with = tuple(node.type for node in self._nodes if self.input in node.inputs)
        self._shapes: dict[tuple[int, ...], dict[str, tuple[int, ...]]] = {}
        for node in self._nodes:
            node.fixed_batch = batch

    def __call__(self, images: Any) -> Any:
        """Return the scores of images, a tensor of shape (N, *input_shape) with known sides.

        Raises:
            ModelError: An operator does not take what it is given, or the output is not one row of
                scores, or one for each pixel, for each image.
        """
        sides = tuple(images.shape[1:])
        folded, shapes = self._fold(sides)
        start = Value(images, (BATCH, *sides))
        values = self._run({**folded, self.input: start}, shapes, images=tf.shape(images)[0])
        scores = values[self.output]
        if scores.shape[:1] != (BATCH,):
            raise ModelError(
                f"model: the output {self.output} has shape {list(scores.shape)}, expected scores "
                "for each image of a batch"
            )
        tensor = scores.declared().data
        return tf.ensure_shape(tensor, [None, *scores.shape[1:]])

    def _fold(self, sides: tuple[int, ...]) -> tuple[Values, dict[str, tuple[int, ...]]]:
        """Return all constants by name, and the shapes of all values."""
        values: Values = {}

        def record(images: Any) -> Any:
            start = Value(images, (BATCH, *sides))
            known = {name: _without_numbers(value) for name, value in self._constants.items()}
            values.update(self._run({**known, self.input: start}, {}, images=None))
            return images

        spec = tf.TensorSpec((BATCH, *sides), self.dtype)
        tf.function(record, autograph=False).get_concrete_function(spec)
        folded = {name: value for name, value in values.items() if value.is_constant}
        folded |= self._constants
        return folded, {name: value.shape for name, value in values.items()}

    def _run(self, values: Values, shapes: dict[str, tuple[int, ...]], *, images: Any) -> Values:
        for node in self._nodes:
            if all(name in values for name in node.outputs if name):
                continue
            node.images, node.shapes = images, shapes
            inputs = [values[name] if name else None for name in node.inputs]
            while inputs and inputs[-1] is None:
                inputs.pop()
            outputs = _compute(node, inputs)
            values.update(zip(node.outputs, outputs, strict=False))
        return values


def _compute(node: Node, inputs: Sequence[Value | None]) -> tuple[Value, ...]:
    """Return the outputs of a node; constants where all its inputs are."""
    is_folded = all(value is None or value.is_constant for value in inputs) and not any(
        value is not None and _depends_on_batch(node, value) for value in inputs
    )
    try:
        if not is_folded:
            outputs = OPERATORS[node.type](node, *inputs)
            return outputs if isinstance(outputs, tuple) else (outputs,)
        with tf.init_scope():
            images, node.images = node.images, None
            outputs = OPERATORS[node.type](node, *inputs)
            node.images = images
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            return tuple(_as_constant(output) for output in outputs)
    except ModelError:
        raise
    except (ValueError, TypeError, LookupError, tf.errors.OpError) as error:
        shapes = ", ".join(str(list(value.shape)) for value in inputs if value is not None)
        raise ModelError(
            f"{node.where} cannot be computed from inputs of shape {shapes}: "
            f"{str(error).splitlines()[0]}"
        ) from error


def _depends_on_batch(node: Node, value: Value) -> bool:
    """Tell whether a node makes an array of as many images as there are."""
    makes = node.type in ("ConstantOfShape", "Expand", "Tile")
    return makes and value.dtype.is_integer and bool((np.abs(value.data) >= BATCH // 2).any())


def _without_numbers(value: Value) -> Value:
    """Return a stand-in for a large array, of which only the shape matters."""
    if value.data.size <= _SMALL or not value.dtype.is_floating:
        return value
    return Value(tf.fill(value.shape, tf.zeros((), value.dtype)), value.shape)


def _as_constant(value: Value) -> Value:
    if size(value.shape) > LARGEST_FOLDED:
        return value
    value = value.declared()
    return constant(value.data if value.is_constant else value.data.numpy())


def _only_input(graph: onnx.GraphProto, weights: dict[str, Any]) -> onnx.ValueInfoProto:
    """Return the only input that is no weight."""
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ModelError(
            f"model: the ONNX graph has {len(inputs)} inputs ({names}), expected one, the image: "
            "export a network of the image alone"
        )
    return inputs[0]


def _chosen_output(graph: onnx.GraphProto, nodes: list[Node], output: str | int | None) -> str:
    names = [value.name for value in graph.output]
    known = {name for node in nodes for name in node.outputs}
    if isinstance(output, int) and output < len(names):
        return names[output]
    if output in known:
        return str(output)
    listed = ", ".join(names)
    if output is not None:
        raise ModelError(
            f"model.output: the ONNX graph has no {output!r}; its outputs are {listed}"
        )
    if len(names) != 1:
        raise ModelError(
            f"model: the ONNX graph has {len(names)} outputs: set model.output to one of {listed}"
        )
    return names[0]


def _needed(nodes: list[Node], output: str) -> list[Node]:
    """Return the nodes that lead to the output, in an order in which they can be computed."""
    makers = {name: node for node in nodes for name in node.outputs if name}
    order: list[Node] = []
    done: set[int] = set()
    under_way: set[int] = set()
    stack = [(makers[output], False)]
    while stack:
        node, is_ready = stack.pop()
        if id(node) in done:
            continue
        if is_ready:
            done.add(id(node))
            order.append(node)
            continue
        if id(node) in under_way:
            raise ModelError(f"{node.where} depends on itself")
        under_way.add(id(node))
        stack.append((node, True))
        stack += [(makers[name], False) for name in node.inputs if name in makers]
    return order


def _check_operators(nodes: list[Node]) -> None:
    """Refuse operators that are not known, all in one message."""
    missing = Counter(node.type for node in nodes if node.type not in OPERATORS)
    if not missing:
        return
    shown = missing.most_common(_UNKNOWN_SHOWN)
    listed = ", ".join(f"{kind} ({count} times)" if count > 1 else kind for kind, count in shown)
    more = f" and {len(missing) - len(shown)} more" if len(missing) > len(shown) else ""
    first = next(node for node in nodes if node.type == shown[0][0])
    reasons = [f"{kind}: {REFUSED[kind]}" for kind, _ in shown if kind in REFUSED]
    raise ModelError(
        f"model: operators that are not supported: {listed}{more}; the first is node "
        f"{first.name or first.outputs[0]}" + (f" ({'; '.join(reasons)})" if reasons else "")
    )


def _declared(image: onnx.ValueInfoProto) -> list[int | None]:
    """Return the declared shape; None for sides that are open."""
    kind = image.type.tensor_type
    if not kind.HasField("shape") or not kind.shape.dim:
        raise ModelError(f"model: the ONNX graph does not say the shape of its input {image.name}")
    return [
        side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None
        for side in kind.shape.dim
    ]


def _input_dtype(image: onnx.ValueInfoProto) -> str:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(image.type.tensor_type.elem_type)
    return "float32" if dtype.name in ("float16", "bfloat16") else str(dtype.name)
