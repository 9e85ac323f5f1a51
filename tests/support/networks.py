"""Networks whose integrated gradients are known in closed form."""

from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.integration.network import PointGradients, Points
from igcli.records import Array


class ClosedForm:
    """Two scores of x: the sum of squares, and (c . x) cubed.

    Integrated gradients from x' are x**2 - x'**2 for the first, and for the second
    c (x - x') (u**3 - u'**3) / (u - u') with u = c . x.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.input_shape = shape
        self.factors = np.linspace(-1, 2, int(np.prod(shape)), dtype=np.float32).reshape(shape)
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
        return self._scores(inputs).astype(np.float32)

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
        x = start + points.alpha.reshape(wide) * direction
        u = (x * self.factors).reshape(len(x), -1).sum(1).reshape(wide)
        both = np.stack([2 * x, 3 * u**2 * self.factors])
        found = both[points.target, np.arange(len(x))].astype(np.float32)
        every = tuple(range(1, found.ndim))
        return PointGradients(
            self._scores(x)[np.arange(len(x)), points.target].astype(np.float32),
            found,
            found if per_point else None,
            (found * direction).sum(every) if slopes else None,
            ((start + direction) * found).mean(-1) if interior else None,
        )

    def integrated(self, image: Array, baseline: Array, target: int) -> Array:
        """Return the exact integrated gradients."""
        x, y, c = (array.astype(np.float64) for array in (image, baseline, self.factors))
        if target == 0:
            exact = x**2 - y**2
        else:
            u, v = (c * x).sum(), (c * y).sum()
            exact = c * (x - y) * (u**3 - v**3) / (u - v)
        return exact.astype(np.float32)

    def _scores(self, inputs: Array) -> npt.NDArray[np.float64]:
        flat = inputs.reshape(len(inputs), -1).astype(np.float64)
        return np.stack([(flat**2).sum(1), (flat @ self.factors.reshape(-1)) ** 3], 1)
