"""The operators of ONNX, one small function each, found by their names.

A function takes the node and its input values (None for one left out) and returns its output value,
or a tuple of them. `node.output` wraps a tensor; TensorFlow infers its shape.
"""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any

from igcli.models.onnx.layout import aligned
from igcli.models.onnx.node import Node
from igcli.models.onnx.values import Value
from igcli.options import setting

Operator = Callable[..., Value | tuple[Value, ...]]

OPERATORS: dict[str, Operator] = {}
"""Functions by the name of the operator in the default domain of ONNX."""

REFUSED = {
    **dict.fromkeys(
        ("If", "Loop", "Scan"),
        "control flow: export the network for fixed shapes, without scripting",
    ),
    **dict.fromkeys(
        (
            *("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"),
            *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
        ),
        "quantized: export the network in floating point",
    ),
    **dict.fromkeys(
        ("NonMaxSuppression", "RoiAlign", "MaxRoiPool", "NonZero", "TopK"),
        f"detection: name scores of the whole image with {setting('model.output')}",
    ),
    **dict.fromkeys(
        (
            *("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike"),
            *("Bernoulli", "Multinomial"),
        ),
        "random: export the network in evaluation mode",
    ),
}
"""Why an operator is refused, and what to do."""


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Register a function as the operator or operators `names`."""

    def register(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


def elementwise(compute: Callable[..., Any]) -> Operator:
    """Return the operator that applies a function of tensors to values of any layout."""

    def apply(node: Node, *values: Value) -> Value:
        tensors, channels_last = aligned(values)
        return node.output(compute(node, *tensors), channels_last=channels_last)

    return apply


def load_all() -> None:
    """Import the modules that register the operators."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
