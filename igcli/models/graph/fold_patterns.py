"""Finds the operations around a convolution that can be folded into its weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.models.runtime import tensorflow

tf = tensorflow()

FloatArray = npt.NDArray[np.float64]

_ADDED = ("Add", "AddV2", "BiasAdd")
_SCALED = ("Mul", "RealDiv")


@dataclass(frozen=True, slots=True, eq=False)
class PerChannelStep:
    """An operation on a tensor and one constant a channel, or one for all channels.

    Attributes:
        op: The operation: add, subtract, multiply or divide.
        tensor: Its other input.
        constant: The constant.
    """

    op: Any
    tensor: Any
    constant: Any

    def after(
        self, scale: FloatArray, offset: FloatArray, constant: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the scale and offset, (C,) each, of this step after others.

        Args:
            scale: Of the steps before, (C,).
            offset: Of the steps before, (C,).
            constant: The value of this step's constant, (C,) or (1,).
        """
        if self.op.type in _ADDED:
            return scale, offset + constant
        if self.op.type == "Sub":
            sign = 1 if self.op.inputs[0] is self.tensor else -1
            return sign * scale, sign * (offset - constant)
        factor = 1 / constant if self.op.type == "RealDiv" else constant
        return scale * factor, offset * factor


@dataclass(frozen=True, slots=True, eq=False)
class ConvolutionFold:
    """A convolution and the operations to fold into it, in the order of the data.

    Attributes:
        before: Steps before the convolution, at least one of them a factor; or none.
        pad: Zero padding between them and the convolution, or None.
        convolution: The convolution.
        after: Steps after the convolution.
    """

    before: Sequence[PerChannelStep]
    pad: Any | None
    convolution: Any
    after: Sequence[PerChannelStep]

    @property
    def constants(self) -> list[Any]:
        """The tensors whose values are needed."""
        steps = (*self.before, *self.after)
        return [self.convolution.inputs[1], *(step.constant for step in steps)]


@dataclass(frozen=True, slots=True, eq=False)
class ReluFold:
    """Steps before a ReLU that only convolutions consume, at least one of them a factor.

    Attributes:
        steps: In the order of the data.
        convolutions: The consumers of the ReLU, directly or through zero padding.
    """

    steps: Sequence[PerChannelStep]
    convolutions: Sequence[Any]

    @property
    def constants(self) -> list[Any]:
        """The tensors whose values are needed."""
        return [step.constant for step in self.steps]


class PatternSearch:
    """Searches a graph for patterns to fold; each step belongs to at most one pattern."""

    def __init__(self, function: Any) -> None:
        self._operations = function.graph.get_operations()
        self._kept = {tensor.op.name for tensor in function.outputs}
        self._kept |= {control.name for op in self._operations for control in op.control_inputs}
        self._taken: set[str] = set()
        self._constant: dict[str, bool] = {}

    def convolution_folds(self) -> list[ConvolutionFold]:
        """Return the patterns around convolutions, in the order of the graph."""
        folds = []
        for op in self._operations:
            if self._is_convolution(op):
                after, pad = self._after(op), self._pad(op)
                before = self._before(op if pad is None else pad)
                if before or after or pad is not None:
                    folds.append(ConvolutionFold(before, pad, op, after))
        return folds

    def relu_folds(self) -> list[ReluFold]:
        """Return the patterns before ReLUs; call it after `convolution_folds`, which go first."""
        folds = []
        for op in self._operations:
            if op.type == "Relu" and op.name not in self._kept:
                consumers = [self._past_padding(user) for user in op.outputs[0].consumers()]
                if all(map(self._is_convolution, consumers)) and (steps := self._before(op)):
                    folds.append(ReluFold(steps, consumers))
        return folds

    def _past_padding(self, op: Any) -> Any:
        """Return the only consumer of zero padding, or the operation itself if it is none."""
        return self._only_consumer(op.outputs[0]) or op if op.type == "Pad" else op

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
        """Tell whether a tensor is computed from constants alone."""
        op = tensor.op
        if op.name not in self._constant:
            stateful = op.op_def is None or op.op_def.is_stateful
            is_computed = (
                not stateful and bool(op.inputs) and all(map(self._is_constant, op.inputs))
            )
            self._constant[op.name] = op.type == "Const" or is_computed
        return self._constant[op.name]

    def _only_consumer(self, tensor: Any) -> Any | None:
        consumers = tensor.consumers()
        is_only = len(consumers) == 1 and tensor.op.name not in self._kept
        return consumers[0] if is_only else None

    def _step(self, op: Any) -> PerChannelStep | None:
        """Return an operation as a step; None if it mixes channels or has no constant."""
        if op.type not in (*_ADDED, *_SCALED, "Sub") or op.name in self._taken:
            return None
        tensor, constant = op.inputs
        if self._is_constant(tensor) and op.type != "RealDiv":
            tensor, constant = constant, tensor
        if not self._is_constant(constant) or tensor.shape.rank != 4:
            return None
        size, channels = constant.shape.num_elements(), tensor.shape[-1]
        if size == 1:
            return PerChannelStep(op, tensor, constant) if constant.shape.rank <= 4 else None
        is_per_channel = size is not None and size == channels == constant.shape[-1]
        return PerChannelStep(op, tensor, constant) if is_per_channel else None

    def _after(self, op: Any) -> list[PerChannelStep]:
        """Return the chain of steps after an operation, each consumed by nothing but the next."""
        steps = []
        while (consumer := self._only_consumer(op.outputs[0])) and (step := self._step(consumer)):
            self._taken.add(consumer.name)
            steps.append(step)
            op = consumer
        return steps

    def _before(self, op: Any) -> list[PerChannelStep]:
        """Return the chain of steps that only this operation consumes; empty without a factor."""
        steps: list[PerChannelStep] = []
        tensor = op.inputs[0]
        while self._only_consumer(tensor) is op and (step := self._step(tensor.op)):
            steps.insert(0, step)
            op, tensor = step.op, step.tensor
        if not any(step.op.type in _SCALED for step in steps):
            return []
        self._taken.update(step.op.name for step in steps)
        return steps

    def _pad(self, convolution: Any) -> Any | None:
        """Return the zero padding before a convolution if it equals TensorFlow's SAME.

        Explicit padding would cover all other cases, but is four times slower in bfloat16.
        """
        op = convolution.inputs[0].op
        if op.type != "Pad" or convolution.get_attr("padding") != b"VALID":
            return None
        paddings = tf.get_static_value(op.inputs[1])
        if paddings is None or paddings[[0, 3]].any() or not self._only_consumer(op.outputs[0]):
            return None
        return op if _is_same(convolution, op, paddings) else None


def _is_same(convolution: Any, pad: Any, paddings: Any) -> bool:
    """Tell whether the paddings (4, 2) before a convolution equal TensorFlow's SAME."""
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
