"""TensorFlow functions as frozen graphs: variables turned into constants, once."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.graph import custom_gradients
from igcli.models.graph.fold_batch_norm import fold
from igcli.models.graph.integer_input import pass_floats
from igcli.models.graph.residual_bias import merge_offsets
from igcli.models.network.reentrant import add_at_once
from igcli.models.runtime import out_of_memory, tensorflow

tf = tensorflow()
# The public converter, tf.lite's, wants a SavedModel on disk.
converter = import_module("tensorflow.python.framework.convert_to_constants")

_ASSIGNMENTS = ("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp")
_RANDOM = ("Random", "Multinomial", "TruncatedNormal", "Bernoulli")
_MARKS = ("_XlaMustCompile", "_noinline")
_TRIED = 8
"""Inputs that random operations are tried on: that none of them is flipped has a chance of 1/256
for each flip."""


def converted(concrete: Any) -> Any:
    """Return a concrete function with its variables as constants.

    Augmentation layers count their calls in variables, also where nothing is augmented: what is
    assigned is dropped.

    Args:
        concrete: A concrete function of one tensor.

    Raises:
        ModelError: Its output is random, or it computes with integers.
    """
    frozen, is_inlined = _frozen(concrete)
    if not is_inlined:
        frozen, _ = _frozen(frozen)
    random = next(_random_operations(frozen), None)
    if random is not None and _is_random(concrete):
        raise ModelError(
            "model: its output is random at inference, as augmentation layers make it in "
            "model.export(): save it with model.save(FILE.keras) or without these layers, or feed "
            f"a frozen graph what turns it off (model.feeds); the operation is {random}"
        )
    return frozen


def _frozen(concrete: Any) -> tuple[Any, bool]:
    """Return a function with constants, and whether no call of another is left to be inlined."""
    data = converter._FunctionConverterDataInEager(
        func=concrete, lower_control_flow=False, aggressive_inlining=False
    )
    definition, indices = converter._replace_variables_by_constants(converter_data=data)
    _drop_assignments(definition)
    marked = _unmark(definition)
    if not marked:
        pass_floats(definition)
    return converter._construct_concrete_function(concrete, definition, indices), not marked


def _unmark(definition: Any) -> bool:
    """Let calls be inlined that XLA was to compile; tell whether there were any.

    Keras marks convolutions in groups so on a CPU, and what is marked has no gradient once frozen.
    """
    functions = definition.library.function
    parts = [*definition.node, *(node for each in functions for node in each.node_def), *functions]
    marked = [(part, mark) for part in parts for mark in _MARKS if mark in part.attr]
    for part, mark in marked:
        del part.attr[mark]
    return bool(marked)


def _drop_assignments(definition: Any) -> None:
    for nodes in (definition.node, *(each.node_def for each in definition.library.function)):
        dropped = {node.name for node in nodes if node.op in _ASSIGNMENTS}
        if dropped:
            kept = [node for node in nodes if node.name not in dropped]
            for node in kept:
                node.input[:] = [each for each in node.input if each.lstrip("^") not in dropped]
            del nodes[:]
            nodes.extend(kept)


def _random_operations(function: Any) -> Iterator[str]:
    """Yield the names of operations that draw numbers which an output depends on."""
    seen: set[str] = set()
    waiting = [tensor.op for tensor in function.outputs]
    while waiting:
        op = waiting.pop()
        if op.name not in seen:
            seen.add(op.name)
            waiting += [tensor.op for tensor in op.inputs]
            if any(word in op.type for word in _RANDOM):
                yield op.name
    for each in function.graph.as_graph_def().library.function:
        yield from (node.name for node in each.node_def if any(word in node.op for word in _RANDOM))


def _is_random(concrete: Any) -> bool:
    """Tell whether a function gives something else when it is called again."""
    [spec] = concrete.structured_input_signature[0]
    shape = (spec.shape[0] or _TRIED, *spec.shape[1:])
    inputs = tf.constant(np.random.default_rng(0).uniform(0, 255, shape), tf.float32)
    with out_of_memory():
        first, again = (np.asarray(tf.nest.flatten(concrete(inputs))[0]) for _ in range(2))
    return not np.allclose(first, again, rtol=1e-4, atol=1e-6)


Function = Callable[..., Any]

LARGE = 1 << 12
"""Bytes from which on a constant is no part of the graph."""

COLLECTED = 1 << 26
"""Bytes of a network that are worth looking for garbage, which takes a fraction of a second."""


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A function as a graph.

    Attributes:
        graph: A concrete function; its `outputs` are tensors of its own `graph`.
        source: What was traced, where its variables are still variables; None once they are
            constants.
        signature: A `tf.TensorSpec` for each input.
    """

    graph: Any
    source: Function | None
    signature: Sequence[Any]

    def cut(self, find: Callable[[Any], Any]) -> Any:
        """Return the function that ends at the tensor that `find` gives for the only output."""
        if self.source is None:
            return self.graph.prune(self.graph.inputs, [find(self.graph.outputs[0])])
        source = self.source
        return tf.compat.v1.wrap_function(lambda *inputs: [find(source(*inputs))], self.signature)


def freeze(function: Function, signature: Sequence[Any]) -> Traced:
    """Return `function` as a graph whose variables are constants, with a fast gradient.

    Where it has gradients of its author's the variables stay, for those refer to what was traced.

    Args:
        function: A tensor of as many tensors as `signature` has.
        signature: A `tf.TensorSpec` for each input.

    Raises:
        ModelError: What it gives is random, or computed with integers.
    """
    concrete = tf.function(function).get_concrete_function(*signature)
    frozen = converted(concrete)
    operations = frozen.graph.get_operations()
    if any(custom_gradients.is_authors(op) for op in operations):
        live = tf.compat.v1.wrap_function(lambda *inputs: [function(*inputs)], signature)
        return Traced(live, function, signature)
    definition = frozen.graph.as_graph_def()
    for op in operations:
        if custom_gradients.is_replaceable(op):
            custom_gradients.replace(definition, op)
    add_at_once(definition)
    if not any(op.op_def is None or op.op_def.is_stateful for op in operations if op.inputs):
        _drop_order(definition)
    fold(frozen, definition)
    merge_offsets(definition, {tensor.op.name for tensor in frozen.outputs})
    definition, weights = _taken_out(definition)
    outputs = [tensor.name for tensor in frozen.outputs]
    found = Traced(function_of(definition, weights, frozen.inputs, outputs), None, signature)
    taken = sum(each.dtype.size * each.shape.num_elements() for each in weights.values())
    if definition.ByteSize() + taken > COLLECTED:
        del concrete, frozen, operations, definition
        gc.collect()  # What was traced holds the weights once more, in cycles.
    return found


def function_of(
    definition: Any, weights: Mapping[str, Any], inputs: Sequence[Any], outputs: Sequence[str]
) -> Any:
    """Return the concrete function of a GraphDef.

    Args:
        definition: The GraphDef.
        weights: Tensors from outside, by the name of the tensor that they stand for.
        inputs: The tensors that its arguments stand for.
        outputs: Names of the tensors that it returns.
    """

    def rebuilt(*given: Any) -> Any:
        # The function captures a tensor from outside once it is used inside.
        mapped = {name: tf.identity(tensor) for name, tensor in weights.items()}
        mapped |= {tensor.name: each for tensor, each in zip(inputs, given, strict=True)}
        return tf.graph_util.import_graph_def(definition, mapped, outputs, name="")

    signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in inputs]
    return tf.compat.v1.wrap_function(rebuilt, signature)


def _drop_order(definition: Any) -> None:
    """Leave out what is only to wait for, which functions within functions leave behind."""
    for node in definition.node:
        node.input[:] = [each for each in node.input if each[0] != "^"]


def _taken_out(definition: Any) -> tuple[Any, dict[str, Any]]:
    """Return a graph's definition, and its weights and large constants by name as tensors.

    Everything compiled from a graph has several copies of its own of them (ResNet50V2: 3 GB). And
    convolutions keep constant filters rearranged: in that part of TensorFlow 2.21, two batches at a
    time were seen to crash, twice in some hours.
    """
    found, kept = {}, []
    used = {name for node in definition.node for name in node.input}
    for node in definition.node:
        if not _is_taken(node):
            kept.append(node)
        elif node.name in used:  # The filters that others were folded into are not.
            found[f"{node.name}:0"] = tf.constant(tf.make_ndarray(node.attr["value"].tensor))
    rest = type(definition)(node=kept, library=definition.library, versions=definition.versions)
    return rest, found


def _is_taken(node: Any) -> bool:
    if node.op != "Const":
        return False
    tensor = node.attr["value"].tensor
    is_weight = tf.as_dtype(tensor.dtype).is_floating and len(tensor.tensor_shape.dim) > 1
    return is_weight or tensor.ByteSize() >= LARGE
