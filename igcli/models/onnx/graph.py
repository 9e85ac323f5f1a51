"""An ONNX graph as a function of a batch of images.

The graph is computed twice while it is traced. The first time, the number of images is a prime that
no other side has (`values.BATCH`), so TensorFlow's own shape inference finds every shape, and all
that computes with shapes alone is folded to constants. The second time, the number of images is
open, and the shapes of the first time say how to reshape. AutoGraph, which would rewrite every
function in between, takes longer than both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import onnx

from igcli.errors import ModelError
from igcli.models.graph.layer_marks import marked
from igcli.models.onnx.file import DOMAINS
from igcli.models.onnx.node import Node, array_of, decoded, node_of
from igcli.models.onnx.operators import OPERATORS, REFUSED, load_all
from igcli.models.onnx.values import (
    BATCH,
    LARGEST_FOLDED,
    Shape,
    Value,
    constant,
    first_axes,
    size,
    text,
)
from igcli.models.runtime import first_line, tensorflow
from igcli.options import setting

tf = tensorflow()

load_all()

_MAX_SHOWN = 5
"""Number of operators listed in a message."""

_SMALL = 1024
"""Elements of an array that may be part of a computation with shapes."""

_UNSCALED = ("Cast", "Identity", "Pad", "Transpose")
"""Operators that leave the values of pixels as they are."""

_OPERATOR_ERRORS = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    *(RuntimeError, tf.errors.OpError),
)
"""What TensorFlow and NumPy raise where inputs or attributes do not fit an operator."""

Values = dict[str, Value]


class Graph:
    """The part of an ONNX graph that leads from the image to one output.

    Attributes:
        input: Name of the image.
        output: Name of the scores.
        input_shape: Declared shape of the image without the batch; None where a side is open.
        dtype: Type of the image's numbers.
        parameters: Number of its weights.
        begins_with_convolution: Whether nothing scales the image before it is convolved.
    """

    def __init__(
        self, model: onnx.ModelProto, *, image: str | None = None, output: str | int | None = None
    ) -> None:
        """Read a model.

        Args:
            model: A model with all its data.
            image: Name of the input that takes the image; None if there is one.
            output: Name or index of the output, or name of any value; None if there is one.

        Raises:
            ModelError: It is damaged, has several inputs or outputs to choose from, or operators
                that are not supported.
        """
        graph = model.graph
        opset = next(entry.version for entry in model.opset_import if entry.domain in DOMAINS)
        weights = {decoded(tensor.name): array_of(tensor) for tensor in graph.initializer}
        nodes = [node_of(proto, opset) for proto in graph.node]
        self.output = _select_output(graph, nodes, output)
        self._is_named = output is not None
        self._nodes = _nodes_before(self.output, nodes)
        _check_operators(self._nodes)
        used = {name for node in self._nodes for name in node.inputs if name}
        self._constants = {name: constant(array) for name, array in weights.items() if name in used}
        source = _select_input(graph, used - weights.keys(), image)
        self.input = decoded(source.name)
        _check_names(self._nodes, {self.input, *weights})
        self.parameters = sum(
            value.data.size for value in self._constants.values() if value.dtype.is_floating
        )
        batch, *sides = _declared_shape(source)
        self.input_shape = tuple(sides)
        self.dtype = _input_dtype(source)
        self.begins_with_convolution = _begins_with_convolution(self._nodes, self.input)
        for node in self._nodes:
            node.fixed_batch = batch
        self._folded: dict[Shape, tuple[Values, dict[str, Shape]]] = {}

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def __call__(self, images: Any) -> Any:
        """Return the scores of images, a tensor of shape (N, *input_shape) with known sides.

        Raises:
            ModelError: An operator does not take what it is given, or the output is not one row of
                scores, or one for each pixel, for each image.
        """
        sides = tuple(images.shape[1:])
        if sides not in self._folded:
            self._folded[sides] = self._fold(sides)
        folded, shapes = self._folded[sides]
        known = {**folded, self.input: _image(images, (BATCH, *sides))}
        values = run_nodes(self._nodes, known, shapes=shapes, images=tf.shape(images)[0])
        scores = values[self.output]
        if scores.shape[:1] != (BATCH,):
            raise ModelError(
                f"model: the output {self.output} has shape {text(scores.shape)}, expected scores "
                "for each image of a batch"
            )
        if len(scores.shape) == 3 and not self._is_named:
            raise ModelError(
                f"model: the output {self.output} has shape {text(scores.shape)}, several rows for "
                "an image, as detectors give them: name scores of the whole image with "
                f"{setting('model.output')}, or {self.output} if its rows are what you want to "
                "explain"
            )
        tensor = scores.declared().data
        return tf.ensure_shape(tensor, [None, *scores.shape[1:]])

    def _fold(self, sides: tuple[int, ...]) -> tuple[Values, dict[str, Shape]]:
        """Return all constants by name, and the shapes of all values."""
        values: Values = {}

        def record(images: Any) -> Any:
            start = Value(images, (BATCH, *sides))
            known = {name: _without_numbers(value) for name, value in self._constants.items()}
            known[self.input] = start
            values.update(run_nodes(self._nodes, known, shapes={}, images=None))
            return images

        spec = tf.TensorSpec((BATCH, *sides), self.dtype)
        tf.function(record, autograph=False).get_concrete_function(spec)
        folded = {name: value for name, value in values.items() if value.is_constant}
        folded |= self._constants
        return folded, {name: value.shape for name, value in values.items()}


def _image(images: Any, shape: Shape) -> Value:
    """Return the images as a value: as they were before the caller brought their channels first.

    Otherwise two transposes would part the preprocessing from the first convolution.
    """
    op = images.op if tf.is_symbolic_tensor(images) else None
    if op is not None and op.type == "Transpose":
        axes = tf.get_static_value(op.inputs[1])
        if axes is not None and list(axes) == first_axes(len(shape)):
            return Value(op.inputs[0], shape, channels_last=True)
    return Value(images, shape)


def run_nodes(
    nodes: Sequence[Node], values: Values, *, shapes: dict[str, Shape], images: Any
) -> Values:
    """Compute nodes one after the other.

    Args:
        nodes: In an order in which they can be computed.
        values: The constants, the image, and nodes' outputs that are known already, by name.
        shapes: Shapes of outputs by name, once they are known.
        images: Number of images in the batch, a tensor; None the first time.

    Returns:
        All values by name.

    Raises:
        ModelError: An operator does not take what it is given.
    """
    values = dict(values)
    for node in nodes:
        if all(name in values for name in node.outputs if name):
            continue
        node.images, node.shapes = images, shapes
        _check_inputs(node, values.keys())
        inputs = [values[name] if name else None for name in node.inputs]
        while inputs and inputs[-1] is None:
            inputs.pop()
        outputs = zip(node.outputs, _compute(node, inputs), strict=False)
        values.update((name, _marked(value, node, name)) for name, value in outputs)
    return values


def _marked(value: Value, node: Node, output: str) -> Value:
    """Return an output of a node, marked with the names of both where layers are."""
    data = marked(value.data, node.name) if output == node.outputs[0] else value.data
    data = marked(data, output)
    if data is value.data:
        return value
    return Value(data, value.shape, channels_last=value.channels_last)


def _compute(node: Node, inputs: Sequence[Value | None]) -> tuple[Value, ...]:
    """Return the outputs of a node; constants where all its inputs are.

    Raises:
        ModelError: Its inputs or attributes do not fit together.
    """
    try:
        return _folded(node, inputs) if _can_fold(node, inputs) else _outputs(node, inputs)
    except (ModelError, tf.errors.ResourceExhaustedError):
        raise
    except _OPERATOR_ERRORS as error:
        shapes = ", ".join(text(value.shape) for value in inputs if value is not None)
        raise ModelError(
            f"{node.where} cannot be computed from inputs of shape {shapes or 'none'}: "
            f"{first_line(error)}"
        ) from error


def _outputs(node: Node, inputs: Sequence[Value | None]) -> tuple[Value, ...]:
    outputs = OPERATORS[node.type](node, *inputs)
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _folded(node: Node, inputs: Sequence[Value | None]) -> tuple[Value, ...]:
    images, node.images = node.images, None
    try:
        with tf.init_scope():
            return tuple(_as_constant(output) for output in _outputs(node, inputs))
    finally:
        node.images = images


def _can_fold(node: Node, inputs: Sequence[Value | None]) -> bool:
    """Tell whether a node gives constants, none much larger than its inputs."""
    values = [value for value in inputs if value is not None]
    if any(not value.is_constant or _depends_on_batch(node, value) for value in values):
        return False
    limit = max([LARGEST_FOLDED, *(size(value.shape) for value in values)])
    return all(size(shape) <= limit for shape in _output_shapes(node, inputs))


def _output_shapes(node: Node, inputs: Sequence[Value | None]) -> list[Shape]:
    """Return the shapes of a constant node's outputs, without taking memory for them."""
    names = [name for name in node.outputs if name]
    if all(name in node.shapes for name in names):
        return [node.shapes[name] for name in names]
    images, node.images = node.images, None
    try:
        with tf.Graph().as_default():
            stand_ins = [value and _without_numbers(value) for value in inputs]
            return [value.shape for value in _outputs(node, stand_ins)]
    finally:
        node.images = images


def _depends_on_batch(node: Node, value: Value) -> bool:
    """Tell whether a node makes an array of as many images as there are."""
    makes = node.type in ("ConstantOfShape", "Expand", "Range", "Tile")
    return makes and value.dtype.is_integer and bool((np.abs(value.data) >= BATCH // 2).any())


def _without_numbers(value: Value) -> Value:
    """Return a stand-in for a large array, of which only the shape matters."""
    if value.data.size <= _SMALL or not value.dtype.is_floating:
        return value
    return Value(tf.fill(value.shape, tf.zeros((), value.dtype)), value.shape)


def _as_constant(value: Value) -> Value:
    value = value.declared()
    return constant(value.data if value.is_constant else value.data.numpy())


def _select_input(
    graph: onnx.GraphProto, used: AbstractSet[str], name: str | None
) -> onnx.ValueInfoProto:
    """Return the input that takes the image: the only one that the output depends on."""
    inputs = {decoded(value.name): value for value in graph.input if decoded(value.name) in used}
    listed = ", ".join(inputs) or "none"
    if name is not None and name not in inputs:
        raise ModelError(f"model.input: the ONNX graph has no input {name!r}; it has: {listed}")
    if not inputs:
        raise ModelError("model: the output of the ONNX graph does not depend on an input")
    if len(inputs) > 1:
        raise ModelError(
            f"model: the ONNX graph has {len(inputs)} inputs ({listed}), expected the image alone: "
            "export the network with the others as constants"
        )
    return next(iter(inputs.values()))


def _select_output(graph: onnx.GraphProto, nodes: list[Node], output: str | int | None) -> str:
    names = [decoded(value.name) for value in graph.output]
    if isinstance(output, int) and output < len(names):
        output = names[output]
    listed = ", ".join(names) or "none"
    if output is None and len(names) != 1:
        raise ModelError(
            f"model: the ONNX graph has {len(names)} outputs: set {setting('model.output')} to one "
            f"of: {listed}"
        )
    name = names[0] if output is None else output
    if not any(name in node.outputs for node in nodes):
        raise ModelError(f"model.output: the ONNX graph has no output {name!r}; it has: {listed}")
    return str(name)


def _nodes_before(output: str, nodes: list[Node]) -> list[Node]:
    """Return the nodes that an output depends on, in an order in which they can be computed."""
    makers = {name: node for node in nodes for name in node.outputs if name}
    order: list[Node] = []
    done: set[int] = set()
    pending: set[int] = set()
    stack = [(makers[output], False)]
    while stack:
        node, has_inputs = stack.pop()
        if id(node) in done:
            continue
        if has_inputs:
            done.add(id(node))
            order.append(node)
            continue
        if id(node) in pending:
            raise ModelError(f"{node.where} depends on its own output")
        pending.add(id(node))
        stack.append((node, True))
        stack += [(makers[name], False) for name in node.inputs if name in makers]
    return order


def _check_names(nodes: list[Node], known: AbstractSet[str]) -> None:
    """Refuse nodes with an input that nothing makes."""
    made = {name for node in nodes for name in node.outputs} | known
    for node in nodes:
        _check_inputs(node, made)


def _check_inputs(node: Node, known: AbstractSet[str]) -> None:
    for name in node.inputs:
        if name and name not in known:
            raise ModelError(f"{node.where} needs {name!r}, which the graph does not give")


def _check_operators(nodes: list[Node]) -> None:
    """Refuse operators that are not supported, all in one message."""
    missing = Counter(node.type for node in nodes if node.type not in OPERATORS)
    if not missing:
        return
    shown = missing.most_common(_MAX_SHOWN)
    listed = ", ".join(f"{kind} ({count} times)" if count > 1 else kind for kind, count in shown)
    more = f" and {len(missing) - len(shown)} more" if len(missing) > len(shown) else ""
    first = next(node for node in nodes if node.type == shown[0][0])
    reasons = dict.fromkeys(REFUSED[kind] for kind, _ in shown if kind in REFUSED)
    raise ModelError(
        f"model: the ONNX graph has operators that are not supported: {listed}{more}; the first is "
        f"node {first.name or first.outputs[0]}" + (f" ({'; '.join(reasons)})" if reasons else "")
    )


def _declared_shape(image: onnx.ValueInfoProto) -> list[int | None]:
    """Return the declared shape; None for sides that are open."""
    kind = image.type.tensor_type
    if not kind.HasField("shape") or not kind.shape.dim:
        raise ModelError(f"model: the ONNX graph does not say the shape of its input {image.name}")
    return [side.dim_value if side.dim_value > 0 else None for side in kind.shape.dim]


def _input_dtype(image: onnx.ValueInfoProto) -> str:
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(image.type.tensor_type.elem_type)
    except (KeyError, ValueError):
        raise ModelError(f"model: the ONNX graph's input {image.name} is not a tensor") from None
    return "float32" if dtype.name in ("float16", "bfloat16") else str(dtype.name)


def _begins_with_convolution(nodes: list[Node], image: str) -> bool:
    """Tell whether the image goes into a convolution without arithmetic before it."""
    same = {image}
    for node in nodes:
        if not same.isdisjoint(node.inputs):
            if node.type == "Conv":
                return True
            if node.type not in _UNSCALED:
                return False
            same.update(node.outputs)
    return False
