"""Finds what can become part of a convolution."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.models.runtime import tensorflow

tf = tensorflow()

Values = npt.NDArray[np.float64]

_ADDED = ("Add", "AddV2", "BiasAdd")
_SCALED = ("Mul", "RealDiv")


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """An operation on a tensor and a constant for each channel, or one for all.

    Attributes:
        op: The operation: add, subtract, multiply or divide.
        tensor: Its other input.
        constant: The constant.
    """

    op: Any
    tensor: Any
    constant: Any

    def follow(self, scale: Values, offset: Values, constant: Values) -> tuple[Values, Values]:
        """Return scale and offset of a channel once this step follows them."""
        if self.op.type in _ADDED:
            return scale, offset + constant
        if self.op.type == "Sub":
            sign = 1 if self.op.inputs[0] is self.tensor else -1
            return sign * scale, sign * (offset - constant)
        factor = 1 / constant if self.op.type == "RealDiv" else constant
        return scale * factor, offset * factor


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """A convolution and what is to become part of it, in the order of the data.

    Attributes:
        before: Steps in front of it, a factor among them.
        pad: Zero padding between those and it, or None.
        convolution: The operation.
        after: Steps behind it.
    """

    before: Sequence[Step]
    pad: Any | None
    convolution: Any
    after: Sequence[Step]

    @property
    def constants(self) -> list[Any]:
        """The tensors whose values are needed."""
        steps = (*self.before, *self.after)
        return [self.convolution.inputs[1], *(step.constant for step in steps)]


@dataclass(frozen=True, slots=True, eq=False)
class Rectified:
    """Steps in front of a ReLU that convolutions alone use, a factor among them.

    Attributes:
        steps: In the order of the data.
        convolutions: The operations that use it, behind zero padding or not.
    """

    steps: Sequence[Step]
    convolutions: Sequence[Any]

    @property
    def constants(self) -> list[Any]:
        """The tensors whose values are needed."""
        return [step.constant for step in self.steps]


class Search:
    """Looks for convolutions that something can be folded into; no step belongs to two."""

    def __init__(self, function: Any) -> None:
        self._operations = function.graph.get_operations()
        self._kept = {tensor.op.name for tensor in function.outputs}
        self._kept |= {op.name for each in self._operations for op in each.control_inputs}
        self._taken: set[str] = set()
        self._constant: dict[str, bool] = {}

    def folds(self) -> list[Fold]:
        """Return what was found, in the order of the graph."""
        found = []
        for op in self._operations:
            if self._is_convolution(op):
                after, pad = self._after(op), self._pad(op)
                before = self._before(op if pad is None else pad)
                if before or after or pad is not None:
                    found.append(Fold(before, pad, op, after))
        return found

    def rectified(self) -> list[Rectified]:
        """Return what stands in front of a ReLU and belongs to no fold; to be called after them."""
        found = []
        for op in self._operations:
            if op.type == "Relu" and op.name not in self._kept:
                users = [self._past_padding(each) for each in op.outputs[0].consumers()]
                if all(map(self._is_convolution, users)) and (steps := self._before(op)):
                    found.append(Rectified(steps, users))
        return found

    def _past_padding(self, op: Any) -> Any:
        """Return the only user of zero padding, any other operation itself."""
        return self._only_user(op.outputs[0]) or op if op.type == "Pad" else op

    def _is_convolution(self, op: Any) -> bool:
        return (
            op.type in ("Conv2D", "DepthwiseConv2dNative")
            and op.inputs[0].shape[-1:] == op.inputs[1].shape[2:3]
            and op.outputs[0].dtype == tf.float32
            and op.get_attr("data_format") == b"NHWC"
            and op.outputs[0].shape.rank == 4
            and self._is_constant(op.inputs[1])
        )

    def _is_constant(self, tensor: Any) -> bool:
        """Tell whether a tensor is computed of constants alone."""
        op = tensor.op
        if op.name not in self._constant:
            stateful = op.op_def is None or op.op_def.is_stateful
            computed = not stateful and bool(op.inputs) and all(map(self._is_constant, op.inputs))
            self._constant[op.name] = op.type == "Const" or computed
        return self._constant[op.name]

    def _only_user(self, tensor: Any) -> Any | None:
        users = tensor.consumers()
        return users[0] if len(users) == 1 and tensor.op.name not in self._kept else None

    def _step(self, op: Any) -> Step | None:
        """Return an operation as a step; None where it is no function of each channel alone."""
        if op.type not in (*_ADDED, *_SCALED, "Sub") or op.name in self._taken:
            return None
        tensor, constant = op.inputs
        if self._is_constant(tensor) and op.type != "RealDiv":
            tensor, constant = constant, tensor
        if not self._is_constant(constant) or tensor.shape.rank != 4:
            return None
        size, channels = constant.shape.num_elements(), tensor.shape[-1]
        if size == 1:
            return Step(op, tensor, constant) if constant.shape.rank <= 4 else None
        for_each = size is not None and size == channels == constant.shape[-1]
        return Step(op, tensor, constant) if for_each else None

    def _after(self, op: Any) -> list[Step]:
        """Return the steps that alone use an operation's result, one after the other."""
        steps = []
        while (user := self._only_user(op.outputs[0])) and (step := self._step(user)):
            self._taken.add(user.name)
            steps.append(step)
            op = user
        return steps

    def _before(self, op: Any) -> list[Step]:
        """Return the steps that only an operation uses the result of, a factor among them."""
        steps: list[Step] = []
        tensor = op.inputs[0]
        while self._only_user(tensor) is op and (step := self._step(tensor.op)):
            steps.insert(0, step)
            op, tensor = step.op, step.tensor
        if not any(step.op.type in _SCALED for step in steps):
            return []
        self._taken.update(step.op.name for step in steps)
        return steps

    def _pad(self, convolution: Any) -> Any | None:
        """Return the zero padding in front of a convolution that is TensorFlow's SAME.

        Explicit padding would do for all others, but is four times slower in bfloat16.
        """
        op = convolution.inputs[0].op
        if op.type != "Pad" or convolution.get_attr("padding") != b"VALID":
            return None
        paddings = tf.get_static_value(op.inputs[1])
        if paddings is None or paddings[[0, 3]].any() or not self._only_user(op.outputs[0]):
            return None
        return op if _is_same(convolution, op, paddings) else None


def _is_same(convolution: Any, pad: Any, paddings: Any) -> bool:
    """Tell whether paddings (4, 2) of a convolution are those that TensorFlow calls SAME."""
    sizes, kernel = pad.inputs[0].shape[1:3], convolution.inputs[1].shape[:2]
    strides, dilations = (convolution.get_attr(name)[1:3] for name in ("strides", "dilations"))
    for size, width, stride, dilation, (low, high) in zip(
        sizes, kernel, strides, dilations, paddings[1:3], strict=True
    ):
        if size is None:
            return False
        missing = (-(-size // stride) - 1) * stride + (width - 1) * dilation + 1 - size
        total = max(missing, 0)
        if (low, high) != (total // 2, total - total // 2):
            return False
    return True
