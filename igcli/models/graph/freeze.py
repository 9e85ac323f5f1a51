"""Freezes TensorFlow functions: variables become constants, and the graph is rewritten.

README.md in this folder lists the rewrites in their order.
"""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.graph import custom_gradients
from igcli.models.graph.fold_batch_norm import fold_constants
from igcli.models.graph.integer_input import bypass_integer_casts
from igcli.models.graph.residual_bias import merge_residual_biases
from igcli.models.runtime import tensorflow, translate_memory_errors
from igcli.options import setting

tf = tensorflow()
# The public converter, tf.lite's, needs a SavedModel on disk.
converter = import_module("tensorflow.python.framework.convert_to_constants")

_ASSIGNMENTS = ("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp")
_RANDOM = ("Random", "Multinomial", "TruncatedNormal", "Bernoulli")
_MARKS = ("_XlaMustCompile", "_noinline")
_RANDOM_INPUTS = 8
"""Inputs that random operations are tried on: the chance that none of them is flipped is 1/256 for
each random flip."""

LARGE_BYTES = 1 << 12
"""Constants of this size or larger are taken out of the graph."""

LARGE_SUM = 1 << 26
"""Bytes of weights that are worth a garbage collection, which takes a fraction of a second."""

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class FrozenGraph:
    """A function as a graph.

    Attributes:
        graph: A concrete function; its `outputs` are tensors of its own `graph`.
        source: The function that was traced, if its variables are still variables; None once they
            are constants.
        signature: A `tf.TensorSpec` for each input.
    """

    graph: Any
    source: Function | None
    signature: Sequence[Any]

    def drop_copies(self) -> None:
        """Collect garbage: what large weights were read from holds copies, in reference cycles."""
        weights = [] if self.source else [outer for outer, _ in self.graph.graph.captures]
        if sum(weight.dtype.size * weight.shape.num_elements() for weight in weights) > LARGE_SUM:
            gc.collect()

    def ending_at(self, find: Callable[[Any], Any]) -> Any:
        """Return the function that ends at the tensor that `find` returns for the only output."""
        if self.source is None:
            return self.graph.prune(self.graph.inputs, [find(self.graph.outputs[0])])
        source = self.source
        return tf.compat.v1.wrap_function(lambda *inputs: [find(source(*inputs))], self.signature)

    def moved(self) -> "FrozenGraph":
        """Return the function on the device of the `tf.device` that this is called in."""
        if self.source is not None:
            source = self.source
            graph = tf.compat.v1.wrap_function(lambda *inputs: [source(*inputs)], self.signature)
            return replace(self, graph=graph)
        definition = self.graph.graph.as_graph_def()
        bodies = [function.node_def for function in definition.library.function]
        for node in (node for nodes in (definition.node, *bodies) for node in nodes):
            node.ClearField("device")
        captures = self.graph.graph.captures
        weights = {inner.name: tf.identity(outer) for outer, inner in captures}
        captured = {inner.name for _, inner in captures}
        inputs = [tensor for tensor in self.graph.inputs if tensor.name not in captured]
        outputs = [tensor.name for tensor in own_outputs(self.graph)]
        graph = function_from_graph(definition, weights, inputs, outputs)
        return replace(self, graph=graph)

    def inlined(self, inputs: Any) -> Any:
        """Return the only output for the only input, with all operations in the current graph."""
        if self.source is not None:
            return self.source(inputs)
        graph = self.graph.graph
        tensors = {inner.name: tf.identity(outer) for outer, inner in graph.captures}
        tensors[self.graph.inputs[0].name] = inputs
        definition = graph.as_graph_def()
        # XLA refuses placeholders, even those that the rewriting left unused.
        kept = [node for node in definition.node if node.op != "Placeholder"]
        del definition.node[:]
        definition.node.extend(kept)
        outputs = [self.graph.outputs[0].name]
        return tf.graph_util.import_graph_def(definition, tensors, outputs, name="")[0]


def freeze(function: Function, signature: Sequence[Any], *, fold: bool = True) -> FrozenGraph:
    """Return `function` as a rewritten graph whose variables are constants.

    If it has custom gradients of its author's, its variables stay and nothing is rewritten, because
    such gradients refer to the traced function.

    Args:
        function: Takes as many tensors as `signature` has, and returns one tensor.
        signature: A `tf.TensorSpec` for each input.
        fold: Whether values inside the network may change, as they do when constants fold into
            convolutions.

    Raises:
        ModelError: The output is random, or the graph computes with integers.
    """
    concrete = tf.function(function).get_concrete_function(*signature)
    frozen = convert_variables(concrete)
    operations = frozen.graph.get_operations()
    if any(custom_gradients.has_authors_gradient(op) for op in operations):
        live = tf.compat.v1.wrap_function(lambda *inputs: [function(*inputs)], signature)
        return FrozenGraph(live, function, signature)
    definition = frozen.graph.as_graph_def()
    for op in operations:
        if custom_gradients.is_replaceable(op):
            custom_gradients.replace(definition, op)
    _replace_accumulate_n(definition)
    if not any(op.op_def is None or op.op_def.is_stateful for op in operations if op.inputs):
        _drop_control_inputs(definition)
    if fold:
        fold_constants(frozen, definition)
        merge_residual_biases(definition, {tensor.op.name for tensor in frozen.outputs})
    ends = [tensor.op.name for tensor in (*frozen.inputs, *frozen.outputs)]
    # Filters that were replaced by folded ones are still there.
    definition = tf.compat.v1.graph_util.extract_sub_graph(definition, ends)
    definition, weights = _extract_weights(definition)
    outputs = [tensor.name for tensor in frozen.outputs]
    graph = function_from_graph(definition, weights, frozen.inputs, outputs)
    del concrete, frozen, operations, definition
    rewritten = FrozenGraph(graph, None, signature)
    rewritten.drop_copies()
    return rewritten


def convert_variables(concrete: Any) -> Any:
    """Return a concrete function whose variables are constants.

    Assignments are dropped: augmentation layers count their calls in variables, even if nothing is
    augmented.

    Args:
        concrete: A concrete function of one tensor.

    Raises:
        ModelError: The output is random, or the graph computes with integers.
    """
    frozen, is_inlined = _convert_once(concrete)
    if not is_inlined:
        frozen, _ = _convert_once(frozen)
    random_operation = next(_random_operations(frozen), None)
    if random_operation is not None and _is_random(concrete):
        raise ModelError(
            "model: its output is random at inference, as augmentation layers make it in "
            "model.export(): save it with model.save(FILE.keras), remove these layers, or feed a "
            "frozen graph the value that turns the randomness off, "
            f"{setting('model.feeds')}; the operation is {random_operation}"
        )
    return frozen


def function_from_graph(
    definition: Any, weights: Mapping[str, Any], inputs: Sequence[Any], outputs: Sequence[str]
) -> Any:
    """Return the concrete function of a GraphDef.

    Args:
        definition: The GraphDef.
        weights: Tensors from outside the graph, by the name of the tensor that they stand for.
        inputs: The tensors that the function's arguments stand for.
        outputs: Names of the tensors that it returns.
    """
    signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in inputs]
    # TensorFlow keeps `rebuilt`: with `inputs` it would keep the graph that they come from.
    names = [tensor.name for tensor in inputs]

    def rebuilt(*arguments: Any) -> Any:
        # The function captures an outer tensor once it is used inside.
        tensors = {name: tf.identity(tensor) for name, tensor in weights.items()}
        tensors |= dict(zip(names, arguments, strict=True))
        return tf.graph_util.import_graph_def(definition, tensors, outputs, name="")

    return tf.compat.v1.wrap_function(rebuilt, signature)


def with_definition(graph: Any, definition: Any) -> Any:
    """Return a concrete function with another GraphDef, and its own weights, inputs and outputs.

    Args:
        graph: A frozen concrete function, or a part of one.
        definition: The GraphDef of its graph, changed.
    """
    captured = {id(tensor) for tensor in graph.graph.internal_captures}
    inputs = [tensor for tensor in graph.inputs if id(tensor) not in captured]
    weights = {inner.name: outer for outer, inner in graph.graph.captures}
    outputs = [tensor.name for tensor in own_outputs(graph)]
    return function_from_graph(definition, weights, inputs, outputs)


def own_outputs(graph: Any) -> Sequence[Any]:
    """Return the tensors that a concrete function returns.

    Once it has been differentiated, its `outputs` are also what its gradient needs; a function made
    of them adds zeros to each of these gradients.

    Args:
        graph: The concrete function.
    """
    return tf.nest.flatten(graph.structured_outputs)  # type: ignore[no-any-return]


def _convert_once(concrete: Any) -> tuple[Any, bool]:
    """Return a function with constants, and whether all calls of other functions are inlined."""
    data = converter._FunctionConverterDataInEager(
        func=concrete, lower_control_flow=False, aggressive_inlining=False
    )
    definition, indices = converter._replace_variables_by_constants(converter_data=data)
    _drop_assignments(definition)
    had_marks = _remove_marks(definition)
    if not had_marks:
        bypass_integer_casts(definition)
    return converter._construct_concrete_function(concrete, definition, indices), not had_marks


def _remove_marks(definition: Any) -> bool:
    """Let calls that XLA was to compile be inlined; return whether there were any.

    Keras marks grouped convolutions in this way on a CPU, and once frozen they have no gradient.
    """
    functions = definition.library.function
    holders = [
        *definition.node,
        *(node for function in functions for node in function.node_def),
        *functions,
    ]
    marked = [(holder, mark) for holder in holders for mark in _MARKS if mark in holder.attr]
    for holder, mark in marked:
        del holder.attr[mark]
    return bool(marked)


def _drop_assignments(definition: Any) -> None:
    bodies = [function.node_def for function in definition.library.function]
    for nodes in (definition.node, *bodies):
        dropped = {node.name for node in nodes if node.op in _ASSIGNMENTS}
        if dropped:
            kept = [node for node in nodes if node.name not in dropped]
            for node in kept:
                node.input[:] = [name for name in node.input if name.lstrip("^") not in dropped]
            del nodes[:]
            nodes.extend(kept)


def _random_operations(function: Any) -> Iterator[str]:
    """Yield the names of random operations that an output depends on."""
    visited: set[str] = set()
    pending = [tensor.op for tensor in function.outputs]
    while pending:
        op = pending.pop()
        if op.name not in visited:
            visited.add(op.name)
            pending += [tensor.op for tensor in op.inputs]
            if any(word in op.type for word in _RANDOM):
                yield op.name
    for body in function.graph.as_graph_def().library.function:
        yield from (node.name for node in body.node_def if any(word in node.op for word in _RANDOM))


def _is_random(concrete: Any) -> bool:
    """Tell whether a function returns something else when it is called again."""
    [spec] = concrete.structured_input_signature[0]
    shape = (spec.shape[0] or _RANDOM_INPUTS, *spec.shape[1:])
    inputs = tf.constant(np.random.default_rng(0).uniform(0, 255, shape), tf.float32)
    with translate_memory_errors():
        first, again = (np.asarray(tf.nest.flatten(concrete(inputs))[0]) for _ in range(2))
    return not np.allclose(first, again, rtol=1e-4, atol=1e-6)


def _replace_accumulate_n(definition: Any) -> None:
    """Replace each `AccumulateNV2` by an `AddN` of the same value and gradient.

    TensorFlow 2.21 turns it into a temporary variable, which calls from several threads share (see
    `models.network.reentrant`), or has no kernel for it.
    """
    bodies = [function.node_def for function in definition.library.function]
    for nodes in (definition.node, *bodies):
        for node in nodes:
            if node.op == "AccumulateNV2":
                node.op = "AddN"
                del node.attr["shape"]


def _drop_control_inputs(definition: Any) -> None:
    """Drop control inputs, which nested functions leave behind."""
    for node in definition.node:
        node.input[:] = [name for name in node.input if name[0] != "^"]


def _extract_weights(definition: Any) -> tuple[Any, dict[str, Any]]:
    """Return a GraphDef without its weights and large constants, and these by name as tensors.

    Everything compiled from a graph has several copies of its constants (ResNet50V2: 3 GB). And
    convolutions cache rearranged constant filters: in that code of TensorFlow 2.21, two batches at
    the same time crashed twice in some hours.
    """
    weights, kept = {}, []
    for node in definition.node:
        if not _is_weight(node):
            kept.append(node)
        else:
            weights[f"{node.name}:0"] = tf.constant(tf.make_ndarray(node.attr["value"].tensor))
    rest = type(definition)(node=kept, library=definition.library, versions=definition.versions)
    return rest, weights


def _is_weight(node: Any) -> bool:
    if node.op != "Const":
        return False
    tensor = node.attr["value"].tensor
    is_array = tf.as_dtype(tensor.dtype).is_floating and len(tensor.tensor_shape.dim) > 1
    return is_array or tensor.ByteSize() >= LARGE_BYTES
