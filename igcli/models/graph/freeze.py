"""TensorFlow functions as frozen graphs: variables turned into constants, once."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from igcli.models.graph import custom_gradients
from igcli.models.graph.constants import converted
from igcli.models.graph.fold_batch_norm import fold
from igcli.models.graph.residual_bias import merge_offsets
from igcli.models.network.reentrant import add_at_once
from igcli.models.runtime import tensorflow

tf = tensorflow()

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
