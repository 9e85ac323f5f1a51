"""The layout of a network's input: which images it takes, and how they are arranged for it."""

import math
from dataclasses import dataclass
from typing import Any

from igcli.errors import ModelError
from igcli.models.options import ModelOptions
from igcli.models.runtime import tensorflow
from igcli.models.sources import OpenedModel
from igcli.options import setting

tf = tensorflow()

SET_SIZE = f"set its size, as in {setting('model.size', '[224, 224]', typed='224,224')}"

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_INTEGERS = ("uint8", "int8", "uint16", "int16", "int32", "int64", "uint32")


@dataclass(frozen=True, slots=True)
class InputLayout:
    """How a network takes an image.

    Attributes:
        shape: Height, width and channels, 1 or 3, of an image.
        channels_first: Whether the channels come before height and width.
        inner_shape: Shape of one input as the network declares it, all sides known.
        dtype: Type of its values.
    """

    shape: tuple[int, int, int]
    channels_first: bool
    inner_shape: tuple[int, ...]
    dtype: str

    @property
    def is_integer(self) -> bool:
        """Whether the network takes integers, which it casts itself."""
        return self.dtype in _INTEGERS

    def arrange(self, images: Any) -> Any:
        """Return images (N, H, W, C), float32, in the shape that the network takes.

        The type of their values is not changed.
        """
        if self.channels_first:
            images = tf.transpose(images, [0, 3, 1, 2])
        if self.inner_shape != tuple(images.shape[1:]):
            images = tf.reshape(images, [-1, *self.inner_shape])
        return images


def input_layout(opened: OpenedModel, options: ModelOptions) -> InputLayout:
    """Determine height, width and channels of a network's input.

    Args:
        opened: The network.
        options: The requested size, if the network leaves its own open.

    Raises:
        ModelError: It takes neither RGB nor grey images, or its size is open and not given.
    """
    declared = opened.input_shape
    check_dtype(opened.dtype, options.source)
    if len(declared) == 1:
        return _row_layout(opened, options)
    is_grey = len(declared) == 2
    channels_first = len(declared) == 3 and declared[0] in (1, 3) and declared[2] not in (1, 3)
    *sides, channels = (*declared, 1) if is_grey else declared
    if channels_first:
        channels, *sides = declared
    if len(sides) != 2 or channels not in (1, 3, None):
        raise ModelError(
            f"model: {options.source} takes {_description(declared)}, expected RGB or grey images: "
            "(height, width, 3), (height, width, 1), (height, width), or the channels first"
        )
    height, width = _size(sides, opened, options)
    channels = channels or 3
    full_shape = (channels, height, width) if channels_first else (height, width, channels)
    inner_shape = (height, width) if is_grey else full_shape
    return InputLayout((height, width, channels), channels_first, inner_shape, opened.dtype)


def check_dtype(dtype: Any, source: str) -> None:
    """Refuse inputs that are not numbers.

    Raises:
        ModelError: They are not.
    """
    name = getattr(dtype, "name", str(dtype))
    if name not in (*_FLOATS, *_INTEGERS):
        decodes = " (it decodes image files itself)" if name == "string" else ""
        raise ModelError(
            f"model: {source} takes {name} inputs{decodes}, which have no gradient: save it from "
            "its first tensor of pixels on, or name that tensor of a frozen graph with "
            f"{setting('model.input')}"
        )


def _size(sides: list[int | None], opened: OpenedModel, options: ModelOptions) -> tuple[int, int]:
    """Return height and width: the network's own, the requested, or those it is designed for."""
    size = options.size or (opened.size if None in sides else None) or sides
    if any(own not in (None, side) for own, side in zip(sides, size, strict=True)):
        raise ModelError(f"model.size: {list(size)} differs from the network's {sides}")
    height, width = size
    if height is None or width is None:
        raise ModelError(f"model: {options.source} leaves its input size open: {SET_SIZE}")
    return height, width


def _row_layout(opened: OpenedModel, options: ModelOptions) -> InputLayout:
    """Return the layout of a network that takes the pixels of an image in a row, as for MNIST."""
    length = opened.input_shape[0]
    for channels in (1, 3):
        side = math.isqrt((length or 0) // channels)
        height, width = options.size or (side, side)
        if length and height * width * channels == length:
            return InputLayout((height, width, channels), False, (length,), opened.dtype)
    raise ModelError(
        f"model: {options.source} takes {_description(opened.input_shape)}, which are not the "
        f"pixels of a square image: if the images are not square, set {setting('model.size')} to "
        "their height and width (in Python, igcli.attribute takes any arrays)"
    )


def _description(shape: tuple[int | None, ...]) -> str:
    if len(shape) == 3 and 4 in (shape[0], shape[2]):
        return f"images of four channels {shape}"
    return f"inputs of shape ({', '.join('any' if side is None else str(side) for side in shape)})"
