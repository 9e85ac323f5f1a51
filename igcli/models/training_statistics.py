"""What a network's first batch normalization remembers of the pixels it was trained on.

It keeps mean and variance of what reached it in training. Pixels that are brought to the network in
another way reach it with others, whatever they show and however sure the network is of them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.models.graph.freeze import convert_variables, function_from_graph
from igcli.models.runtime import tensorflow
from igcli.records import Array

tf = tensorflow()

Function = Callable[[Any], Any]
Values = npt.NDArray[np.float64]

_LEAST = 1e-12
_PLACES = 16
"""Positions that an image needs for a variance of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class _Normalization:
    """A batch normalization in a graph.

    Attributes:
        values: What it normalizes, (N, H, W, C).
        mean: What it remembers, (C,).
        variance: What it remembers, (C,); one over its root where `epsilon` is None.
        epsilon: Added to the variance.
    """

    values: Any
    mean: Any
    variance: Any
    epsilon: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """How well images go together with what a network was trained on.

    Attributes:
        divergence: Of the images' values from those of training: that of normal distributions of
            their means and variances (Kullback and Leibler), the median of the channels; 0 is best.
        spread: Standard deviation of the images' values over that of training, median as well.
    """

    divergence: float
    spread: float


class TrainedOn:
    """Mean and variance of training, and what images have in their place."""

    def __init__(self, function: Function, shape: tuple[int, ...]) -> None:
        """Look for the first batch normalization.

        Args:
            function: Scores of preprocessed inputs (N, H, W, C).
            shape: Of one input.
        """
        concrete = tf.function(function).get_concrete_function(tf.TensorSpec((None, *shape)))
        frozen = convert_variables(concrete)
        first = min(_Search(frozen.graph).found(), key=_depth, default=None)
        self._values: Function | None = None
        if first is None:
            return
        names = [tensor.name for tensor in (first.values, first.mean, first.variance)]
        values = function_from_graph(frozen.graph.as_graph_def(), {}, frozen.inputs, names)
        try:
            _, mean, variance = (np.asarray(e, np.float64) for e in values(tf.zeros((1, *shape))))
        except tf.errors.InvalidArgumentError:  # It takes no single image.
            return
        self._values, epsilon = values, first.epsilon
        self._mean = mean.ravel()
        self._variance = variance.ravel() ** -2 if epsilon is None else variance.ravel() + epsilon

    @property
    def is_known(self) -> bool:
        """Whether there is such a normalization, and training left something in it."""
        if self._values is None:
            return False
        return bool(self._mean.any() or np.ptp(self._variance) > 1e-6 * self._variance.max())

    def fit(self, images: Iterable[Array], preprocess: Function) -> Fit:
        """Compare images with those of training.

        Args:
            images: Float32 (H, W, C), 0...255.
            preprocess: What is done to them.
        """
        moments = [self._moments(image, preprocess) for image in images]
        means, variances = (np.array(each) for each in zip(*moments, strict=True))
        difference = means.mean(0) - self._mean
        # Of all images as one: the mean of the variances and the variance of the means.
        ratio = (variances.mean(0) + means.var(0)) / self._variance
        logarithm = np.log(np.maximum(ratio, _LEAST))
        divergence = (ratio + difference**2 / self._variance - 1 - logarithm) / 2
        return Fit(float(np.median(divergence)), float(np.median(np.sqrt(ratio))))

    def _moments(self, image: Array, preprocess: Function) -> tuple[Values, Values]:
        if self._values is None:
            raise ValueError("nothing is known of the training")
        values = self._values(preprocess(tf.constant(image[None], tf.float32)))[0]
        flat = np.asarray(values, np.float64).reshape(-1, len(self._mean))
        return flat.mean(0), flat.var(0)


class _Search:
    """Looks for batch normalizations in a graph without variables."""

    def __init__(self, graph: Any) -> None:
        self._operations = graph.get_operations()
        self._constant: dict[str, bool] = {}

    def found(self) -> Iterator[_Normalization]:
        """Yield those of images, channels last."""
        for op in self._operations:
            each = self._fused(op) or self._spelled_out(op)
            if each is not None and _is_of_images(each):
                yield each

    def _fused(self, op: Any) -> _Normalization | None:
        if not op.type.startswith("FusedBatchNorm") or "Grad" in op.type:
            return None
        values, _, _, mean, variance = op.inputs
        if op.get_attr("data_format") != b"NHWC" or not self._is_constant(mean):
            return None
        return _Normalization(values, mean, variance, op.get_attr("epsilon"))

    def _spelled_out(self, op: Any) -> _Normalization | None:
        """Return values * factor + (offset - mean * factor), factor = scale / root of variance."""
        if op.type != "Rsqrt" or not self._is_constant(op.inputs[0]):
            return None
        root = op.outputs[0]
        scaled = (user for user in root.consumers() if user.type == "Mul")
        factors = [
            root,
            *(user.outputs[0] for user in scaled if self._is_constant(user.outputs[0])),
        ]
        values = mean = None
        for factor in factors:
            for user in factor.consumers():
                other = next((each for each in user.inputs if each is not factor), None)
                if user.type != "Mul" or other is None:
                    continue
                if not self._is_constant(other):
                    values = other
                elif other.op.type == "Neg":  # There is no offset.
                    mean = other.op.inputs[0]
                elif any(each.type == "Sub" for each in user.outputs[0].consumers()):
                    mean = other
        return None if values is None or mean is None else _Normalization(values, mean, root, None)

    def _is_constant(self, tensor: Any) -> bool:
        """Tell whether a tensor is computed of constants alone."""
        waiting = [tensor.op]
        while waiting:
            op = waiting[-1]
            if op.name not in self._constant:
                self._constant[op.name] = False  # What goes round in a loop is none.
                new = [each.op for each in op.inputs if each.op.name not in self._constant]
                waiting += new
                continue
            waiting.pop()
            computed = op.op_def is not None and not op.op_def.is_stateful and bool(op.inputs)
            known = computed and all(self._constant[each.op.name] for each in op.inputs)
            self._constant[op.name] = op.type == "Const" or known
        return self._constant[tensor.op.name]


def _is_of_images(found: _Normalization) -> bool:
    shape, sizes = found.values.shape, (found.mean.shape, found.variance.shape)
    if shape.rank != 4 or any(each.num_elements() != shape[-1] for each in sizes):
        return False
    return None in shape[1:3] or shape[1] * shape[2] >= _PLACES


def _depth(found: _Normalization) -> int:
    """Return the number of operations that a normalization's values are computed by."""
    waiting, seen = [found.values.op], set[str]()
    while waiting:
        op = waiting.pop()
        if op.name not in seen:
            seen.add(op.name)
            waiting += [tensor.op for tensor in op.inputs]
    return len(seen)
