"""Networks in frozen graphs of TensorFlow 1."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from igcli.errors import ModelError
from igcli.models.options import ModelOptions
from igcli.models.runtime import tensorflow
from igcli.models.sources import Loaded
from igcli.models.sources.input_shape import check_dtype
from igcli.models.sources.keras_file import first_line

tf = tensorflow()

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp")
_NO_SINKS = ("Const", "Placeholder", "NoOp", "Assert", "SaveV2", "RestoreV2")


def load(options: ModelOptions) -> Loaded:
    """Load a frozen graph.

    Raises:
        ModelError: It cannot be read, or its input or output is not there or not unique.
    """
    path = options.source
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"model: {path}: {error.strerror}") from None
    return parse(data, options)


def parse(data: bytes, options: ModelOptions) -> Loaded:
    """Return the network in a file's bytes; `options.source` is its name in messages.

    Raises:
        ModelError: They are no frozen graph, or its input or output is not there or not unique.
    """
    what = f"model: {options.source}"
    definition = _definition(data, what)
    graph = _imported(definition, what)
    source = _tensor(graph, "input", options.input, _placeholders(graph))
    wanted = str(options.output) if options.output is not None else None
    result = _tensor(graph, "output", wanted, _sinks(graph))
    check_dtype(source.dtype, options.source)
    needed = _needed(definition, result.op.name)
    if source.op.name not in {node.name for node in needed.node}:
        raise ModelError(f"{what}: {result.name} does not depend on {source.name}")

    def function(inputs: Any) -> Any:
        mapped = {source.name: tf.cast(inputs, source.dtype)}
        [found] = tf.graph_util.import_graph_def(needed, mapped, [result.name], name="")
        return found

    return Loaded(
        function=function,
        input_shape=tuple(source.shape[1:]) if source.shape.rank else (None, None, None),
        preprocess="none",
        labels=None,
        sha256=hashlib.sha256(data).hexdigest(),
        input=source.name,
        output=result.name,
        parameters=_parameters(needed),
    )


def _definition(data: bytes, what: str) -> Any:
    """Parse a GraphDef."""
    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(data)
    except DecodeError:
        definition.Clear()
    if not definition.node:
        hint = (
            "it is empty"
            if not data
            else "truncated, or of another kind (for a SavedModel, give its folder)"
        )
        raise ModelError(f"{what} is not a frozen graph that can be read: {hint}")
    variable = next((node.name for node in definition.node if node.op in _VARIABLES), None)
    if variable:
        raise ModelError(
            f"{what} is not frozen: {variable} is a variable without a value; freeze it first, or "
            "export a SavedModel"
        )
    return definition


def _needed(definition: Any, output: str) -> Any:
    """Return the graph without the nodes that an output does not depend on."""
    nodes = {node.name: node for node in definition.node}
    wanted, found = [output], set()
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += [each.removeprefix("^").split(":")[0] for each in nodes[name].input]
    needed = tf.compat.v1.GraphDef(versions=definition.versions, library=definition.library)
    needed.node.extend(node for node in definition.node if node.name in found)
    return needed


def _imported(definition: Any, what: str) -> Any:
    """Return the graph with its shapes."""
    with tf.Graph().as_default() as graph:
        try:
            tf.graph_util.import_graph_def(definition, name="")
        except (ValueError, tf.errors.OpError) as error:
            reason = first_line(error)
            raise ModelError(f"{what} is not a graph that TensorFlow can use: {reason}") from None
    return graph


def _placeholders(graph: Any) -> list[Any]:
    return [op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"]


def _sinks(graph: Any) -> list[Any]:
    """Return the tensors that nothing takes."""
    return [
        op.outputs[0]
        for op in graph.get_operations()
        if op.outputs and op.type not in _NO_SINKS and not any(t.consumers() for t in op.outputs)
    ]


def _tensor(graph: Any, key: str, name: str | None, candidates: Sequence[Any]) -> Any:
    """Return the tensor named, or the only candidate."""
    if name is None and len(candidates) == 1:
        return candidates[0]
    listed = ", ".join(tensor.name for tensor in candidates) or "none"
    if name is None:
        raise ModelError(f"model.{key}: the graph has {len(candidates)}, name one: {listed}")
    try:
        return graph.get_tensor_by_name(name if ":" in name else f"{name}:0")
    except (KeyError, ValueError):
        raise ModelError(f"model.{key}: the graph has no tensor {name}, but {listed}") from None


def _parameters(definition: Any) -> int:
    """Count the numbers in floating-point constants, the scalars among them left out."""
    shapes = [
        [side.size for side in node.attr["value"].tensor.tensor_shape.dim]
        for node in definition.node
        if node.op == "Const" and tf.as_dtype(node.attr["dtype"].type).is_floating
    ]
    return sum(int(np.prod(shape)) for shape in shapes if shape)
