"""Networks in frozen graphs of TensorFlow 1."""

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from igcli.errors import ModelError
from igcli.models.options import ModelOptions
from igcli.models.runtime import first_line, tensorflow
from igcli.models.sources import OpenedModel
from igcli.options import setting

tf = tensorflow()

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp")
_NEVER_OUTPUTS = ("Const", "Placeholder", "NoOp", "Assert", "SaveV2", "RestoreV2")


def load(options: ModelOptions) -> OpenedModel:
    """Load a frozen graph.

    Raises:
        ModelError: It cannot be read, or its input or output is missing or ambiguous.
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
        ModelError: They are not a frozen graph, or its input or output is missing or ambiguous.
    """
    prefix = f"model: {options.source}"
    definition = _parse_definition(data, prefix)
    graph = _import_graph(definition, prefix)
    feeds = _feeds(graph, options)
    source = _select(graph, "input", options.input, _input_candidates(graph, feeds))
    output = str(options.output) if options.output is not None else None
    result = _select(graph, "output", output, _output_candidates(graph))
    subgraph = _between(definition, source, result.op.name)
    nodes = {node.name for node in subgraph.node}
    if source.op.name not in nodes:
        raise ModelError(f"{prefix}: {result.name} does not depend on {source.name}")
    _check_fed(subgraph, {source.op.name, *feeds}, prefix)
    used_feeds = {name: feed for name, feed in feeds.items() if name in nodes}

    # Without tf.function, TensorFlow could import a graph only while tracing another.
    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def function(inputs: Any) -> Any:
        mapped = {name: tf.constant(value, dtype) for name, (value, dtype) in used_feeds.items()}
        mapped[source.name] = inputs
        [scores] = tf.graph_util.import_graph_def(subgraph, mapped, [result.name], name="")
        return scores

    return OpenedModel(
        function=function,
        input_shape=tuple(source.shape[1:]) if source.shape.rank else (None, None, None),
        dtype=source.dtype.name,
        preprocess="none",
        labels=None,
        sha256=hashlib.sha256(data).hexdigest(),
        input=source.name,
        output=result.name,
        parameters=_count_parameters(subgraph),
    )


def _parse_definition(data: bytes, prefix: str) -> Any:
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
            else "it is truncated or a file of another kind (for a SavedModel, give its folder)"
        )
        raise ModelError(f"{prefix} is not a readable frozen graph: {hint}")
    variable = next((node.name for node in definition.node if node.op in _VARIABLES), None)
    if variable:
        raise ModelError(
            f"{prefix} is not frozen: {variable} is a variable without a value; freeze it first, "
            "or export a SavedModel"
        )
    return definition


def _import_graph(definition: Any, prefix: str) -> Any:
    """Return the graph with its shapes."""
    with tf.Graph().as_default() as graph:
        try:
            tf.graph_util.import_graph_def(definition, name="")
        except (ValueError, tf.errors.OpError) as error:
            reason = first_line(error)
            raise ModelError(f"{prefix} is not a graph that TensorFlow can use: {reason}") from None
    return graph


def _feeds(graph: Any, options: ModelOptions) -> dict[str, tuple[float | bool, Any]]:
    """Return the values that the options feed, and their types, by the name of the operation."""
    feeds = {}
    for name, value in (options.feeds or {}).items():
        tensor = _select(graph, "feeds", name, _placeholders(graph))
        feeds[tensor.op.name] = value, tensor.dtype
    return feeds


def _placeholders(graph: Any) -> list[Any]:
    types = ("Placeholder", "PlaceholderWithDefault")
    return [op.outputs[0] for op in graph.get_operations() if op.type in types]


def _input_candidates(graph: Any, feeds: Collection[str]) -> list[Any]:
    """Return the placeholders that may take an image: all, if none has the shape of an image."""
    free = [tensor for tensor in _placeholders(graph) if tensor.op.name not in feeds]
    shaped = [tensor for tensor in free if tensor.shape.rank in (None, 3, 4)]
    batches = [tensor for tensor in shaped if tensor.shape.rank == 4]
    return batches if len(batches) == 1 else shaped or free


def _output_candidates(graph: Any) -> list[Any]:
    """Return the tensors that no operation consumes."""
    return [
        op.outputs[0]
        for op in graph.get_operations()
        if op.outputs
        and op.type not in _NEVER_OUTPUTS
        and not any(tensor.consumers() for tensor in op.outputs)
    ]


def _select(graph: Any, key: str, name: str | None, candidates: Sequence[Any]) -> Any:
    """Return the tensor of a name, or without a name the only candidate."""
    if name is None and len(candidates) == 1:
        return candidates[0]
    listed = ", ".join(tensor.name for tensor in candidates) or "none"
    if name is None:
        raise ModelError(f"model.{key}: the graph has {len(candidates)}, name one: {listed}")
    try:
        return graph.get_tensor_by_name(name if ":" in name else f"{name}:0")
    except (KeyError, ValueError):
        raise ModelError(
            f"model.{key}: the graph has no tensor {name}; choose from: {listed}"
        ) from None


def _between(definition: Any, source: Any, output: str) -> Any:
    """Return the subgraph that computes an output, with a tensor replaced by a placeholder."""
    placeholder = tf.compat.v1.NodeDef(name=source.op.name, op="Placeholder")
    placeholder.attr["dtype"].type = source.dtype.as_datatype_enum
    nodes = {node.name: node for node in definition.node}
    nodes[placeholder.name] = placeholder
    pending, visited = [output], set()
    while pending:
        name = pending.pop()
        if name not in visited:
            visited.add(name)
            pending += [tensor.removeprefix("^").split(":")[0] for tensor in nodes[name].input]
    subgraph = tf.compat.v1.GraphDef(versions=definition.versions, library=definition.library)
    subgraph.node.extend(node for name, node in nodes.items() if name in visited)
    return subgraph


def _check_fed(subgraph: Any, fed: Collection[str], prefix: str) -> None:
    """Refuse a graph with placeholders that receive no value."""
    missing = [node for node in subgraph.node if node.op == "Placeholder" and node.name not in fed]
    if missing:
        is_flag = {
            node.name: node.attr["dtype"].type == tf.bool.as_datatype_enum for node in missing
        }
        feeds = {name: "false" if flag else "1.0" for name, flag in is_flag.items()}
        listed = ", ".join(f"{name}: {value}" for name, value in feeds.items())
        option = ",".join(f"{name}={value}" for name, value in feeds.items())
        raise ModelError(
            f"{prefix} also needs a value for {', '.join(feeds)}: set "
            f"{setting('model.feeds', f'{{{listed}}}', typed=option)}"
        )


def _count_parameters(definition: Any) -> int:
    """Count the numbers in floating-point constants other than scalars."""
    shapes = [
        [side.size for side in node.attr["value"].tensor.tensor_shape.dim]
        for node in definition.node
        if node.op == "Const" and tf.as_dtype(node.attr["dtype"].type).is_floating
    ]
    return sum(int(np.prod(shape)) for shape in shapes if shape)
