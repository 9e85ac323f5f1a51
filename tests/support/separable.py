"""Networks that are sums of a function of each pixel: integrated gradients in closed form."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.integration.network import PointGradients, Points
from igcli.records import Array

Vector = npt.NDArray[np.float64]
Function = Callable[[Vector], Vector]


class Separable:
    """One score, the sum of score(x) over all pixels; each pixel's attribution is its own change.

    Both functions take and return float64 (N, ...), N inputs in the shape of the network's.
    """

    def __init__(self, shape: tuple[int, ...], scores: Function, slopes: Function) -> None:
        self.input_shape = shape
        self._scores, self._slopes = scores, slopes
        self.batches: list[int] = []
        self.predictions = 0
        self.small_batches: tuple[int, ...] = ()

    def place(self, start: Array, direction: Array) -> tuple[Array, Array]:
        return start, direction

    def fetch(self, placed: Any) -> Array:
        return np.array(placed, np.float32)

    def accumulate(self, total: Any, gradients: Any, weights: Array) -> Any:
        total = np.zeros(self.input_shape, np.float32) if total is None else total
        for weight, gradient in zip(weights, gradients, strict=True):
            total = total + weight * gradient
        return total

    def gradient_of(self, total: Any) -> Array:
        return self.fetch(total)

    @property
    def streams(self) -> int:
        return 2

    def predict(self, inputs: Array) -> Array:
        self.predictions += 1
        return self._sums(inputs.astype(np.float64))[:, None]

    def gradients(
        self,
        points: Points,
        *,
        per_point: bool = False,
        slopes: bool = False,
        interior: bool = False,
    ) -> PointGradients:
        self.batches.append(len(points.line))
        wide = (-1,) + (1,) * len(self.input_shape)
        starts, directions = zip(*points.lines, strict=True)
        start, direction = np.stack(starts)[points.line], np.stack(directions)[points.line]
        x = start + points.alpha.astype(np.float64).reshape(wide) * direction
        found = self._slopes(x).astype(np.float32)
        maps = ((start + direction) * found).mean(-1) if interior else None
        along = (found * direction).reshape(len(x), -1).sum(1) if slopes else None
        return PointGradients(self._sums(x), found, found if per_point else None, along, maps)

    def integrated(self, image: Array, baseline: Array) -> Vector:
        """Return the exact integrated gradients."""
        ends = np.stack([baseline, image]).astype(np.float64)
        low, high = self._scores(ends)
        exact: Vector = high - low
        return exact

    def _sums(self, x: Vector) -> Array:
        sums: Array = self._scores(x).reshape(len(x), -1).sum(1).astype(np.float32)
        return sums


def step(x: Vector, where: float, width: float) -> Vector:
    """Return a logistic step from 0 to 1."""
    return 1 / (1 + np.exp(-np.clip((x - where) / width, -60, 60)))


def step_slope(x: Vector, where: float, width: float) -> Vector:
    """Return its derivative."""
    value = step(x, where, width)
    return value * (1 - value) / width
