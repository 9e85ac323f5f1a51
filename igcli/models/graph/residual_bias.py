"""Moves constants added to a residual sum into the bias of a convolution before the sum.

relu(r + c) with r = shortcut + (convolution + b): once c is part of b, r is larger by c, and every
other consumer of r gets c subtracted by a bias of its own. ResNets that normalize before the
activation save one pass over memory in each block.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import numpy as np

from igcli.models.graph.fold_batch_norm import add_constant
from igcli.models.runtime import tensorflow
from igcli.records import Array

tf = tensorflow()


def merge_residual_biases(definition: Any, outputs: Collection[str]) -> None:
    """Merge constants that are added to residual sums into the biases of convolutions.

    Args:
        definition: The GraphDef, changed in place.
        outputs: Names of the nodes whose values must not change.
    """
    graph = _Graph(definition, outputs)
    for node in [node for node in definition.node if _is_sum(node)]:
        graph.merge(node)


class _Graph:
    """A GraphDef with an index of its nodes and of their consumers."""

    def __init__(self, definition: Any, outputs: Collection[str]) -> None:
        self._definition = definition
        self._outputs = outputs
        self._nodes = {node.name: node for node in definition.node}
        self._consumers: dict[str, list[Any]] = defaultdict(list)
        for node in definition.node:
            for name in node.input:
                self._consumers[_producer(name)].append(node)

    def merge(self, node: Any) -> None:
        """Remove an addition of a constant if the residual sum that it adds to allows it."""
        total, constant = self._inputs(node)
        offset = self._value(constant)
        if offset is None or offset.ndim != 1 or not _is_sum(total):
            return
        bias_before = self._bias_in(total, offset)
        others = [consumer for consumer in self._consumers[total.name] if consumer is not node]
        biases_after = [self._bias_after(total, consumer, offset) for consumer in others]
        if bias_before is None or None in biases_after or total.name in self._outputs:
            return
        self._shift(bias_before, offset)
        for bias in biases_after:
            self._shift(bias, -offset)
        node.op, node.input[:] = "Identity", [total.name]

    def _bias_in(self, total: Any, offset: Array) -> Any | None:
        """Return the BiasAdd that is a term of a sum and is used by nothing else."""
        for term in self._inputs(total):
            if term.op == "BiasAdd" and _is_last(term) and len(self._consumers[term.name]) == 1:
                bias = self._value(self._inputs(term)[1])
                fits = bias is not None and bias.shape == offset.shape
                if fits and term.name not in self._outputs:
                    return term
        return None

    def _bias_after(self, source: Any, node: Any, offset: Array) -> Any | None:
        """Return the BiasAdd that can undo a change of what `source` gives to `node`."""
        while _passes_offsets(node) and len(self._consumers[node.name]) == 1:
            if node.name in self._outputs:
                return None
            source, [node] = node, self._consumers[node.name]
        if not _is_sum(node) or self._inputs(node).count(source) != 1:
            return None
        return self._bias_in(node, offset)

    def _shift(self, bias_add: Any, offset: Array) -> None:
        """Add an offset to the constant of a BiasAdd."""
        value: Any = self._value(self._inputs(bias_add)[1])
        name = f"{bias_add.name}/{len(self._nodes)}"
        constant = add_constant(self._definition, name, value + offset)
        self._nodes[constant.name] = constant
        bias_add.input[1] = constant.name

    def _inputs(self, node: Any) -> list[Any]:
        return [self._nodes[_producer(name)] for name in node.input]

    def _value(self, node: Any) -> Array | None:
        """Return the value of a float32 constant, None for any other node."""
        while node.op == "Identity":
            node = self._inputs(node)[0]
        if node.op != "Const" or node.attr["dtype"].type != tf.float32.as_datatype_enum:
            return None
        value: Array = np.asarray(tf.make_ndarray(node.attr["value"].tensor))
        return value


def _is_sum(node: Any) -> bool:
    """Tell whether a node adds two tensors and has no control inputs."""
    return node.op in ("Add", "AddV2") and len(node.input) == 2


def _is_last(node: Any) -> bool:
    """Tell whether channels are the last axis."""
    return node.attr["data_format"].s in (b"", b"NHWC")


def _passes_offsets(node: Any) -> bool:
    """Tell whether a per-channel offset of the input becomes the same offset of the output."""
    if node.op == "MaxPool":
        return _is_last(node) and node.attr["ksize"].list.i[3] == 1
    return bool(node.op == "Identity")


def _producer(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]
