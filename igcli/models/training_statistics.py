"""The pixel statistics that a network's first batch normalization remembers from its training.

It stores the mean and variance of the values that reached it in training. Images that are
preprocessed differently reach it with other statistics, whatever they show and however confident
the network is.
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

_MIN_RATIO = 1e-12
_MIN_POSITIONS = 16
"""Number of positions that an image needs to have a meaningful variance of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class _Normalization:
    """A batch normalization in a graph.

    Attributes:
        values: The values that it normalizes, (N, H, W, C).
        mean: The stored mean, (C,).
        variance: The stored variance, (C,), or one over its root if `epsilon` is None.
        epsilon: Constant that it adds to the variance.
    """

    values: Any
    mean: Any
    variance: Any
    epsilon: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """How well images match what a network was trained on.

    Attributes:
        divergence: Kullback-Leibler divergence of the normal distribution with the images' mean and
            variance from that of training, median over the channels; 0 is best.
        spread: Standard deviation of the images' values relative to training, median as well.
    """

    divergence: float
    spread: float


class TrainingStatistics:
    """Mean and variance from training, with which images can be compared."""

    def __init__(self, function: Function, shape: tuple[int, ...]) -> None:
        """Find the first batch normalization.

        Args:
            function: From preprocessed inputs (N, H, W, C) to scores.
            shape: Shape of one input.
        """
        concrete = tf.function(function).get_concrete_function(tf.TensorSpec((None, *shape)))
        frozen = convert_variables(concrete)
        first = min(_Search(frozen.graph).normalizations(), key=_depth, default=None)
        self._values: Function | None = None
        if first is None:
            return
        names = [tensor.name for tensor in (first.values, first.mean, first.variance)]
        values = function_from_graph(frozen.graph.as_graph_def(), {}, frozen.inputs, names)
        try:
            outputs = values(tf.zeros((1, *shape)))
        except tf.errors.InvalidArgumentError:  # It does not take a single image.
            return
        _, mean, variance = (np.asarray(output, np.float64) for output in outputs)
        self._values, epsilon = values, first.epsilon
        self._mean = mean.ravel()
        self._variance = variance.ravel() ** -2 if epsilon is None else variance.ravel() + epsilon

    @property
    def is_known(self) -> bool:
        """Whether there is such a normalization, and training changed its initial statistics."""
        if self._values is None:
            return False
        return bool(self._mean.any() or np.ptp(self._variance) > 1e-6 * self._variance.max())

    def fit(self, images: Iterable[Array], preprocess: Function) -> Fit:
        """Compare images with those of training.

        Args:
            images: Float32 (H, W, C), 0...255.
            preprocess: The preprocessing to apply to them.
        """
        moments = [self._moments(image, preprocess) for image in images]
        means, variances = (np.array(values) for values in zip(*moments, strict=True))
        difference = means.mean(0) - self._mean
        # Variance over all images: mean of their variances plus variance of their means.
        ratio = (variances.mean(0) + means.var(0)) / self._variance
        logarithm = np.log(np.maximum(ratio, _MIN_RATIO))
        divergence = (ratio + difference**2 / self._variance - 1 - logarithm) / 2
        return Fit(float(np.median(divergence)), float(np.median(np.sqrt(ratio))))

    def _moments(self, image: Array, preprocess: Function) -> tuple[Values, Values]:
        """Return mean and variance, (C,) each, of the values that an image gives."""
        if self._values is None:
            raise ValueError("the training statistics are unknown")
        values = self._values(preprocess(tf.constant(image[None], tf.float32)))[0]
        flat = np.asarray(values, np.float64).reshape(-1, len(self._mean))
        return flat.mean(0), flat.var(0)


class _Search:
    """Looks for batch normalizations in a graph without variables."""

    def __init__(self, graph: Any) -> None:
        self._operations = graph.get_operations()
        self._constant: dict[str, bool] = {}

    def normalizations(self) -> Iterator[_Normalization]:
        """Yield the batch normalizations of images with channels last."""
        for op in self._operations:
            normalization = self._fused(op) or self._expanded(op)
            if normalization is not None and _is_of_images(normalization):
                yield normalization

    def _fused(self, op: Any) -> _Normalization | None:
        if not op.type.startswith("FusedBatchNorm") or "Grad" in op.type:
            return None
        values, _, _, mean, variance = op.inputs
        if op.get_attr("data_format") != b"NHWC" or not self._is_constant(mean):
            return None
        return _Normalization(values, mean, variance, op.get_attr("epsilon"))

    def _expanded(self, op: Any) -> _Normalization | None:
        """Match values * factor + (offset - mean * factor), factor = scale / root of variance."""
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
                other = next((tensor for tensor in user.inputs if tensor is not factor), None)
                if user.type != "Mul" or other is None:
                    continue
                if not self._is_constant(other):
                    values = other
                elif other.op.type == "Neg":  # There is no offset.
                    mean = other.op.inputs[0]
                elif any(consumer.type == "Sub" for consumer in user.outputs[0].consumers()):
                    mean = other
        return None if values is None or mean is None else _Normalization(values, mean, root, None)

    def _is_constant(self, tensor: Any) -> bool:
        """Tell whether a tensor is computed from constants alone."""
        pending = [tensor.op]
        while pending:
            op = pending[-1]
            if op.name not in self._constant:
                self._constant[op.name] = False  # Stays False if the operation is in a loop.
                inputs = [source.op for source in op.inputs]
                pending += [source for source in inputs if source.name not in self._constant]
                continue
            pending.pop()
            is_pure = op.op_def is not None and not op.op_def.is_stateful and bool(op.inputs)
            is_computed = is_pure and all(self._constant[source.op.name] for source in op.inputs)
            self._constant[op.name] = op.type == "Const" or is_computed
        return self._constant[tensor.op.name]


def _is_of_images(normalization: _Normalization) -> bool:
    shape = normalization.values.shape
    sizes = (normalization.mean.shape, normalization.variance.shape)
    if shape.rank != 4 or any(size.num_elements() != shape[-1] for size in sizes):
        return False
    return None in shape[1:3] or shape[1] * shape[2] >= _MIN_POSITIONS


def _depth(normalization: _Normalization) -> int:
    """Return the number of operations that compute a normalization's values."""
    pending, visited = [normalization.values.op], set[str]()
    while pending:
        op = pending.pop()
        if op.name not in visited:
            visited.add(op.name)
            pending += [tensor.op for tensor in op.inputs]
    return len(visited)
