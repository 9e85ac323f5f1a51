"""Functions that several threads may call at the same time.

Where the tensors of a graph fill four fifths of 256 MB, which is what TensorFlow takes a CPU's
memory to be, its memory optimization adds up three or more of them in a temporary variable. Calls
outside of a session share one container of these, so that a second call at the same time finds the
name taken (`AlreadyExistsError`); and terms are added in the order in which they are ready, so that
the last bits of a sum depend on the threads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any

from igcli.models.runtime import tensorflow

tf = tensorflow()
# Public settings hold for the process, in which igcli may be a guest, and none is for this pass.
eager = import_module("tensorflow.python.eager.context")


@contextmanager
def reentrant() -> Iterator[None]:
    """Have this thread call functions without TensorFlow's memory optimization."""
    context = eager.context()
    options = context.function_call_options
    context.function_call_options = _unoptimized(
        options.executor_type, options.config_proto_serialized
    )
    try:
        yield
    finally:
        context.function_call_options = options


def add_at_once(definition: Any) -> None:
    """Put `AddN`, of the same value and gradient, in the place of each `AccumulateNV2`.

    TensorFlow 2.21 turns it into a temporary variable of any size, or knows no way to compute it.

    Args:
        definition: The GraphDef, changed in place.
    """
    bodies = [function.node_def for function in definition.library.function]
    for nodes in [definition.node, *bodies]:
        for node in nodes:
            if node.op == "AccumulateNV2":
                node.op = "AddN"
                del node.attr["shape"]


@lru_cache(maxsize=8)
def _unoptimized(executor: str | None, serialized: bytes) -> Any:
    config = tf.compat.v1.ConfigProto.FromString(serialized)
    rewriting = config.graph_options.rewrite_options
    rewriting.memory_optimization = type(rewriting).NO_MEM_OPT
    return eager.FunctionCallOptions(executor, config)
