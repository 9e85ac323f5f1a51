"""Offsets in front of activations, moved through sums of residuals into the convolutions before.

relu(r + c) with r = shortcut + (convolution + b): once c is part of b, r is larger by c, and what
else is made of r is given back c by a bias of its own. ResNets whose normalisation comes before
the activation save one pass over memory in each block.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import numpy as np

from igcli.models.graph.fold_batch_norm import add_constant
from igcli.models.runtime import tensorflow
from igcli.records import Array

tf = tensorflow()


def merge_offsets(definition: Any, outputs: Collection[str]) -> None:
    """Let convolutions add what is added to sums of their values.

    Args:
        definition: The GraphDef, changed in place.
        outputs: Names of the nodes whose values may not change.
    """
    graph = _Graph(definition, outputs)
    for node in [node for node in definition.node if _is_sum(node)]:
        graph.merge(node)


class _Graph:
    """A graph's definition, and who is given what."""

    def __init__(self, definition: Any, outputs: Collection[str]) -> None:
        self._definition = definition
        self._outputs = outputs
        self._nodes = {node.name: node for node in definition.node}
        self._consumers: dict[str, list[Any]] = defaultdict(list)
        for node in definition.node:
            for name in node.input:
                self._consumers[_producer(name)].append(node)

    def merge(self, node: Any) -> None:
        """Take an addition of a constant out, if the sum that it adds to allows it."""
        total, constant = self._given(node)
        offset = self._value(constant)
        if offset is None or offset.ndim != 1 or not _is_sum(total):
            return
        before = self._bias_in(total, offset)
        others = [each for each in self._consumers[total.name] if each is not node]
        behind = [self._bias_behind(total, each, offset) for each in others]
        if before is None or None in behind or total.name in self._outputs:
            return
        self._shift(before, offset)
        for bias in behind:
            self._shift(bias, -offset)
        node.op, node.input[:] = "Identity", [total.name]

    def _bias_in(self, total: Any, offset: Array) -> Any | None:
        """Return a term of a sum that is nothing but the convolution of something, and a bias."""
        for term in self._given(total):
            if term.op == "BiasAdd" and _is_last(term) and len(self._consumers[term.name]) == 1:
                bias = self._value(self._given(term)[1])
                fits = bias is not None and bias.shape == offset.shape
                if fits and term.name not in self._outputs:
                    return term
        return None

    def _bias_behind(self, given: Any, node: Any, offset: Array) -> Any | None:
        """Return the bias that can make up for a change of what a node is given."""
        while _passes_on(node) and len(self._consumers[node.name]) == 1:
            if node.name in self._outputs:
                return None
            given, [node] = node, self._consumers[node.name]
        if not _is_sum(node) or self._given(node).count(given) != 1:
            return None
        return self._bias_in(node, offset)

    def _shift(self, term: Any, offset: Array) -> None:
        """Add to a bias."""
        value: Any = self._value(self._given(term)[1])
        name = f"{term.name}/{len(self._nodes)}"
        constant = add_constant(self._definition, name, value + offset)
        self._nodes[constant.name] = constant
        term.input[1] = constant.name

    def _given(self, node: Any) -> list[Any]:
        return [self._nodes[_producer(name)] for name in node.input]

    def _value(self, node: Any) -> Array | None:
        """Return a constant, None of what is none."""
        while node.op == "Identity":
            node = self._given(node)[0]
        if node.op != "Const" or node.attr["dtype"].type != tf.float32.as_datatype_enum:
            return None
        value: Array = np.asarray(tf.make_ndarray(node.attr["value"].tensor))
        return value


def _is_sum(node: Any) -> bool:
    """Tell whether a node adds two tensors, and waits for nothing else."""
    return node.op in ("Add", "AddV2") and len(node.input) == 2


def _is_last(node: Any) -> bool:
    """Tell whether channels are the last axis."""
    return node.attr["data_format"].s in (b"", b"NHWC")


def _passes_on(node: Any) -> bool:
    """Tell whether a value of each channel added to the input is added to the output."""
    if node.op == "MaxPool":
        return _is_last(node) and node.attr["ksize"].list.i[3] == 1
    return bool(node.op == "Identity")


def _producer(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]
