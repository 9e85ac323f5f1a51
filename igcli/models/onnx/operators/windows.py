"""Convolutions and pooling: what looks at windows of height and width, or of any spatial axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.onnx.node import Node
from igcli.models.onnx.operators import operator
from igcli.models.onnx.values import Value, check_size
from igcli.models.runtime import tensorflow

tf = tensorflow()

Pads = Sequence[tuple[int, int]]
"""Elements added before and after each spatial axis."""

_MAX_PADS = 1 << 16
"""Elements added along all spatial axes."""


@dataclass(frozen=True, slots=True)
class _Window:
    """Where windows lie.

    Attributes:
        kernel: Sides of a window.
        strides: Distances between windows.
        dilations: Distances between the elements of a window.
        pads: Elements added before and after each spatial axis.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]


def _window(node: Node, kernel: Sequence[int], sides: Sequence[int]) -> _Window:
    rank = len(kernel)
    strides = tuple(node.get("strides", [1] * rank))
    dilations = tuple(node.get("dilations", [1] * rank))
    if node.get("auto_pad") in ("SAME_UPPER", "SAME_LOWER"):
        spans = _spans(kernel, dilations)
        totals = [
            max(0, (-(-side // stride) - 1) * stride + span - side)
            for side, stride, span in zip(sides, strides, spans, strict=True)
        ]
        pads = _halves(node, totals)
    else:
        pads = _declared_pads(node, rank)
    check_size([sum(abs(pad) for pair in pads for pad in pair)], node.where, limit=_MAX_PADS)
    return _Window(tuple(kernel), strides, dilations, tuple(pads))


def _spans(kernel: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """Return the sides of a window with its gaps."""
    return [(side - 1) * gap + 1 for side, gap in zip(kernel, dilations, strict=True)]


def _declared_pads(node: Node, rank: int) -> list[tuple[int, int]]:
    """Return the pads of the attribute; none where it is missing, or the padding VALID."""
    none = [0] * (2 * rank)
    flat = none if node.get("auto_pad") == "VALID" else node.get("pads", none)
    return list(zip(flat[:rank], flat[rank:], strict=True))


def _halves(node: Node, totals: Sequence[int]) -> list[tuple[int, int]]:
    """Return totals as pads of two halves, the larger one first in SAME_LOWER, else last."""
    pairs = [(total // 2, total - total // 2) for total in totals]
    return [pair[::-1] for pair in pairs] if node.get("auto_pad") == "SAME_LOWER" else pairs


@operator("Conv")
def conv(node: Node, x: Value, weights: Value, bias: Value | None = None) -> Value:
    """Convolve, in groups, with gaps and any padding."""
    x = x.last()
    window = _window(node, weights.shape[2:], x.shape[2:])
    filters = _filters(weights)
    groups = node.get("group", 1)
    rank = len(window.kernel)
    channels = x.shape[1]
    tensor = tf.convert_to_tensor(x.data)
    if rank == 2 and groups == channels > 1 and window.strides[0] == window.strides[1]:
        tensor = _depthwise(tensor, filters, window, channels)
    else:
        tensor = _convolved(tensor, filters, window)
    if bias is not None:
        tensor = tensor + tf.convert_to_tensor(bias.declared().data)
    return node.output(tensor, channels_last=True)


def _convolved(tensor: Any, filters: Any, window: _Window) -> Any:
    tensor = _padded(tensor, window.pads)
    if max(window.dilations) == 1:
        return tf.nn.convolution(tensor, filters, window.strides, "VALID")
    # TensorFlow has gaps or strides.
    tensor = tf.nn.convolution(tensor, filters, padding="VALID", dilations=window.dilations)
    return _thinned(tensor, window.strides)


def _thinned(tensor: Any, strides: Sequence[int]) -> Any:
    """Keep one of as many elements as strides say along each spatial axis."""
    if max(strides) == 1:
        return tensor
    return tensor[(slice(None), *(slice(None, None, stride) for stride in strides))]


def _filters(weights: Value) -> Any:
    """Return filters in TensorFlow's order: spatial axes, channels in, channels out."""
    data = weights.declared().data
    axes = [*range(2, weights.rank), 1, 0]
    return np.transpose(data, axes) if weights.is_constant else tf.transpose(data, axes)


def _depthwise(tensor: Any, filters: Any, window: _Window, channels: int) -> Any:
    *sides, _, outputs = filters.shape
    # Outputs of a channel are neighbours.
    reshape = np.reshape if isinstance(filters, np.ndarray) else tf.reshape
    filters = reshape(filters, [*sides, channels, outputs // channels])
    strides = [1, *window.strides, 1]
    tensor = _padded(tensor, window.pads)
    if max(window.dilations) == 1:
        return tf.nn.depthwise_conv2d(tensor, filters, strides, "VALID")
    gaps = list(window.dilations)
    tensor = tf.nn.depthwise_conv2d(tensor, filters, [1, 1, 1, 1], "VALID", dilations=gaps)
    return _thinned(tensor, window.strides)


def _padded(tensor: Any, pads: Pads, value: float = 0.0) -> Any:
    """Add elements at the edges, for a convolution or pooling without padding.

    TensorFlow's own explicit padding is slower, in bfloat16 much, and has no gradient in groups on
    a CPU. Where a padding is its SAME, `fold_patterns` merges it into the convolution.
    """
    if not any(map(any, pads)):
        return tensor
    return tf.pad(tensor, [(0, 0), *pads, (0, 0)], constant_values=value)


@operator("ConvTranspose")
def conv_transpose(node: Node, x: Value, weights: Value, bias: Value | None = None) -> Value:
    """Convolve backwards: the gradient of a convolution, cut to the requested size."""
    x = x.last()
    kernel = node.get("kernel_shape", list(weights.shape[2:]))
    rank = len(kernel)
    strides = tuple(node.get("strides", [1] * rank))
    gaps = tuple(node.get("dilations", [1] * rank))
    extra = node.get("output_padding", [0] * rank)
    sides = x.shape[2:]
    spans = _spans(kernel, gaps)
    full = [
        (side - 1) * stride + span for side, stride, span in zip(sides, strides, spans, strict=True)
    ]
    lengths, starts = _cut(node, full, extra, sides, strides)
    # Zeros between the inputs, then an ordinary convolution with the filters turned around.
    tensor = _spread(tf.convert_to_tensor(x.data), strides)
    pads = [(span - 1, span - 1 + more) for span, more in zip(spans, extra, strict=True)]
    tensor = _padded(tensor, pads)
    tensor = _convolved_with_turned(tensor, weights, groups=node.get("group", 1), gaps=gaps)
    for axis, (start, length) in enumerate(zip(starts, lengths, strict=True), 1):
        tensor = _section(tensor, axis, start, length)
    if bias is not None:
        tensor = tensor + bias.declared().data
    return node.output(tensor, channels_last=True)


def _convolved_with_turned(
    tensor: Any, weights: Value, *, groups: int, gaps: tuple[int, ...]
) -> Any:
    """Convolve with filters (channels in, channels out, *spatial) turned around."""
    spatial = weights.rank - 2
    filters = weights.declared().data[
        (slice(None), slice(None), *[slice(None, None, -1)] * spatial)
    ]
    filters = tf.transpose(filters, [*range(2, 2 + spatial), 0, 1])
    pairs = zip(
        tf.split(tensor, groups, axis=-1), tf.split(filters, groups, axis=spatial), strict=True
    )
    parts = [
        tf.nn.convolution(part, own_filters, padding="VALID", dilations=gaps)
        for part, own_filters in pairs
    ]
    return parts[0] if groups == 1 else tf.concat(parts, -1)


def _section(tensor: Any, axis: int, start: int, length: int) -> Any:
    """Return a section of an axis, with zeros where it reaches beyond the end."""
    missing = start + length - tensor.shape[axis]
    if missing > 0:
        pads = [(0, 0)] * tensor.shape.rank
        pads[axis] = (0, missing)
        tensor = tf.pad(tensor, pads)
    return tf.gather(tensor, np.arange(start, start + length), axis=axis)


def _cut(
    node: Node,
    full: Sequence[int],
    extra: Sequence[int],
    sides: Sequence[int],
    strides: Sequence[int],
) -> tuple[list[int], list[int]]:
    """Return the lengths of the output's spatial axes, and where they start in the full one."""
    rank = len(full)
    automatic = node.get("auto_pad", "NOTSET")
    lengths = node.get("output_shape", None)
    if lengths is None and automatic in ("SAME_UPPER", "SAME_LOWER"):
        lengths = [side * stride for side, stride in zip(sides, strides, strict=True)]
    if lengths is None:
        pads = _declared_pads(node, rank)
        lengths = [
            length + more - first - last
            for length, more, (first, last) in zip(full, extra, pads, strict=True)
        ]
        return lengths, [first for first, _ in pads]
    lengths = list(lengths)[-rank:]
    totals = [
        max(0, length + more - side)
        for length, more, side in zip(full, extra, lengths, strict=True)
    ]
    return lengths, [first for first, _ in _halves(node, totals)]


def _spread(tensor: Any, strides: Sequence[int]) -> Any:
    """Put strides - 1 zeros between neighbours along each spatial axis."""
    for axis, stride in enumerate(strides, 1):
        if stride > 1:
            length = tensor.shape[axis]
            tensor = tf.expand_dims(tensor, axis + 1)
            pads = [(0, 0)] * tensor.shape.rank
            pads[axis + 1] = (0, stride - 1)
            tensor = tf.pad(tensor, pads)
            shape = [-1, *tensor.shape[1:axis], length * stride, *tensor.shape[axis + 2 :]]
            tensor = tf.reshape(tensor, shape)
            tensor = tf.gather(tensor, np.arange((length - 1) * stride + 1), axis=axis)
    return tensor


@operator("MaxPool", "AveragePool", "LpPool")
def pool(node: Node, x: Value) -> Value | tuple[Value, ...]:
    """Take the maximum, or the mean, of each window."""
    if len(node.outputs) > 1:
        raise ModelError(f"{node.where}: the indices of maxima are not supported")
    x = x.last()
    window = _window(node, node.get("kernel_shape"), x.shape[2:])
    tensor = tf.convert_to_tensor(x.data)
    padded = window.pads if not node.get("ceil_mode", 0) else _ceiled(window, x.shape[2:])
    if node.type == "MaxPool":
        lowest = tensor.dtype.min
        tensor = _pooled(_padded(tensor, padded, lowest), window, "MAX")
    elif node.type == "LpPool":
        power = node.get("p", 2)
        total = _pooled(_padded(tf.abs(tensor) ** power, padded), window, "AVG")
        tensor = (total * float(np.prod(window.kernel))) ** (1 / power)
    else:
        means = _pooled(_padded(tensor, padded), window, "AVG")
        counts = _counts(
            x.shape[2:], window, padded, of_pads=bool(node.get("count_include_pad", 0))
        )
        whole = int(np.prod(window.kernel))
        tensor = means if (counts == whole).all() else means * (whole / counts).astype(np.float32)
    return node.output(tensor, channels_last=True)


def _ceiled(window: _Window, sides: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return pads with which the last, incomplete window is one more."""
    pads = []
    spans = _spans(window.kernel, window.dilations)
    for side, span, stride, (first, last) in zip(
        sides, spans, window.strides, window.pads, strict=True
    ):
        count = -(-(side + first + last - span) // stride) + 1
        if (count - 1) * stride >= side + first:  # A window that begins in the padding is left out.
            count -= 1
        pads.append((first, max(last, (count - 1) * stride + span - side - first)))
    return tuple(pads)


def _pooled(tensor: Any, window: _Window, kind: str) -> Any:
    is_sparse = any(
        stride > side for stride, side in zip(window.strides, window.kernel, strict=True)
    )
    if max(window.dilations) == 1 and not is_sparse:
        return tf.nn.pool(tensor, window.kernel, kind, strides=window.strides, padding="VALID")
    # TensorFlow has gaps or strides, and no strides beyond a window.
    tensor = tf.nn.pool(tensor, window.kernel, kind, padding="VALID", dilations=window.dilations)
    return _thinned(tensor, window.strides)


def _counts(
    sides: Sequence[int],
    window: _Window,
    padded: Pads,
    *,
    of_pads: bool,
) -> Any:
    """Return how many elements each window has a mean of, (1, *spatial, 1)."""
    counts = np.ones(())
    for side, kernel, gap, stride, (first, last), declared in zip(
        sides, window.kernel, window.dilations, window.strides, padded, window.pads, strict=True
    ):
        inside = np.zeros(first + side + last)
        low, high = (0, first + side + declared[1]) if of_pads else (first, first + side)
        inside[low:high] = 1
        starts = range(0, len(inside) - (kernel - 1) * gap, stride)
        along = np.array(
            [inside[start : start + kernel * gap : gap][:kernel].sum() for start in starts]
        )
        counts = np.multiply.outer(counts, along)
    return np.maximum(counts, 1)[np.newaxis, ..., np.newaxis]


@operator("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: Node, x: Value) -> Value:
    """Take the mean, or the maximum, of each channel."""
    x = x.last()
    reduce = tf.reduce_max if node.type == "GlobalMaxPool" else tf.reduce_mean
    tensor = reduce(x.data, list(range(1, x.rank - 1)), keepdims=True)
    return node.output(tensor, channels_last=True)
