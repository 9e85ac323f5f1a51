"""Gradients for networks that take integers and cast them to floating-point numbers themselves.

A cast to integers has no gradient. What such a network does to whole numbers before its own cast
(move and resize them) is done to floating-point numbers instead. The pixels of an image are whole
numbers, so its scores stay the same.
"""

from collections import defaultdict
from typing import Any

from igcli.errors import ModelError
from igcli.models.runtime import tensorflow

tf = tensorflow()

_CAST_NAME = "igcli_integers"
_MOVING = (
    *("Identity", "Reshape", "Transpose", "StridedSlice", "Slice", "ReverseV2", "ExpandDims"),
    *("Squeeze", "Pad", "MirrorPad", "ResizeNearestNeighbor", "EnsureShape"),
)
_RESIZING = ("ResizeBilinear", "ResizeArea", "ResizeBicubic", "CropAndResize")
"""Operations that return floating-point numbers for inputs of any type."""


def cast_to_integers(pixels: Any, dtype: str) -> Any:
    """Cast pixels to the network's type, under a name that `bypass_integer_casts` recognizes."""
    return tf.cast(pixels, dtype, name=_CAST_NAME)


def bypass_integer_casts(definition: Any) -> None:
    """Let floating-point numbers pass through a graph up to its own cast to them.

    Args:
        definition: The GraphDef, changed in place; unchanged if it has no `cast_to_integers`.

    Raises:
        ModelError: The graph computes with the integers.
    """
    consumers: dict[str, list[Any]] = defaultdict(list)
    for node in definition.node:
        for name in node.input:
            consumers[name.removesuffix(":0")].append(node)
    pending = [
        node
        for node in definition.node  # A graph that was frozen before has an identity there.
        if node.name.rpartition("/")[2] == _CAST_NAME and node.op == "Cast"
    ]
    while pending:
        node = pending.pop()
        continues = _returns_integers(node)
        _accept_floats(node)
        for consumer in consumers[node.name] if continues else ():
            if consumer.op not in ("Cast", "Shape", *_MOVING, *_RESIZING):
                raise ModelError(
                    f"model: it computes with integers ({consumer.name}, {consumer.op}), and these "
                    "have no gradient: save the part of the network that starts at its first "
                    "floating-point tensor"
                )
            pending.append(consumer)


def _returns_integers(node: Any) -> bool:
    """Tell whether an operation returns integers in the original graph."""
    if node.op == "Cast":
        return not tf.as_dtype(node.attr["DstT"].type).is_floating
    return node.op in _MOVING


def _accept_floats(node: Any) -> None:
    """Let an operation take float32; a cast to integers or to float32 becomes an identity."""
    target = tf.as_dtype(node.attr["DstT"].type) if node.op == "Cast" else None
    if target is not None and target.is_floating and target != tf.float32:
        node.attr["SrcT"].type = tf.float32.as_datatype_enum
        return
    if target is not None:
        node.op = "Identity"
        for name in list(node.attr):
            del node.attr[name]
    node.attr["T"].type = tf.float32.as_datatype_enum
