"""Finds feature maps in a graph: the last one by its shape and place, any other by its name.

The last feature map belongs to the last convolution, in the order of the graph, with more than one
position (height times width) that the scores depend on. It is the last tensor that still has that
convolution's height and width and that every path from there to the scores leads through: what
pooling, a mean or flattening takes, after activations, residual sums and concatenations.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from igcli.errors import ModelError
from igcli.models.graph.layer_marks import layer_of_mark
from igcli.models.runtime import tensorflow

tf = tensorflow()

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum")
_AXES = {b"NHWC": (1, 2), b"NCHW": (2, 3)}
"""Axes of height and width, by data format."""

_CALLS = re.compile(r"((Stateful)?PartitionedCall(_\d+)?/)+")
"""What inlined functions put before the names of their operations."""

_MAX_SHOWN = 4
"""Names listed in a message."""

NO_CONVOLUTION = (
    "the network has no convolution with several positions that its scores depend on, so it has no "
    "last feature map: name a layer whose values have height, width and channels, or use another "
    "method"
)
NO_MAP_AFTER = (
    "after the last convolution ({convolution}), {product} computes with its positions one by one, "
    "as the layers of a vision transformer do, so there is no last feature map: name a layer whose "
    "values have height, width and channels, or use another method"
)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMap:
    """A tensor with height, width and channels in a graph.

    Attributes:
        tensor: Of rank 4, with the batch first.
        channels_first: Whether its channels precede height and width.
        input_channels_first: Whether those of the network's input do.
    """

    tensor: Any
    channels_first: bool
    input_channels_first: bool


def find_feature_map(source: Any, scores: Any, layer: str | None) -> FeatureMap:
    """Return the last feature map, or that of a layer.

    Args:
        source: The input of a graph without calls of functions, with a batch of known size.
        scores: A tensor that depends on it.
        layer: Name of a Keras layer, of an operation or of a tensor; None for the last feature map.

    Raises:
        ModelError: There is no such layer, or no last feature map.
    """
    route = _Route(source, scores)
    tensor = route.last_map() if layer is None else route.named_map(layer)
    return FeatureMap(tensor, route.axes[tensor.op.name] == (2, 3), route.input_channels_first)


class _Route:
    """The operations between an input and the scores, in an order in which they can be computed.

    Attributes:
        axes: The axes of height and width of each operation's output, by its name.
        input_channels_first: Whether the channels of the input precede height and width.
    """

    def __init__(self, source: Any, scores: Any) -> None:
        self._source, self._end = source, scores.op
        self._ops = _between(source, scores)
        self._names = {op.name for op in self._ops}
        # Of the two layouts, the right one agrees with the first operation that states its own.
        self.axes, agrees = self._propagated((1, 2))
        self.input_channels_first = not agrees
        if not agrees:
            self.axes, _ = self._propagated((2, 3))

    def last_map(self) -> Any:
        """Return the last feature map.

        Raises:
            ModelError: There is no convolution, or positions still matter after the last one.
        """
        maps = [op for op in self._maps if op.type in _CONVOLUTIONS]
        if not maps:
            raise ModelError(NO_CONVOLUTION)
        last = maps[-1]
        extents = self._extents(last)
        after = self._after(last)
        same = [op for op in self._maps if op.name in after and self._extents(op) == extents]
        # The convolution itself is on every path from itself.
        end = next(op for op in reversed(same) if op is last or self._is_passed(last, op))
        after_end = self._after(end) - {end.name}
        for op in self._ops:
            if op.name in after_end and op.type in _PRODUCTS and self._has_positions(op):
                names = {"convolution": self._layer_name(last), "product": self._layer_name(op)}
                raise ModelError(NO_MAP_AFTER.format(**names))
        return end.outputs[0]

    def named_map(self, layer: str) -> Any:
        """Return the output of a layer or operation, if it is a feature map.

        Raises:
            ModelError: There is no such layer, or its output has no height and width.
        """
        op = self._named(layer)
        if op.name not in {one.name for one in self._maps}:
            shape = ", ".join(map(str, op.outputs[0].shape[1:]))
            raise ModelError(
                f"the output of {layer} has shape ({shape}) for each image, expected height, width "
                f"and channels, with several positions; layers that have them: {self._listed()}"
            )
        return op.outputs[0]

    @cached_property
    def _maps(self) -> list[Any]:
        """The operations whose output has several positions, the scores left out."""
        return [op for op in self._ops if op is not self._end and self._extents(op) is not None]

    def _propagated(self, input_axes: tuple[int, int]) -> tuple[dict[str, tuple[int, int]], bool]:
        """Return all axes for those of the input, and whether the first stated ones agree."""
        axes, agrees = {self._source.op.name: input_axes}, None
        for op in self._ops:
            before = next(axes[name] for name in _input_names(op) if name in axes)
            stated = _stated_axes(op)
            if stated is not None and agrees is None:
                agrees = stated == before
            axes[op.name] = stated or _transposed(op, before)
        return axes, agrees is not False

    def _extents(self, op: Any) -> tuple[int, int] | None:
        """Return height and width of an operation's output; None if it is no feature map."""
        shape, axes = op.outputs[0].shape, self.axes[op.name]
        if shape.rank != 4 or not op.outputs[0].dtype.is_floating or None in shape:
            return None
        height, width = (int(shape[axis]) for axis in axes)
        return (height, width) if height * width > 1 else None

    def _after(self, start: Any, *, without: Any = None) -> set[str]:
        """Return the names of the operations that depend on one, itself included."""
        after = {start.name}
        for op in self._ops:
            if op is not without and any(name in after for name in _input_names(op)):
                after.add(op.name)
        return after

    def _is_passed(self, start: Any, op: Any) -> bool:
        """Tell whether every path from `start` to the scores leads through an operation."""
        return op is not self._end and self._end.name not in self._after(start, without=op)

    def _has_positions(self, product: Any) -> bool:
        """Tell whether a product has several rows for each image."""
        rows, images = product.outputs[0].shape[:-1].num_elements(), self._source.shape[0]
        return rows is not None and images is not None and rows > images

    def _named(self, layer: str) -> Any:
        wanted = _trimmed(layer)
        marks = ((op, layer_of_mark(op.name)) for op in self._ops)
        marked = [op for op, name in marks if name is not None and _trimmed(name) == wanted]
        if len(marked) > 1:
            raise ModelError(
                f"{layer} is called {len(marked)} times in one pass of the network, expected once"
            )
        if marked:
            return marked[0]
        # The last operation of a scope, or rather its last feature map.
        ops = (*self._ops, *self._maps)
        ends = {scope: op for op in ops for scope in _scopes(_name(op), wanted)}
        if "/" in wanted:  # The name of an operation, not of a layer whose scope has a number.
            exact = {scope: op for scope, op in ends.items() if f"/{scope}".endswith(f"/{wanted}")}
            ends = exact or ends
        if wanted in ends or len(ends) == 1:
            return ends.get(wanted) or next(iter(ends.values()))
        if ends:
            shown = ", ".join(list(ends)[:_MAX_SHOWN])
            raise ModelError(f"{layer} may be any of {shown}: give the whole name")
        raise ModelError(
            f"the network has no layer or operation {layer!r}; {self._suggestion(layer)}"
        )

    def _layer_name(self, op: Any) -> str:
        """Return the name of the layer that an operation belongs to, else its own."""
        at = self._ops.index(op)
        names = (layer_of_mark(later.name) for later in self._ops[at:])
        return next((name for name in names if name is not None), _name(op))

    def _suggestion(self, layer: str) -> str:
        names = list(dict.fromkeys(self._map_names()))
        close = difflib.get_close_matches(layer, names, _MAX_SHOWN, 0.5)
        if close:
            return f"did you mean {' or '.join(close)}?"
        return f"its last feature maps are {self._listed()}"

    def _listed(self) -> str:
        """Return the names of the last few feature maps."""
        return ", ".join(list(dict.fromkeys(self._map_names()))[-_MAX_SHOWN:]) or "none"

    def _map_names(self) -> Iterator[str]:
        """Yield the names of layers; without Keras layers, those of operations."""
        marked = [name for op in self._maps if (name := layer_of_mark(op.name)) is not None]
        yield from marked or (_name(op) for op in self._maps)


def _between(source: Any, scores: Any) -> list[Any]:
    """Return the operations that depend on `source` and that `scores` depends on."""
    operations = source.graph.get_operations()
    after = {source.op.name}
    for op in operations:
        if not after.isdisjoint(_input_names(op)):
            after.add(op.name)
    before = {scores.op.name}
    for op in reversed(operations):
        if op.name in before:
            before.update(_input_names(op))
    return [op for op in operations if op.name in after & before and op is not source.op]


def _input_names(op: Any) -> list[str]:
    return [tensor.op.name for tensor in op.inputs]


def _stated_axes(op: Any) -> tuple[int, int] | None:
    """Return the axes of height and width that an operation's data format states."""
    is_map = op.outputs[0].shape.rank == 4 and "data_format" in op.node_def.attr
    return _AXES.get(op.get_attr("data_format")) if is_map else None


def _transposed(op: Any, axes: tuple[int, int]) -> tuple[int, int]:
    """Return where the axes are after an operation: elsewhere after a transposition alone."""
    if op.type != "Transpose" or op.outputs[0].shape.rank != 4:
        return axes
    order = tf.get_static_value(op.inputs[1])
    if order is None:
        return axes
    height, width = (list(order).index(axis) for axis in axes)
    return height, width


def _name(op: Any) -> str:
    """Return the name of an operation without what inlined functions add to it."""
    return _CALLS.sub("", op.name, count=1)


def _trimmed(layer: str) -> str:
    """Return a given name without slashes around it and what tensors and inlined functions add."""
    return _CALLS.sub("", layer.removesuffix(":0").strip("/"), count=1)


def _scopes(name: str, wanted: str) -> Collection[str]:
    """Return the beginning of an operation's name that ends in a layer's name, if it has one.

    TensorFlow appends a number to names that are taken, as it does to all layers of Keras 3.
    """
    parts, names = name.split("/"), wanted.split("/")
    if parts[0] == "Func":  # Moves values into and out of an inlined function.
        return ()
    count = len(names)
    starts = range(len(parts) - count + 1)
    ends = [at + count for at in starts if _is_named(parts[at : at + count], names)]
    return ["/".join(parts[:end]) for end in ends]


def _is_named(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    return all(
        part == name or re.fullmatch(rf"{re.escape(name)}_\d+", part)
        for part, name in zip(parts, wanted, strict=True)
    )
