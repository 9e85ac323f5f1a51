"""Constants around convolutions, folded into their weights: fewer passes over memory.

What batch normalisation does at inference, the scaling of pixels and zero padding all are, in exact
arithmetic, part of the convolution beside them. A positive factor in front of a ReLU may as well
stand behind it, and becomes part of the convolutions there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from igcli.models.graph.fold_patterns import Fold, Rectified, Search, Step, Values
from igcli.models.runtime import tensorflow
from igcli.records import Array

tf = tensorflow()


def fold(function: Any, definition: Any) -> bool:
    """Fold constants into the convolutions of a graph.

    Args:
        function: A concrete function without variables.
        definition: The GraphDef of its graph, changed in place.

    Returns:
        Whether there was anything to fold.
    """
    search = Search(function)
    folds, rectified = search.folds(), search.rectified()
    known = {each.convolution.name for each in folds}
    behind = (each for one in rectified for each in one.convolutions)
    folds += [Fold((), None, each, ()) for each in behind if each.name not in known]
    if folds:
        found: list[Fold | Rectified] = [*folds, *rectified]
        tensors = [tensor for each in found for tensor in each.constants]
        constants = {tensor.name: tensor for tensor in tensors}
        rewriting = _Rewriting(definition, _values(definition, constants))
        for one in rectified:
            rewriting.rectify(one)
        for each in folds:
            rewriting.apply(each)
    return bool(folds)


def _values(definition: Any, constants: Mapping[str, Any]) -> dict[str, Array]:
    """Compute tensors of constants alone; what they are only to wait for is left out."""
    nodes = {node.name: node for node in definition.node}
    stored = {name: _stored(tensor.op) for name, tensor in constants.items()}
    values: dict[str, Array] = {
        name: tf.make_ndarray(nodes[op.name].attr["value"].tensor)
        for name, op in stored.items()
        if op is not None
    }
    computed = [name for name in constants if name not in values]
    needed: dict[str, Any] = {}
    waiting = [constants[name].op.name for name in computed]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = nodes[name]
            waiting += [each.partition(":")[0] for each in nodes[name].input if each[0] != "^"]
    part = type(definition)(versions=definition.versions, node=needed.values())
    for node in part.node:
        node.input[:] = [each for each in node.input if each[0] != "^"]
    compute = tf.compat.v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(part, return_elements=computed, name=""), []
    )
    return values | {name: each.numpy() for name, each in zip(computed, compute(), strict=True)}


def _stored(op: Any) -> Any | None:
    """Return the constant that an operation is, or passes on; None where it computes."""
    while op.type == "Identity":
        op = op.inputs[0].op
    return op if op.type == "Const" else None


class _Rewriting:
    """A graph's definition under change."""

    def __init__(self, definition: Any, values: Mapping[str, Array]) -> None:
        self._definition = definition
        self._nodes = {node.name: node for node in definition.node}
        self._factors: dict[str, Values] = {}
        self._values = values

    def rectify(self, found: Rectified) -> None:
        """Take positive factors out of what a ReLU is given, relu(s x) being s relu(x)."""
        scale, offset = self._together(found.steps, found.steps[0].tensor.shape[-1])
        if not (scale > 0).all() or not np.isfinite(offset / scale).all():
            return
        self._replace(found.steps, "AddV2", offset / scale)
        self._factors.update((each.name, scale) for each in found.convolutions)

    def apply(self, found: Fold) -> None:
        """Make part of a convolution what is around it."""
        convolution = found.convolution
        node = self._nodes[convolution.name]
        filters = self._values[convolution.inputs[1].name].astype(np.float64)
        if convolution.name in self._factors:
            filters = filters * self._factors[convolution.name][:, None]
        if found.pad is not None:
            node.input[0] = _name(found.pad.inputs[0])
            self._definition.node.remove(self._nodes[found.pad.name])
            node.attr["padding"].s = b"SAME"
        if found.before:
            scale, offset = self._together(found.before, filters.shape[2])
            if scale.all():
                filters = filters * scale[:, None]
                self._replace(found.before, "AddV2", offset / scale)
        if found.after:
            scale, offset = self._together(found.after, convolution.outputs[0].shape[-1])
            is_plain = convolution.type == "Conv2D"
            filters = filters * (scale if is_plain else scale.reshape(filters.shape[2:]))
            self._replace(found.after, "BiasAdd", offset)
        name = f"{convolution.name}/folded"
        node.input[1] = add_constant(self._definition, name, filters).name

    def _together(self, steps: Sequence[Step], channels: int) -> tuple[Values, Values]:
        """Return scale and offset (C,) that several steps come to."""
        scale, offset = np.ones(channels), np.zeros(channels)
        for step in steps:
            constant = self._values[step.constant.name].astype(np.float64).ravel()
            scale, offset = step.follow(scale, offset, constant)
        return scale, offset

    def _replace(self, steps: Sequence[Step], kind: str, value: Values) -> None:
        """Put one operation, under the last one's name, in the place of several."""
        *others, last = (self._nodes[step.op.name] for step in steps)
        for node in others:
            self._definition.node.remove(node)
        tensor = _name(steps[0].tensor)
        for name in set(last.attr) - {"T"}:
            del last.attr[name]
        if not value.any():
            last.op, last.input[:] = "Identity", [tensor]
            return
        constant = add_constant(self._definition, f"{last.name}/folded", value)
        last.op, last.input[:] = kind, [tensor, constant.name]
        if kind == "BiasAdd":
            last.attr["data_format"].s = b"NHWC"


def add_constant(definition: Any, name: str, value: Any) -> Any:
    """Add a float32 constant to a GraphDef and return its node."""
    node = definition.node.add(name=name, op="Const")
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.float32))
    return node


def _name(tensor: Any) -> str:
    """Return how a node names an input."""
    name: str = tensor.name
    return name.removesuffix(":0")
