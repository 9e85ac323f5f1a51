"""Integration along a curved path, by trapezoids of its chords: the gradients' means times these.

Intervals are split as on straight paths, where the exact gap to the score's difference is large or
gradients jump. Chords differ from interval to interval, so that what an interval adds is taken
back when it is split, for which the gradients at its ends are needed once more: those of the worst
intervals are kept, others are taken again.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from igcli.integration.adaptive import FIRST, refine
from igcli.integration.mesh import ROWS, Accuracy, Places, Vector, largest, measured, shares_of
from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation, gradients_at
from igcli.records import SMALLEST_DIFFERENCE, Array

KEPT = 32
"""Points in memory at a time, each with its gradient."""

Path = Callable[[float], Array]
"""Float32 point, in the input's shape, at 0...1 of the way."""


@dataclass(frozen=True, slots=True, eq=False)
class CurvedIntegral:
    """An integral along a curved path.

    Attributes:
        products: Float64, in the input's shape: chords times the means of the gradients.
        mean: The same, the mean of the gradients along the path.
        alphas: Float64 (P,), points in rising order.
        scores: Float64 (P,).
        sums: Float64 (P - 1,), the sum of each interval's products.
        evaluations: Number of gradients taken.
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
        options: Tolerance and cap.
    """
    curve = _Curve(path, target)
    yield from curve.begin(np.linspace(0.0, 1.0, min(FIRST, options.max_steps) + 1))
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
class _Visited:
    """A point of the path, its gradient and its score."""

    point: Array
    gradient: Array
    score: float


class _Curve:
    """The path cut into intervals."""

    def __init__(self, path: Path, target: int) -> None:
        end = path(1.0)
        self._path, self._target = path, target
        self._rows = slice(None, None, max(1, len(end) // ROWS))
        self._known: dict[float, _Visited] = {}
        self.evaluations = 0
        self.alphas: Vector = np.empty(0)
        self.scores: Vector = np.empty(0)
        self.sums: Vector = np.empty(0)
        self._variances: Vector = np.empty(0)
        self.products: Vector = np.zeros(end.shape)
        self.mean: Vector = np.zeros(end.shape)

    @property
    def size(self) -> int:
        """Number of intervals."""
        return len(self.alphas) - 1

    @property
    def difference(self) -> float:
        """The score's, from end to end."""
        return float(self.scores[-1] - self.scores[0])

    def accuracy(self) -> Accuracy:
        """Return how far the integral is off."""
        norm = math.sqrt(float(np.square(self.products[self._rows]).sum()))
        return measured(self._gaps(), self._variances, difference=self.difference, norm=norm)

    def worst(self, most: int, *, gaps: bool, variances: bool) -> Places:
        """Return the places of the intervals to split next, up to `most`, in rising order."""
        return largest(self._shares(gaps=gaps, variances=variances), most)

    def begin(self, alphas: Vector) -> Computation[None]:
        """Cut the path at its first points."""
        yield from self._visit(alphas.tolist())
        self.alphas = alphas
        self.scores = np.array([self._known[alpha].score for alpha in alphas.tolist()])
        pairs = list(zip(alphas[:-1].tolist(), alphas[1:].tolist(), strict=True))
        added = [self._add(*pair, sign=1) for pair in pairs]
        self.sums, self._variances = (np.array(each) for each in zip(*added, strict=True))

    def split(self, places: Places) -> Computation[None]:
        """Split intervals at their middles."""
        middles = (self.alphas[places] + self.alphas[places + 1]) / 2
        ends = np.concatenate([self.alphas[places], self.alphas[places + 1]])
        wanted = dict.fromkeys([*middles.tolist(), *np.unique(ends).tolist()])
        yield from self._visit([alpha for alpha in wanted if alpha not in self._known])
        sums, variances = self.sums.tolist(), self._variances.tolist()
        for place, middle in reversed(list(zip(places.tolist(), middles.tolist(), strict=True))):
            low, high = self.alphas[place : place + 2].tolist()
            self._add(low, high, sign=-1)
            halves = self._add(low, middle, sign=1), self._add(middle, high, sign=1)
            sums[place : place + 1], variances[place : place + 1] = zip(*halves, strict=True)
        found = [self._known[middle].score for middle in middles.tolist()]
        self.alphas = np.insert(self.alphas, places + 1, middles)
        self.scores = np.insert(self.scores, places + 1, found)
        self.sums, self._variances = np.array(sums), np.array(variances)
        self._forget()

    def _visit(self, alphas: Sequence[float]) -> Computation[None]:
        points = [self._path(alpha) for alpha in alphas]
        found = yield from gradients_at(points, self._target)
        self.evaluations += len(points)
        for alpha, point, each in zip(alphas, points, found, strict=True):
            self._known[alpha] = _Visited(point, each.gradients, float(each.scores[0]))

    def _add(self, low: float, high: float, *, sign: int) -> tuple[float, float]:
        """Add an interval to the integral, or take it back; return its sum and variance."""
        one, other = self._known[low], self._known[high]
        chord = other.point - one.point
        mean = (one.gradient + other.gradient) * np.float32(0.5)
        product = mean * chord
        # What is taken back is the same to the bit as what was added.
        self.products += np.float32(sign) * product
        self.mean += np.float32(sign * (high - low)) * mean
        rows = self._rows
        jump = (other.gradient[rows] - one.gradient[rows]) * chord[rows]
        return float(product.sum(dtype=np.float64)), float(np.square(jump).sum()) / 12

    def _gaps(self) -> Vector:
        return np.diff(self.scores) - self.sums

    def _shares(self, *, gaps: bool, variances: bool) -> Vector:
        return shares_of(self._gaps() * gaps, self._variances * variances, np.diff(self.alphas))

    def _forget(self) -> None:
        """Let the points go that are least likely to be needed."""
        shares = np.pad(self._shares(gaps=True, variances=True), 1)
        order = np.argsort(-np.maximum(shares[1:], shares[:-1]), kind="stable")
        present = [alpha for alpha in self.alphas[order].tolist() if alpha in self._known]
        self._known = {alpha: self._known[alpha] for alpha in present[:KEPT]}
