"""Marks the outputs of layers in a graph, so that they are found by their layers' names.

The names of operations do not tell: those of the Keras layer `conv2d` may be in the scope
`conv2d_1`, which is also the name of the next layer, and nodes of an ONNX graph may have names that
operations of TensorFlow cannot have. Marks are made in graphs for layers alone, since they would
keep constants from being folded in others.
"""

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from igcli.models.runtime import tensorflow

tf = tensorflow()

_MARK = "igcli_layer_"
_MARKED = re.compile(rf"(?:^|/){_MARK}([0-9a-f]+)(?:_\d+)?$")

_LOCK = threading.Lock()
"""Held while the classes of layers are changed, which all threads share."""

_thread = threading.local()


@contextmanager
def marked_layers() -> Iterator[None]:
    """Mark outputs of what this thread traces meanwhile, among them those of Keras layers."""
    modules = (sys.modules.get(name) for name in ("keras", "tf_keras"))
    with _LOCK, ExitStack() as stack:
        for module in modules:
            if module is not None:
                stack.enter_context(_marking(module.layers.Layer))
        _thread.marks = True
        try:
            yield
        finally:
            _thread.marks = False


def marked(output: Any, name: str) -> Any:
    """Return a layer's output, marked with its name within `marked_layers`."""
    is_symbolic = tf.is_tensor(output) and tf.is_symbolic_tensor(output)
    if not (name and is_symbolic and getattr(_thread, "marks", False)):
        return output
    # Names of layers may have characters that names of operations may not.
    return tf.identity(output, f"{_MARK}{name.encode('utf-8', 'surrogateescape').hex()}")


def layer_of_mark(operation: str) -> str | None:
    """Return the name of the layer whose output an operation marks; None for all others."""
    mark = _MARKED.search(operation)
    return bytes.fromhex(mark[1]).decode("utf-8", "surrogateescape") if mark else None


@contextmanager
def _marking(layer_class: Any) -> Iterator[None]:
    original: Callable[..., Any] = layer_class.__call__

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        return marked(original(layer, *arguments, **options), layer.name)

    layer_class.__call__ = call
    try:
        yield
    finally:
        layer_class.__call__ = original
