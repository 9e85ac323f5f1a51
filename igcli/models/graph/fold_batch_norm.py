"""Folds constants around convolutions into their weights, which saves passes over memory.

Batch normalization at inference, the scaling of pixels and zero padding are, in exact arithmetic,
part of the convolution beside them. A positive factor before a ReLU can be moved behind it, where
it becomes part of the convolutions that follow.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from igcli.models.graph.fold_patterns import (
    ConvolutionFold,
    FloatArray,
    PatternSearch,
    PerChannelStep,
    ReluFold,
)
from igcli.models.runtime import tensorflow
from igcli.records import Array

tf = tensorflow()


def fold_constants(function: Any, definition: Any) -> None:
    """Fold constants into the convolutions of a graph.

    Args:
        function: A concrete function without variables.
        definition: The GraphDef of its graph, changed in place.
    """
    search = PatternSearch(function)
    folds, relu_folds = search.convolution_folds(), search.relu_folds()
    folded_names = {fold.convolution.name for fold in folds}
    following = (op for relu_fold in relu_folds for op in relu_fold.convolutions)
    folds += [ConvolutionFold((), None, op, ()) for op in following if op.name not in folded_names]
    if not folds:
        return
    patterns: list[ConvolutionFold | ReluFold] = [*folds, *relu_folds]
    tensors = [tensor for pattern in patterns for tensor in pattern.constants]
    constants = {tensor.name: tensor for tensor in tensors}
    rewrite = _Rewrite(definition, _constant_values(definition, constants))
    for relu_fold in relu_folds:
        rewrite.fold_relu(relu_fold)
    for fold in folds:
        rewrite.fold_convolution(fold)


def _constant_values(definition: Any, constants: Mapping[str, Any]) -> dict[str, Array]:
    """Return the values of tensors that depend on constants alone; control inputs are ignored."""
    nodes = {node.name: node for node in definition.node}
    stored = {name: _stored_constant(tensor.op) for name, tensor in constants.items()}
    values: dict[str, Array] = {
        name: tf.make_ndarray(nodes[op.name].attr["value"].tensor)
        for name, op in stored.items()
        if op is not None
    }
    computed = [name for name in constants if name not in values]
    needed: dict[str, Any] = {}
    pending = [constants[name].op.name for name in computed]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed[name] = nodes[name]
            pending += [source.partition(":")[0] for source in _data_inputs(nodes[name])]
    subgraph = type(definition)(versions=definition.versions, node=needed.values())
    for node in subgraph.node:
        node.input[:] = _data_inputs(node)
    compute = tf.compat.v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(subgraph, return_elements=computed, name=""), []
    )
    return values | {name: tensor.numpy() for name, tensor in zip(computed, compute(), strict=True)}


def _data_inputs(node: Any) -> list[str]:
    return [name for name in node.input if name[0] != "^"]


def _stored_constant(op: Any) -> Any | None:
    """Return the constant that an operation is, or passes on; None if it computes something."""
    while op.type == "Identity":
        op = op.inputs[0].op
    return op if op.type == "Const" else None


class _Rewrite:
    """A GraphDef into which patterns are folded, in float64."""

    def __init__(self, definition: Any, values: Mapping[str, Array]) -> None:
        self._definition = definition
        self._nodes = {node.name: node for node in definition.node}
        self._factors: dict[str, FloatArray] = {}
        self._values = values

    def fold_relu(self, fold: ReluFold) -> None:
        """Move positive factors behind a ReLU: relu(s x) = s relu(x)."""
        scale, offset = self._composed(fold.steps, fold.steps[0].tensor.shape[-1])
        if not (scale > 0).all() or not np.isfinite(offset / scale).all():
            return
        self._replace(fold.steps, "AddV2", offset / scale)
        self._factors.update((op.name, scale) for op in fold.convolutions)

    def fold_convolution(self, fold: ConvolutionFold) -> None:
        """Fold the steps and the padding around a convolution into its filters and a bias."""
        convolution = fold.convolution
        node = self._nodes[convolution.name]
        filters = self._values[convolution.inputs[1].name].astype(np.float64)
        if convolution.name in self._factors:
            filters = filters * self._factors[convolution.name][:, None]
        if fold.pad is not None:
            node.input[0] = _input_name(fold.pad.inputs[0])
            self._definition.node.remove(self._nodes[fold.pad.name])
            node.attr["padding"].s = b"SAME"
        if fold.before:
            scale, offset = self._composed(fold.before, filters.shape[2])
            if scale.all():
                filters = filters * scale[:, None]
                self._replace(fold.before, "AddV2", offset / scale)
        if fold.after:
            scale, offset = self._composed(fold.after, convolution.outputs[0].shape[-1])
            is_plain = convolution.type == "Conv2D"
            filters = filters * (scale if is_plain else scale.reshape(filters.shape[2:]))
            self._replace(fold.after, "BiasAdd", offset)
        name = f"{convolution.name}/folded"
        node.input[1] = add_constant(self._definition, name, filters).name

    def _composed(
        self, steps: Sequence[PerChannelStep], channels: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return the scale and offset, (C,) each, of several steps in a row."""
        scale, offset = np.ones(channels), np.zeros(channels)
        for step in steps:
            constant = self._values[step.constant.name].astype(np.float64).ravel()
            scale, offset = step.after(scale, offset, constant)
        return scale, offset

    def _replace(self, steps: Sequence[PerChannelStep], op_type: str, value: FloatArray) -> None:
        """Replace several steps by one operation, under the name of the last step."""
        *others, last = (self._nodes[step.op.name] for step in steps)
        for node in others:
            self._definition.node.remove(node)
        source = _input_name(steps[0].tensor)
        for name in set(last.attr) - {"T"}:
            del last.attr[name]
        if not value.any():
            last.op, last.input[:] = "Identity", [source]
            return
        constant = add_constant(self._definition, f"{last.name}/folded", value)
        last.op, last.input[:] = op_type, [source, constant.name]
        if op_type == "BiasAdd":
            last.attr["data_format"].s = b"NHWC"


def add_constant(definition: Any, name: str, value: Any) -> Any:
    """Add a float32 constant to a GraphDef and return its node."""
    node = definition.node.add(name=name, op="Const")
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.float32))
    return node


def _input_name(tensor: Any) -> str:
    """Return the name by which a node refers to a tensor."""
    name: str = tensor.name
    return name.removesuffix(":0")
