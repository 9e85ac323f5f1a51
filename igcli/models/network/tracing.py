"""Traces functions for fixed signatures."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from igcli.models.graph.freeze import function_from_graph
from igcli.models.runtime import tensorflow

tf = tensorflow()
converter = import_module("tensorflow.python.framework.convert_to_constants")

Function = Callable[..., Any]


def traced(function: Function, *signature: Any) -> Function:
    """Return a concrete function; TensorFlow warns if many functions are traced by calls."""
    return _traced(function, signature)  # type: ignore[no-any-return]


def compiled_by_xla(function: Function, *signature: Any) -> Function:
    """Return a concrete function that XLA compiles at its first call.

    All calls in it are inlined. Otherwise, where one result of a call has to be known when XLA
    compiles, such as the axes of a mean for its gradient, XLA takes every argument of the call for
    a constant, and compiles again for each batch.
    """
    concrete = _traced(function, signature)
    structure = concrete.structured_outputs
    definition = converter._run_inline_graph_optimization(
        concrete, lower_control_flow=False, aggressive_inlining=True
    )
    captures = concrete.graph.captures
    weights = {inner.name: outer for outer, inner in captures}
    captured = {inner.name for _, inner in captures}
    inputs = [tensor for tensor in concrete.inputs if tensor.name not in captured]
    outputs = [tensor.name for tensor in concrete.outputs]
    inlined = function_from_graph(definition, weights, inputs, outputs)

    def packed(*arguments: Any) -> Any:
        results = iter(inlined(*arguments))
        return tf.nest.map_structure(
            lambda tensor: None if tensor is None else next(results), structure
        )

    return _traced(packed, signature, jit_compile=True)  # type: ignore[no-any-return]


def _traced(function: Function, signature: Any, *, jit_compile: bool | None = None) -> Any:
    compiled = tf.function(
        lambda *arguments: function(*arguments), autograph=False, jit_compile=jit_compile
    )
    return compiled.get_concrete_function(*signature)
