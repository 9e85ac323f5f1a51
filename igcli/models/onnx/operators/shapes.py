"""What changes shapes, and what computes with them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.onnx.node import Node
from igcli.models.onnx.operators import operator
from igcli.models.onnx.values import (
    BATCH,
    LARGEST_FOLDED,
    Value,
    check_shape,
    check_size,
    constant,
    counts_images,
    first_axes,
    last_axes,
    reshaped,
    sides,
    size,
    static,
    text,
)
from igcli.models.runtime import tensorflow

tf = tensorflow()


@operator("Constant")
def constant_node(node: Node) -> Value:
    """Return the constant of an attribute."""
    return constant(node.constant_attribute())


@operator("ConstantOfShape")
def constant_of_shape(node: Node, shape: Value) -> Value:
    """Fill a shape with one number, 0 unless told otherwise."""
    fill = np.asarray(node.get("value", np.zeros(1, np.float32))).reshape(-1)[0]
    lengths = shape.array(node.where).tolist()
    check_shape(lengths, node.where)
    return node.output(_sized(tf.fill(sides(lengths, node.images), fill), lengths, node))


def _sized(tensor: Any, shape: Sequence[int], node: Node) -> Any:
    """Declare a shape, which TensorFlow cannot infer from an open number of images."""
    return tensor if node.images is None else tf.ensure_shape(tensor, static(shape))


@operator("Shape")
def shape_of(node: Node, x: Value) -> Value:
    """Return the shape, or a part of it."""
    part = slice(node.get("start", 0), node.get("end", None))
    return constant(np.array(x.shape[part], np.int64))


@operator("Size")
def size_of(_node: Node, x: Value) -> Value:
    """Return the number of elements."""
    return constant(np.array(size(x.shape), np.int64))


@operator("Reshape")
def reshape(node: Node, x: Value, shape: Value) -> Value:
    """Give another shape; 0 keeps a side, and -1 is what is left."""
    outer = [int(side) for side in shape.array(node.where).reshape(-1)]
    if not node.get("allowzero", 0):
        outer = [x.shape[axis] if side == 0 else side for axis, side in enumerate(outer)]
    outer = _per_image(node, x, outer)
    if -1 in outer:
        others = -size(outer)
        outer[outer.index(-1)] = size(x.shape) // others if others else 0
    check_shape(outer, node.where)
    if size(outer) != size(x.shape):
        raise ModelError(f"{node.where} cannot give {text(x.shape)} the shape {text(outer)}")
    if _is_flattening(x, outer):
        # Of one row and column, the order of the axes does not matter.
        return node.output(reshaped(x.data, outer))
    if x.groups_last is not None and _are_groups(outer, x.shape):
        return node.output(reshaped(x.groups_last, _sides_last(outer, 1)), channels_last=True)
    output = node.output(reshaped(x.declared().data, outer))
    if x.channels_last and _are_groups(x.shape, outer):
        output.groups_last = reshaped(x.data, _sides_last(outer, 2))
    return output


def _are_groups(shape: Sequence[int], split: Sequence[int]) -> bool:
    """Tell whether two shapes differ in that the channels are split into groups."""
    ends = (split[0], *split[3:])
    return len(split) == len(shape) + 1 > 3 and ends == (shape[0], *shape[2:])


def _sides_last(shape: Sequence[int], count: int) -> list[int]:
    """Return a shape with as many sides after the first one last."""
    return [shape[0], *shape[count + 1 :], *shape[1 : count + 1]]


def _per_image(node: Node, x: Value, shape: list[int]) -> list[int]:
    """Return a shape written for the batch of the file, for any number of images."""
    batch = node.fixed_batch
    if batch is None or not shape or size(x.shape) % BATCH:
        return shape
    if any(side > 0 and side % BATCH == 0 for side in shape):
        return shape
    if shape[0] > 0 and shape[0] % batch == 0:
        return [shape[0] // batch * BATCH, *shape[1:]]
    return shape


def _is_flattening(x: Value, shape: list[int]) -> bool:
    return x.channels_last and size(x.shape[2:]) == 1 and shape[:1] == [x.shape[0]]


@operator("Flatten")
def flatten(node: Node, x: Value) -> Value:
    """Make a matrix: the axes before `axis` are its rows."""
    axis = node.get("axis", 1)
    axis = axis + x.rank if axis < 0 else axis
    shape = [size(x.shape[:axis]), size(x.shape[axis:])]
    return node.output(reshaped(x.data if _is_flattening(x, shape) else x.declared().data, shape))


@operator("Transpose")
def transpose(node: Node, x: Value) -> Value:
    """Reorder axes; to and from channels last it is only a matter of how to read them."""
    axes = list(node.get("perm", list(range(x.rank))[::-1]))
    if x.channels_last and axes == last_axes(x.rank):
        return node.output(x.data)
    if not x.channels_last and x.rank > 2 and axes == first_axes(x.rank) and not x.is_constant:
        return node.output(x.data, channels_last=True)
    output = node.output(tf.transpose(x.declared().data, axes))
    if x.groups_last is not None and axes == [0, 2, 1, *range(3, x.rank)]:
        output.groups_last = tf.transpose(
            x.groups_last, [*range(x.rank - 2), x.rank - 1, x.rank - 2]
        )
    return output


@operator("Squeeze")
def squeeze(node: Node, x: Value, axes: Value | None = None) -> Value:
    """Drop axes of one element."""
    declared = node.get("axes") if axes is None else axes.array(node.where).tolist()
    if declared is None:
        declared = [axis for axis, side in enumerate(x.shape) if side == 1]
    dropped = {axis % x.rank for axis in declared}
    shape = [side for axis, side in enumerate(x.shape) if axis not in dropped]
    if _is_flattening(x, shape):
        return node.output(reshaped(x.data, shape))
    return node.output(reshaped(x.declared().data, shape))


@operator("Unsqueeze")
def unsqueeze(node: Node, x: Value, axes: Value | None = None) -> Value:
    """Insert axes of one element."""
    declared = node.get("axes") if axes is None else axes.array(node.where).tolist()
    rank = x.rank + len(declared)
    places = {axis % rank for axis in declared}
    rest = iter(x.shape)
    shape = [1 if axis in places else next(rest) for axis in range(rank)]
    return node.output(reshaped(x.declared().data, shape))


@operator("Expand")
def expand(node: Node, x: Value, shape: Value) -> Value:
    """Repeat along axes of one element, in both directions."""
    requested = [int(side) for side in shape.array(node.where)]
    rank = max(x.rank, len(requested))
    own = [1] * (rank - x.rank) + list(x.shape)
    requested = [1] * (rank - len(requested)) + requested
    full = [max(pair) if 0 not in pair else 0 for pair in zip(own, requested, strict=True)]
    check_shape(full, node.where)
    tensor = tf.broadcast_to(x.declared().data, sides(full, node.images))
    return node.output(_sized(tensor, full, node))


@operator("Tile")
def tile(node: Node, x: Value, repeats: Value) -> Value:
    """Repeat along axes."""
    times = [int(count) for count in repeats.array(node.where)]
    shape = [side * count for side, count in zip(x.shape, times, strict=True)]
    check_shape(shape, node.where)
    tensor = tf.tile(x.declared().data, sides(times, node.images))
    return node.output(_sized(tensor, shape, node))


@operator("Concat")
def concat(node: Node, *values: Value) -> Value:
    """Join along an axis."""
    axis = node.get("axis") % values[0].rank
    is_last = any(value.channels_last for value in values)
    tensors = [_whole(value.last() if is_last else value, values, axis, node) for value in values]
    place = values[0].last().axis(axis) if is_last else axis
    return node.output(tf.concat(tensors, place), channels_last=is_last and values[0].rank > 2)


def _whole(value: Value, values: tuple[Value, ...], axis: int, node: Node) -> Any:
    """Return a tensor; a constant for the batch that the file is written for, for any batch."""
    is_for_batch = axis > 0 and value.rank > 0 and value.shape[0] == node.fixed_batch
    if not is_for_batch or all(other.shape[0] != BATCH for other in values):
        return value.data
    if value.is_constant and (value.data != value.data[:1]).any():
        raise ModelError(f"{node.where} joins another constant to each image of a batch")
    shape = [BATCH, *value.data.shape[1:]]
    tensor = tf.broadcast_to(value.data[:1], sides(shape, node.images))
    return _sized(tensor, shape, node)


@operator("Split")
def split(node: Node, x: Value, lengths: Value | None = None) -> tuple[Value, ...]:
    """Cut along an axis, by lengths or into equal parts."""
    axis = node.get("axis", 0) % x.rank
    declared = node.get("split") if lengths is None else lengths.array(node.where).tolist()
    if declared is None:
        count = node.get("num_outputs", len(node.outputs))
        part = -(-x.shape[axis] // count)
        declared = [part] * (count - 1) + [x.shape[axis] - part * (count - 1)]
    parts = tf.split(x.data, declared, x.axis(axis))
    return tuple(
        node.output(part, channels_last=x.channels_last, index=index)
        for index, part in enumerate(parts)
    )


@operator("DepthToSpace")
def depth_to_space(node: Node, x: Value) -> Value:
    """Move channels into blocks of height and width."""
    x = x.declared()
    block = node.get("blocksize")
    _, channels, height, width = x.shape
    inner = channels // block**2
    if node.get("mode", "DCR") == "DCR":
        shape, axes = [x.shape[0], block, block, inner, height, width], [0, 3, 4, 1, 5, 2]
    else:
        shape, axes = [x.shape[0], inner, block, block, height, width], [0, 1, 4, 2, 5, 3]
    tensor = tf.transpose(reshaped(x.data, shape), axes)
    return node.output(reshaped(tensor, [x.shape[0], inner, height * block, width * block]))


@operator("SpaceToDepth")
def space_to_depth(node: Node, x: Value) -> Value:
    """Move blocks of height and width into channels."""
    x = x.declared()
    block = node.get("blocksize")
    _, channels, height, width = x.shape
    shape = [x.shape[0], channels, height // block, block, width // block, block]
    axes = [0, 3, 5, 1, 2, 4] if node.get("mode", "DCR") == "DCR" else [0, 1, 3, 5, 2, 4]
    tensor = tf.transpose(reshaped(x.data, shape), axes)
    outer = [x.shape[0], channels * block**2, height // block, width // block]
    return node.output(reshaped(tensor, outer))


@operator("Range")
def range_of(node: Node, start: Value, limit: Value, delta: Value) -> Value:
    """Return evenly spaced numbers; PyTorch numbers the images where it reads memory by strides."""
    parts: Any = [value.array(node.where).reshape(()) for value in (start, limit, delta)]
    first, end, step = parts
    if not any(counts_images(abs(int(number))) for number in parts):
        count = abs(int(float(end - first) / float(step)))
        check_size([count], node.where, limit=LARGEST_FOLDED)
        return constant(np.arange(first, end, step, dtype=first.dtype))
    if (first, step) != (0, 1) or end % BATCH:
        raise ModelError(f"{node.where} counts the images of a batch otherwise than one by one")
    count = sides([int(end)], node.images)[0]
    return node.output(tf.range(count, dtype=tf.as_dtype(end.dtype)))
