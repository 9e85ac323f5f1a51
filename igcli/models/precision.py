"""In which numbers gradients are computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Literal

from igcli.models.runtime import tensorflow

tf = tensorflow()
# The public switch, tf.config.optimizer.set_experimental_options, is one for all threads.
eager = import_module("tensorflow.python.eager.context")


@contextmanager
def computing_in(precision: Literal["float32", "bfloat16"]) -> Iterator[None]:
    """Compile and run functions called inside, on this thread, in the precision wanted.

    bfloat16 is for matrix products and convolutions on CPUs that have it; sums and what is
    sensitive to rounding stay float32. TensorFlow compiles each function once for each setting.
    For accelerators there is `mixed`.
    """
    if precision == "float32":
        yield
        return
    context = eager.context()
    before = context.function_call_options
    config = tf.compat.v1.ConfigProto.FromString(before.config_proto_serialized)
    rewriting = config.graph_options.rewrite_options
    rewriting.auto_mixed_precision_onednn_bfloat16 = rewriting.ON
    context.function_call_options = eager.FunctionCallOptions(before.executor_type, config)
    try:
        yield
    finally:
        context.function_call_options = before
