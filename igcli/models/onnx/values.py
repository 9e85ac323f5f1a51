"""The values that flow through an ONNX graph, and the memory layout that they are kept in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.errors import ModelError
from igcli.models.runtime import tensorflow

tf = tensorflow()

BATCH = 1_000_003
"""Stands for the number of images while shapes are computed: a prime, so that a multiple of it in a
shape is that many times the number of images."""

_NEAR = 1000
"""Distance to a multiple of half of `BATCH` up to which a number is taken for one of images."""

LARGEST_FOLDED = 1 << 24
"""Elements of the largest array that is computed when the file is read."""

LARGEST = 1 << 31
"""Elements of the largest array that one image may need."""

Shape = tuple[int, ...]


class Value:
    """A constant array, or a tensor that depends on the image.

    ONNX puts channels before height and width. Convolutions are faster on a CPU, and have gradients
    there, with channels last, so a tensor may be kept in this way until an operator needs the
    declared order.

    Attributes:
        data: A NumPy array or a TensorFlow tensor, in the order of `channels_last`.
        shape: The declared shape, channels first, with multiples of `BATCH` for the images.
        channels_last: Whether the second axis of `shape` is the last one of `data`.
        groups_last: The same numbers with the second and third axes of `shape` last: channels in
            groups, which are shuffled without leaving the last place. None for other values.
    """

    __slots__ = ("_other", "channels_last", "data", "groups_last", "shape")

    def __init__(self, data: Any, shape: Sequence[int], *, channels_last: bool = False) -> None:
        self.data = data
        self.shape: Shape = tuple(int(side) for side in shape)
        self.channels_last = channels_last
        self.groups_last: Any = None
        self._other: Value | None = None

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def is_constant(self) -> bool:
        """Whether it is the same for all images."""
        return isinstance(self.data, np.ndarray)

    @property
    def dtype(self) -> Any:
        """TensorFlow's type of its numbers."""
        return tf.as_dtype(self.data.dtype)

    def declared(self) -> Value:
        """Return the value in the declared order of axes."""
        return self if not self.channels_last else self._transposed()

    def last(self) -> Value:
        """Return the value with its channels last; one of fewer than three axes as it is."""
        return self if self.channels_last or self.rank < 3 else self._transposed()

    def _transposed(self) -> Value:
        if self._other is None:
            to_last = not self.channels_last
            axes = last_axes(self.rank) if to_last else first_axes(self.rank)
            transpose = np.transpose if self.is_constant else tf.transpose
            self._other = Value(transpose(self.data, axes), self.shape, channels_last=to_last)
            self._other._other = self
        return self._other

    def axis(self, declared: int) -> int:
        """Return where a declared axis, which may be negative, lies in `data`."""
        place = declared % self.rank if self.rank else 0
        if not self.channels_last or place == 0:
            return place
        return self.rank - 1 if place == 1 else place - 1

    def array(self, what: str) -> npt.NDArray[Any]:
        """Return the constant that it has to be.

        Raises:
            ModelError: It depends on the image.
        """
        if not isinstance(self.data, np.ndarray):
            raise ModelError(f"{what} depends on the image, expected a constant")
        return self.data


def constant(array: Any) -> Value:
    """Return a constant; numbers of 16 bits become float32, as all networks are computed."""
    array = np.asarray(array)
    if array.dtype == np.float16 or array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    return Value(array, array.shape)


def last_axes(rank: int) -> list[int]:
    """Return the axes that bring channels from the second place to the last."""
    return [0, *range(2, rank), 1]


def first_axes(rank: int) -> list[int]:
    """Return the axes that bring channels from the last place to the second."""
    return [0, rank - 1, *range(1, rank - 1)]


def holds_batch(shape: Sequence[int]) -> bool:
    """Tell whether a shape depends on the number of images."""
    return any(side and side % BATCH == 0 for side in shape)


def size(shape: Sequence[int]) -> int:
    """Return the number of elements, as an integer without limit."""
    return math.prod(map(int, shape))


def check_size(shape: Sequence[int], what: str, *, limit: int = LARGEST) -> None:
    """Refuse a shape of too many elements for each image, before memory is taken for it.

    Raises:
        ModelError: It has more than `limit`, or a negative side.
    """
    count = size([side // BATCH if side % BATCH == 0 else side for side in shape])
    if count > limit or min(shape, default=0) < 0:
        raise ModelError(f"{what} needs an array of shape {text(shape)}, which is too large")


def text(shape: Sequence[int]) -> str:
    """Return a shape in words, for messages."""
    return f"({', '.join('images' if side == BATCH else str(side) for side in shape)})"


def counts_images(number: int) -> bool:
    """Tell whether a number was computed from the number of images: it is near a multiple of it."""
    return number > BATCH // 3 and min(2 * number % BATCH, -2 * number % BATCH) < _NEAR


def check_shape(shape: Sequence[int], what: str) -> None:
    """Refuse a shape that depends on the number of images otherwise than by a multiple.

    Raises:
        ModelError: It does.
    """
    if any(side % BATCH and counts_images(side) for side in shape):
        raise ModelError(f"{what} computes with the number of images in a batch")
    if sum(side % BATCH == 0 for side in shape if side) > 1:
        raise ModelError(f"{what} relates the images of a batch to each other")


def reshaped(tensor: Any, shape: Sequence[int]) -> Any:
    """Return a tensor in another shape, in which one side may be a multiple of the images."""
    return tf.reshape(tensor, [-1 if side and side % BATCH == 0 else side for side in shape])


def sides(shape: Sequence[int], images: Any) -> Any:
    """Return a shape as TensorFlow takes it, with the number of images of the batch at hand.

    Without that number, the first time, the shape is returned as it is.
    """
    if images is None or not holds_batch(shape):
        return [int(side) for side in shape]
    return tf.stack(
        [
            tf.cast(images, tf.int32) * (side // BATCH) if side and side % BATCH == 0 else side
            for side in map(int, shape)
        ]
    )


def static(shape: Sequence[int]) -> list[int | None]:
    """Return a shape as TensorFlow's tensors declare it: None where images are counted."""
    return [None if side and side % BATCH == 0 else side for side in shape]
