"""Lets several threads call TensorFlow functions at the same time.

If the tensors of a graph fill four fifths of 256 MB, which is what TensorFlow takes a CPU's memory
to be, its memory optimization adds three or more of them up in a temporary variable. Calls outside
a session share one container of such variables. A second call at the same time then finds the name
taken (`AlreadyExistsError`). And the terms are added in the order in which they become ready, so
that the last bits of a sum depend on the threads.

And TensorFlow's remapper makes a convolution, its bias and a residual sum one operation. In
TensorFlow 2.21, that operation (`MklConvOp`) keeps pointers to the other term of the sum in the
kernel, where two calls at the same time replace each other's: one in some thousand calls of a small
residual network returned other numbers, and a ResNet-50 crashed once. Without the remapper,
gradients take as long.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any

from igcli.models.runtime import tensorflow

tf = tensorflow()
# Public settings affect the whole process, which igcli may share, and none covers this pass.
eager = import_module("tensorflow.python.eager.context")


@contextmanager
def reentrant() -> Iterator[None]:
    """Let this thread call functions without two of TensorFlow's optimizations."""
    context = eager.context()
    options = context.function_call_options
    context.function_call_options = _unoptimized(
        options.executor_type, options.config_proto_serialized
    )
    try:
        yield
    finally:
        context.function_call_options = options


@lru_cache(maxsize=8)
def _unoptimized(executor: str | None, serialized: bytes) -> Any:
    config = tf.compat.v1.ConfigProto.FromString(serialized)
    rewriting = config.graph_options.rewrite_options
    rewriting.memory_optimization = type(rewriting).NO_MEM_OPT
    rewriting.remapping = type(rewriting).OFF
    return eager.FunctionCallOptions(executor, config)
