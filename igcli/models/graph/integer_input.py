"""Networks that take integers and cast them to floating-point numbers themselves.

Through a cast to integers there is no gradient. What such a network does to whole numbers before
its own cast (moving and resizing them) is done to floating-point numbers instead; for an image,
whose pixels are whole numbers, that is the same.
"""

from collections import defaultdict
from typing import Any

from igcli.errors import ModelError
from igcli.models.runtime import tensorflow

tf = tensorflow()

_NAME = "igcli_integers"
_MOVING = (
    *("Identity", "Reshape", "Transpose", "StridedSlice", "Slice", "ReverseV2", "ExpandDims"),
    *("Squeeze", "Pad", "MirrorPad", "ResizeNearestNeighbor", "EnsureShape"),
)
_RESIZING = ("ResizeBilinear", "ResizeArea", "ResizeBicubic", "CropAndResize")
"""Operations that give floating-point numbers whatever they are given."""


def as_integers(pixels: Any, dtype: str) -> Any:
    """Cast pixels to what a network takes, in a way that `pass_floats` finds again."""
    return tf.cast(pixels, dtype, name=_NAME)


def pass_floats(definition: Any) -> None:
    """Let floating-point numbers through a graph up to where it casts to them itself.

    Args:
        definition: The GraphDef, changed in place; without `as_integers` it stays as it is.

    Raises:
        ModelError: It computes with the integers.
    """
    consumers: dict[str, list[Any]] = defaultdict(list)
    for node in definition.node:
        for name in node.input:
            consumers[name.removesuffix(":0")].append(node)
    waiting = [node for node in definition.node if node.name.rpartition("/")[2] == _NAME]
    while waiting:
        node = waiting.pop()
        goes_on = _goes_on(node)
        _take_floats(node)
        for user in consumers[node.name] if goes_on else ():
            if user.op not in ("Cast", "Shape", *_MOVING, *_RESIZING):
                raise ModelError(
                    f"model: it computes with integers ({user.name}, {user.op}), through which "
                    "there is no gradient: save it from its first floating-point tensor on"
                )
            waiting.append(user)


def _goes_on(node: Any) -> bool:
    """Tell whether what an operation gives are still integers in the original graph."""
    if node.op == "Cast":
        return not tf.as_dtype(node.attr["DstT"].type).is_floating
    return node.op in _MOVING


def _take_floats(node: Any) -> None:
    """Let an operation take float32; a cast to integers or to float32 passes it on."""
    target = tf.as_dtype(node.attr["DstT"].type) if node.op == "Cast" else None
    if target is not None and target.is_floating and target != tf.float32:
        node.attr["SrcT"].type = tf.float32.as_datatype_enum
        return
    if target is not None:
        node.op = "Identity"
        for name in list(node.attr):
            del node.attr[name]
    node.attr["T"].type = tf.float32.as_datatype_enum
