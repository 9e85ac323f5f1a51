"""Networks whose integrated gradients are known in closed form."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.integration.network import PointGradients, Points
from igcli.integration.requests import LayerGradients
from igcli.records import Array

Vector = npt.NDArray[np.float64]
Function = Callable[[Vector], Vector]


class _Network:
    """What does not depend on the scores: placing, summing, and counting the calls."""

    points_dtype: type[np.floating[Any]] = np.float32

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.input_shape = shape
        self.batches: list[int] = []
        self.predictions = 0
        self.small_batches: tuple[int, ...] = ()

    def _scores(self, inputs: Array) -> Vector:
        """Return (N, scores) of N inputs."""
        raise NotImplementedError

    def _gradients(self, inputs: Any, targets: npt.NDArray[np.int32]) -> Any:
        """Return the gradient of each input's target, (N, ...) in the shape of the inputs."""
        raise NotImplementedError

    @property
    def streams(self) -> int:
        return 2

    def place(self, start: Array, direction: Array) -> tuple[Array, Array]:
        return start, direction

    def rows(self, placed: Any, rows: slice) -> Any:
        return placed[rows]

    def fetch(self, placed: Any) -> Array:
        return np.array(placed, np.float32)

    def accumulate(self, total: Any, gradients: Any, weights: Array) -> Any:
        total = np.zeros(self.input_shape, np.float32) if total is None else total
        for weight, gradient in zip(weights, gradients, strict=True):
            total = total + weight * gradient
        return total

    def gradient_of(self, total: Any) -> Array:
        return self.fetch(total)

    def predict(self, inputs: Array) -> Array:
        self.predictions += 1
        return self._scores(inputs).astype(np.float32)

    def layer_gradients(
        self,
        inputs: Array,
        targets: npt.NDArray[np.int32],
        layer: str | None,
        *,
        masks: Array | None = None,
    ) -> list[LayerGradients]:
        """The only layer is the input itself."""
        self.batches.append(len(inputs))
        scores = self._scores(inputs)[np.arange(len(inputs)), targets]
        gradients = self._gradients(inputs, targets).astype(np.float32)
        rows = zip(inputs, gradients, scores, strict=True)
        return [LayerGradients(values, slopes, float(score)) for values, slopes, score in rows]

    def gradients(
        self,
        points: Points,
        *,
        per_point: bool = False,
        slopes: bool = False,
        interior: bool = False,
    ) -> PointGradients:
        self.batches.append(len(points.line))
        starts, directions = zip(*points.lines, strict=True)
        start, direction = np.stack(starts)[points.line], np.stack(directions)[points.line]
        alpha = points.alpha.astype(self.points_dtype).reshape((-1,) + (1,) * (start.ndim - 1))
        x = start + alpha * direction
        gradients = self._gradients(x, points.target).astype(np.float32)
        return PointGradients(
            self._scores(x)[np.arange(len(x)), points.target].astype(np.float32),
            gradients,
            gradients if per_point else None,
            (gradients * direction).reshape(len(x), -1).sum(1) if slopes else None,
            ((start + direction) * gradients).mean(-1) if interior else None,
        )


class ClosedForm(_Network):
    """Two scores of x: the sum of squares, and (c . x) cubed.

    Integrated gradients from x' are x**2 - x'**2 for the first, and for the second
    c (x - x') (u**3 - u'**3) / (u - u') with u = c . x.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape)
        self.factors = np.linspace(-1, 2, int(np.prod(shape)), dtype=np.float32).reshape(shape)

    def integrated(self, image: Array, baseline: Array, target: int) -> Array:
        """Return the exact integrated gradients."""
        x, y, c = (array.astype(np.float64) for array in (image, baseline, self.factors))
        if target == 0:
            exact = x**2 - y**2
        else:
            u, v = (c * x).sum(), (c * y).sum()
            exact = c * (x - y) * (u**3 - v**3) / (u - v)
        return exact.astype(np.float32)

    def _scores(self, inputs: Array) -> Vector:
        flat = inputs.reshape(len(inputs), -1).astype(np.float64)
        return np.stack([(flat**2).sum(1), (flat @ self.factors.reshape(-1)) ** 3], 1)

    def _gradients(self, inputs: Any, targets: npt.NDArray[np.int32]) -> Any:
        u = (inputs * self.factors).reshape(len(inputs), -1).sum(1)
        u = u.reshape((-1,) + (1,) * len(self.input_shape))
        both = np.stack([2 * inputs, 3 * u**2 * self.factors])
        return both[targets, np.arange(len(inputs))]


class Separable(_Network):
    """One score, the sum of score(x) over all pixels; each pixel's attribution is its own change.

    Both functions take and return float64 (N, ...), N inputs in the shape of the network's.
    """

    points_dtype = np.float64

    def __init__(self, shape: tuple[int, ...], scores: Function, slopes: Function) -> None:
        super().__init__(shape)
        self.pixel_scores, self.pixel_slopes = scores, slopes

    def integrated(self, image: Array, baseline: Array) -> Vector:
        """Return the exact integrated gradients."""
        ends = np.stack([baseline, image]).astype(np.float64)
        low, high = self.pixel_scores(ends)
        exact: Vector = high - low
        return exact

    def _scores(self, inputs: Array) -> Vector:
        pixels = self.pixel_scores(inputs.astype(np.float64))
        sums: Vector = pixels.reshape(len(inputs), -1).sum(1)
        return sums[:, None]

    def _gradients(self, inputs: Any, targets: npt.NDArray[np.int32]) -> Any:
        return self.pixel_slopes(inputs)


def step(x: Vector, where: float, width: float) -> Vector:
    """Return a logistic step from 0 to 1."""
    return 1 / (1 + np.exp(-np.clip((x - where) / width, -60, 60)))


def step_slope(x: Vector, where: float, width: float) -> Vector:
    """Return its derivative."""
    value = step(x, where, width)
    return value * (1 - value) / width
