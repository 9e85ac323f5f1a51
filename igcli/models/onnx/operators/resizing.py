"""Resizing: a product with a matrix of weights along each axis."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.errors import ModelError
from igcli.models.onnx.node import Node
from igcli.models.onnx.operators import operator
from igcli.models.onnx.values import Value, check_size
from igcli.models.runtime import tensorflow

tf = tensorflow()

Matrix = npt.NDArray[np.float64]

_LONGEST = 1 << 16
"""Elements along a resized axis, for which there is a row of weights each."""

_ROUNDINGS: dict[str, Callable[[Matrix], Matrix]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda places: np.ceil(places - 0.5),
    "round_prefer_ceil": lambda places: np.floor(places + 0.5),
}


@operator("Resize")
def resize(
    node: Node,
    x: Value,
    _roi: Value | None = None,
    scales: Value | None = None,
    sizes: Value | None = None,
) -> Value:
    """Resize by nearest, linear or cubic interpolation, with or without antialiasing."""
    axes = [axis % x.rank for axis in node.get("axes", list(range(x.rank)))]
    factors, lengths = _factors(node, x, axes, scales, sizes)
    for axis, length in zip(axes, lengths, strict=True):
        if length != x.shape[axis]:
            check_size([length], node.where, limit=_LONGEST)
    tensor = tf.convert_to_tensor(x.data)
    dtype = tensor.dtype
    for axis, factor, length in zip(axes, factors, lengths, strict=True):
        if length != x.shape[axis] or factor != 1:
            weights = _weights(node, x.shape[axis], length, factor)
            place = x.axis(axis)
            if (weights.max(axis=1) == 1).all() and (np.count_nonzero(weights, axis=1) == 1).all():
                tensor = tf.gather(tensor, weights.argmax(axis=1), axis=place)
            else:
                tensor = _along(tensor, weights, place)
    return node.output(tf.cast(tensor, dtype), channels_last=x.channels_last)


def _factors(
    node: Node, x: Value, axes: list[int], scales: Value | None, sizes: Value | None
) -> tuple[list[float], list[int]]:
    """Return the factor and the new length of each axis."""
    given = None if sizes is None else [int(side) for side in sizes.array(node.where)]
    own = [x.shape[axis] for axis in axes]
    if given is None:
        if scales is None:
            raise ModelError(f"{node.where} has neither scales nor sizes")
        factors = [float(number) for number in scales.array(node.where)]
        return factors, [
            int(np.floor(side * factor)) for side, factor in zip(own, factors, strict=True)
        ]
    factors = [new / old for new, old in zip(given, own, strict=True)]
    policy = node.get("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        factor = (min if policy == "not_larger" else max)(factors)
        return [factor] * len(axes), [int(np.floor(side * factor + 0.5)) for side in own]
    return factors, given


def _weights(node: Node, old: int, new: int, factor: float) -> Matrix:
    """Return the matrix (new, old) that interpolates along an axis."""
    mode = node.get("mode", "nearest")
    places = _coordinates(node, old, new, factor)
    if mode == "nearest":
        matrix = np.zeros((new, old))
        rounding = _ROUNDINGS[node.get("nearest_mode", "round_prefer_floor")]
        nearest = rounding(np.round(places, 9))
        matrix[np.arange(new), np.clip(nearest, 0, old - 1).astype(int)] = 1
        return matrix
    if mode not in ("linear", "bilinear", "cubic"):
        raise ModelError(f"{node.where}: mode {mode} is not supported")
    stretch = min(factor, 1.0) if node.get("antialias", 0) else 1.0
    reach = (2 if mode == "cubic" else 1) / stretch
    taps = np.arange(int(np.floor(-reach)), int(np.ceil(reach)) + 1)
    matrix = np.zeros((new, old))
    excluded = bool(node.get("exclude_outside", 0))
    for row, place in enumerate(places):
        columns = int(np.floor(place)) + taps
        distances = np.abs(columns - place) * stretch
        values = (
            _cubic(distances, node.get("cubic_coeff_a", -0.75))
            if mode == "cubic"
            else (np.maximum(0, 1 - distances))
        )
        inside = (columns >= 0) & (columns < old)
        if excluded:
            values = values * inside
        values = values / values.sum()
        np.add.at(matrix[row], np.clip(columns, 0, old - 1), values)
    return matrix


def _cubic(distance: Matrix, a: float) -> Matrix:
    """Return the weights of cubic convolution (Keys, 1981, equation 4, with free a)."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0))


def _coordinates(node: Node, old: int, new: int, factor: float) -> Matrix:
    """Return where the new elements lie between the old ones."""
    places = np.arange(new, dtype=np.float64)
    mode = node.get("coordinate_transformation_mode", "half_pixel")
    if mode == "align_corners":
        length = factor * old
        return places * (old - 1) / (length - 1) if length > 1 else places * 0
    if mode == "asymmetric":
        return places / factor
    if mode == "pytorch_half_pixel":
        return (places + 0.5) / factor - 0.5 if factor * old > 1 else places * 0
    if mode == "half_pixel_symmetric":
        adjustment = new / (factor * old)
        center = old / 2
        return center * (1 - adjustment) + (places + 0.5) / factor - 0.5
    if mode == "half_pixel":
        return (places + 0.5) / factor - 0.5
    raise ModelError(f"{node.where}: coordinates {mode} are not supported")


def _along(tensor: Any, weights: Matrix, axis: int) -> Any:
    """Multiply a tensor by a matrix along one axis."""
    matrix = tf.constant(weights, tensor.dtype if tensor.dtype.is_floating else tf.float32)
    moved = tf.tensordot(tf.cast(tensor, matrix.dtype), matrix, [[axis], [1]])
    rank = tensor.shape.rank
    order = [*range(axis), rank - 1, *range(axis, rank - 1)]
    return tf.transpose(moved, order)
