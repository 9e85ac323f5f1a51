"""Variables turned into constants: what a network is at inference, whatever training left in it."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.exhaustion import out_of_memory
from igcli.models.graph.integer_input import pass_floats
from igcli.models.runtime import tensorflow

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
