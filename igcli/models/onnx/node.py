"""One node of an ONNX graph, as its operator sees it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from igcli.errors import ModelError
from igcli.models.onnx.file import DOMAINS
from igcli.models.onnx.values import Value, check_size, first_axes
from igcli.models.runtime import first_line, tensorflow

tf = tensorflow()


@dataclass(slots=True, eq=False)
class Node:
    """One node, as its operator sees it.

    Attributes:
        type: Name of the operator.
        name: Its own name, for messages.
        inputs: Names of its inputs; empty for those left out.
        outputs: Names of its outputs.
        attributes: By name, as Python values and arrays.
        opset: Version of the operators.
        fixed_batch: Number of images that the file is written for; None if it is open.
        images: Number of images in the batch at hand, a tensor; None the first time.
        shapes: Shapes of values by name, once they are known.
    """

    type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    opset: int
    fixed_batch: int | None = None
    images: Any = None
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The node in words, for messages."""
        return f"model: the ONNX node {self.name or self.outputs[0]} ({self.type})"

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def dtype(self, name: str) -> Any:
        """Return the type of numbers that an attribute names; 16 bits are computed in 32.

        Raises:
            ModelError: TensorFlow has no such type.
        """
        dtype = onnx.helper.tensor_dtype_to_np_dtype(self.attributes[name])
        if dtype.name in ("float16", "bfloat16"):
            return tf.float32
        try:
            return tf.as_dtype(dtype)
        except TypeError:
            raise ModelError(f"{self.where}: numbers of type {dtype} are not supported") from None

    def constant_attribute(self) -> Any:
        """Return the array of a `Constant`."""
        if len(self.attributes) != 1:
            raise ModelError(f"{self.where} has {len(self.attributes)} values, expected one")
        [(name, value)] = self.attributes.items()
        if name in ("value_float", "value_floats"):
            return np.asarray(value, np.float32)
        if name in ("value_int", "value_ints"):
            return np.asarray(value, np.int64)
        if name == "value":
            return value
        raise ModelError(f"{self.where}: {name} is not supported")

    def output(self, tensor: Any, *, channels_last: bool = False, index: int = 0) -> Value:
        """Return an output; its shape is TensorFlow's the first time, and then what it was."""
        name = self.outputs[index] if index < len(self.outputs) else ""
        if self.images is not None and name in self.shapes:
            return Value(tensor, self.shapes[name], channels_last=channels_last)
        rank = tensor.shape.rank
        sides = list(tensor.shape)
        declared = [sides[axis] for axis in first_axes(rank)] if channels_last else sides
        if None in declared:
            raise ModelError(f"{self.where} has an output whose shape depends on the image")
        check_size(declared, self.where)
        return Value(tensor, declared, channels_last=channels_last)


def node_of(proto: onnx.NodeProto, opset: int) -> Node:
    """Return a node of a file; operators of other domains have their domain in the type's name.

    Raises:
        ModelError: An attribute is damaged, or no output has a name.
    """
    if not any(proto.output):
        raise ModelError(f"model: the ONNX node {proto.name} ({proto.op_type}) has no output")
    attributes = {decoded(part.name): _attribute(part) for part in proto.attribute}
    domain, kind = decoded(proto.domain), decoded(proto.op_type)
    return Node(
        kind if domain in DOMAINS else f"{domain}.{kind}",
        decoded(proto.name),
        tuple(map(decoded, proto.input)),
        tuple(map(decoded, proto.output)),
        attributes,
        opset,
    )


def decoded(name: str | bytes) -> str:
    """Return a name of a file, which protobuf leaves as bytes where it is not UTF-8."""
    return name.decode(errors="replace") if isinstance(name, bytes) else name


def _attribute(attribute: onnx.AttributeProto) -> Any:
    try:
        value = onnx.helper.get_attribute_value(attribute)
    except ValueError as error:
        raise ModelError(f"model: an ONNX attribute is damaged: {first_line(error)}") from None
    if isinstance(value, bytes):
        return decoded(value)
    if isinstance(value, onnx.TensorProto):
        return array_of(value)
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else value


def array_of(tensor: onnx.TensorProto) -> Any:
    """Return the array of a tensor.

    Raises:
        ModelError: Its data do not fit its shape or type.
    """
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, LookupError, OverflowError, MemoryError) as error:
        raise ModelError(
            f"model: the ONNX tensor {tensor.name} is damaged: {first_line(error)}"
        ) from None
