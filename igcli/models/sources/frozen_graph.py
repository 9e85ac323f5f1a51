"""Networks in frozen graphs of TensorFlow 1."""

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from igcli.errors import ModelError
from igcli.models.options import ModelOptions
from igcli.models.runtime import tensorflow
from igcli.models.sources import OpenedModel
from igcli.models.sources.keras_file import first_line

tf = tensorflow()

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp")
_NO_SINKS = ("Const", "Placeholder", "NoOp", "Assert", "SaveV2", "RestoreV2")


def load(options: ModelOptions) -> OpenedModel:
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


def parse(data: bytes, options: ModelOptions) -> OpenedModel:
    """Return the network in a file's bytes; `options.source` is its name in messages.

    Raises:
        ModelError: They are no frozen graph, or its input or output is not there or not unique.
    """
    what = f"model: {options.source}"
    definition = _definition(data, what)
    graph = _imported(definition, what)
    feeds = _feeds(graph, options)
    source = _tensor(graph, "input", options.input, _images(graph, feeds))
    wanted = str(options.output) if options.output is not None else None
    result = _tensor(graph, "output", wanted, _sinks(graph))
    needed = _needed(definition, result.op.name, source)
    if source.op.name not in {node.name for node in needed.node}:
        raise ModelError(f"{what}: {result.name} does not depend on {source.name}")
    _check_fed(needed, {source.op.name, *feeds}, what)

    nodes = {node.name for node in needed.node}

    # Without this TensorFlow could import a graph only while it traces another.
    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def function(inputs: Any) -> Any:
        mapped = {name: tf.constant(value, dtype) for name, (value, dtype) in feeds.items()}
        mapped = {name: each for name, each in mapped.items() if name in nodes}
        mapped[source.name] = inputs
        [found] = tf.graph_util.import_graph_def(needed, mapped, [result.name], name="")
        return found

    return OpenedModel(
        function=function,
        input_shape=tuple(source.shape[1:]) if source.shape.rank else (None, None, None),
        dtype=source.dtype.name,
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


def _needed(definition: Any, output: str, source: Any) -> Any:
    """Return the part of a graph between a tensor, the only input of its own, and an output."""
    given = tf.compat.v1.NodeDef(name=source.op.name, op="Placeholder")
    given.attr["dtype"].type = source.dtype.as_datatype_enum
    nodes = {node.name: node for node in definition.node}
    nodes[given.name] = given
    wanted, found = [output], set()
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += [each.removeprefix("^").split(":")[0] for each in nodes[name].input]
    needed = tf.compat.v1.GraphDef(versions=definition.versions, library=definition.library)
    needed.node.extend(node for name, node in nodes.items() if name in found)
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


def _feeds(graph: Any, options: ModelOptions) -> dict[str, tuple[float | bool, Any]]:
    """Return what the options feed, value and type by the name of the operation."""
    found = {}
    for name, value in (options.feeds or {}).items():
        tensor = _tensor(graph, "feeds", name, _placeholders(graph))
        found[tensor.op.name] = value, tensor.dtype
    return found


def _check_fed(needed: Any, given: Collection[str], what: str) -> None:
    """Refuse a graph that needs more than it is given."""
    missing = [node for node in needed.node if node.op == "Placeholder" and node.name not in given]
    if missing:
        is_flag = {
            node.name: node.attr["dtype"].type == tf.bool.as_datatype_enum for node in missing
        }
        feeds = {name: "false" if flag else "1.0" for name, flag in is_flag.items()}
        listed = ", ".join(f"{name}: {value}" for name, value in feeds.items())
        option = ",".join(f"{name}={value}" for name, value in feeds.items())
        raise ModelError(
            f"{what} also needs a value for {', '.join(feeds)}: set model.feeds: {{{listed}}} "
            f"(--model-feeds {option})"
        )


def _placeholders(graph: Any) -> list[Any]:
    kinds = ("Placeholder", "PlaceholderWithDefault")
    return [op.outputs[0] for op in graph.get_operations() if op.type in kinds]


def _images(graph: Any, feeds: Collection[str]) -> list[Any]:
    """Return the placeholders that may take an image: all, where none has the shape of one."""
    free = [each for each in _placeholders(graph) if each.op.name not in feeds]
    shaped = [each for each in free if each.shape.rank in (None, 3, 4)]
    exact = [each for each in shaped if each.shape.rank == 4]
    return exact if len(exact) == 1 else shaped or free


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
