"""Integration along a curved path: gradients' means times the chords between its points.

Intervals are split as on straight paths, where the exact gap to the score's difference is large or
gradients jump. Chords differ between intervals, so an interval's contribution is subtracted when it
is split, which needs the gradients at its ends once more: those of the worst intervals are kept,
others are computed again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from igcli.integration.adaptive import FIRST_INTERVALS, refine
from igcli.integration.mesh import Indices, Intervals, Vector, l2_norm, norm_rows
from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation, gradients_at
from igcli.records import SMALLEST_DIFFERENCE, Array

KEPT = 32
"""Points kept in memory, each with its gradient."""

Path = Callable[[float], Array]
"""Returns the point at alpha, 0...1: float32, in the input's shape."""


@dataclass(frozen=True, slots=True, eq=False)
class CurvedIntegral:
    """An integral along a curved path.

    Attributes:
        products: Float64, in the input's shape: sum of chords times means of gradients.
        mean: Float64, in the input's shape: mean of the gradients along the path.
        alphas: Float64 (P,), points in rising order.
        scores: Float64 (P,).
        sums: Float64 (P - 1,), the sum of each interval's products.
        evaluations: Number of gradients computed.
        warnings: One line each.
    """

    products: Vector
    mean: Vector
    alphas: Vector
    scores: Vector
    sums: Vector
    evaluations: int
    warnings: tuple[str, ...]


def integrate(path: Path, target: int, options: PathOptions) -> Computation[CurvedIntegral]:
    """Return the integral, refined as `adaptive.integrate` does.

    Args:
        path: The path.
        target: Index of the score.
        options: Tolerance and maximum number of intervals.
    """
    curve = _Curve(path, target)
    alphas = np.linspace(0.0, 1.0, min(FIRST_INTERVALS, options.max_steps) + 1)
    yield from curve.start(alphas)
    warning = None
    if abs(curve.difference) >= SMALLEST_DIFFERENCE:
        warning = yield from refine(curve, curve.split, options)
    return CurvedIntegral(
        curve.products,
        curve.mean,
        curve.alphas,
        curve.scores,
        curve.sums,
        curve.evaluations,
        (warning,) if warning else (),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Evaluated:
    """A point of the path, its gradient and its score."""

    point: Array
    gradient: Array
    score: float


class _Curve(Intervals):
    """A curved path split into intervals, and the integral over them.

    Attributes: as in `Intervals` and `CurvedIntegral`.
    """

    def __init__(self, path: Path, target: int) -> None:
        end = path(1.0)
        self._path, self._target = path, target
        self._rows = norm_rows(len(end))
        self._known: dict[float, _Evaluated] = {}
        self.evaluations = 0
        self.products: Vector = np.zeros(end.shape)
        self.mean: Vector = np.zeros(end.shape)

    def start(self, alphas: Vector) -> Computation[None]:
        """Split the path at its first points."""
        yield from self._evaluate(alphas.tolist())
        self.alphas = alphas
        self.scores = np.array([self._known[alpha].score for alpha in alphas.tolist()])
        pairs = list(zip(alphas[:-1].tolist(), alphas[1:].tolist(), strict=True))
        errors = [self._add(*pair, sign=1) for pair in pairs]
        self.sums, self._variances = (np.array(column) for column in zip(*errors, strict=True))

    def split(self, indices: Indices) -> Computation[None]:
        """Split intervals at their middles."""
        middles = self.middles(indices)
        ends = np.concatenate([self.alphas[indices], self.alphas[indices + 1]])
        needed = dict.fromkeys([*middles.tolist(), *np.unique(ends).tolist()])
        yield from self._evaluate([alpha for alpha in needed if alpha not in self._known])
        sums, variances = self.sums.tolist(), self._variances.tolist()
        for index, middle in reversed(list(zip(indices.tolist(), middles.tolist(), strict=True))):
            low, high = self.alphas[index : index + 2].tolist()
            self._add(low, high, sign=-1)
            halves = self._add(low, middle, sign=1), self._add(middle, high, sign=1)
            sums[index : index + 1], variances[index : index + 1] = zip(*halves, strict=True)
        scores = [self._known[middle].score for middle in middles.tolist()]
        self.alphas = np.insert(self.alphas, indices + 1, middles)
        self.scores = np.insert(self.scores, indices + 1, scores)
        self.sums, self._variances = np.array(sums), np.array(variances)
        kept = self._by_importance(self._known)[:KEPT]
        self._known = {alpha: self._known[alpha] for alpha in kept}

    def _evaluate(self, alphas: Sequence[float]) -> Computation[None]:
        points = [self._path(alpha) for alpha in alphas]
        answers = yield from gradients_at(points, self._target)
        self.evaluations += len(points)
        for alpha, point, answer in zip(alphas, points, answers, strict=True):
            self._known[alpha] = _Evaluated(point, answer.gradients, float(answer.scores[0]))

    def _add(self, low: float, high: float, *, sign: int) -> tuple[float, float]:
        """Add an interval to the integral, or subtract it; return its sum and variance."""
        left, right = self._known[low], self._known[high]
        chord = right.point - left.point
        mean = (left.gradient + right.gradient) * np.float32(0.5)
        product = mean * chord
        # What is subtracted later has the same bits as what was added.
        self.products += np.float32(sign) * product
        self.mean += np.float32(sign * (high - low)) * mean
        rows = self._rows
        jump = (right.gradient[rows] - left.gradient[rows]) * chord[rows]
        return float(product.sum(dtype=np.float64)), float(np.square(jump).sum()) / 12

    def _trapezoids(self) -> Vector:
        return self.sums

    def _norm(self) -> float:
        return l2_norm(self.products[self._rows])
