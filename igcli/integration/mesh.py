"""A path split into intervals, and the error of the trapezoid rule on each.

`Intervals` holds what refinement needs of any path; `Mesh` is the straight path's.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igcli.records import Array

KEPT = 64
"""Gradients kept in memory: those at the ends of the worst intervals."""

CANCELLATION = 4
"""Maximum sum of the gaps' magnitudes, as a multiple of the tolerance: sixteen equal gaps of random
sign add up to about a quarter of their magnitudes.

A maximum of two took 44 gradients an image in place of 31, for the same errors of pixels, on 39
photographs (tests/benchmarks/accuracy.py).
"""

SIMILAR = 4
"""Intervals are split together if their shares in the error differ by less than this factor."""

MIN_WIDTH = 2.0**-20
"""Width at which an interval is no longer split: in float32 its middle would soon be an end."""

NORM_ROWS = 56
"""Approximate number of an input's rows that norms are taken over: enough for relative errors."""

Vector = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Estimated errors of an integral.

    Attributes:
        total: Completeness error: the sum of all gaps, relative to the score's difference.
        parts: Sum of the gaps' magnitudes, relative to the same: here gaps cannot cancel.
        pixels: Relative L2 error of the attributions, estimated.
    """

    total: float
    parts: float
    pixels: float

    def is_complete(self, tolerance: float) -> bool:
        """Tell whether the attributions sum to the score's difference, and not by accident."""
        return self.total <= tolerance and self.parts <= CANCELLATION * tolerance

    def is_resolved(self, tolerance: float) -> bool:
        """Tell whether single attributions are as accurate as their sum has to be."""
        return self.pixels <= tolerance


class Intervals(ABC):
    """Points of a path and the trapezoid rule's errors between them.

    A gap is the score's difference over an interval minus the trapezoid's sum: the exact error of
    the attributions' sum. A variance is the expected squared L2 error of the attributions: where
    every gradient jumps once, anywhere in the interval, it is (width * jump)**2 / 12.

    Attributes:
        alphas: Float64 (P,), rising, from 0 to 1.
        scores: Float64 (P,).
    """

    alphas: Vector
    scores: Vector
    _variances: Vector

    @property
    def size(self) -> int:
        """Number of intervals."""
        return len(self.alphas) - 1

    @property
    def difference(self) -> float:
        """Difference of the score, from the first point to the last."""
        return float(self.scores[-1] - self.scores[0])

    def accuracy(self) -> Accuracy:
        """Return the errors of the integral."""
        gaps, difference = self._gaps(), abs(self.difference)
        return Accuracy(
            total=_relative(abs(float(gaps.sum())), difference),
            parts=_relative(float(np.abs(gaps).sum()), difference),
            pixels=_relative(math.sqrt(self._variances.sum()), self._norm()),
        )

    def worst(self, limit: int, *, gaps: bool, variances: bool) -> Indices:
        """Return the indices of the intervals to split next, in rising order.

        Args:
            limit: Maximum number of intervals.
            gaps: Whether the attributions' sum is not accurate enough yet.
            variances: Whether single attributions are not.
        """
        shares = self._shares(gaps=gaps, variances=variances)
        order = np.argsort(-shares, kind="stable")[:limit]
        return np.sort(order[(shares[order] > 0) & (shares[order] >= shares.max() / SIMILAR)])

    def middles(self, indices: Indices) -> Vector:
        """Return the middles of intervals, float64."""
        return (self.alphas[indices] + self.alphas[indices + 1]) / 2

    @abstractmethod
    def _trapezoids(self) -> Vector:
        """Return the sum of each interval's products by the trapezoid rule, float64 (N,)."""

    @abstractmethod
    def _norm(self) -> float:
        """Return the L2 norm of the integral, over some rows."""

    def _gaps(self) -> Vector:
        return np.diff(self.scores) - self._trapezoids()

    def _shares(self, *, gaps: bool, variances: bool) -> Vector:
        """Return each interval's share in the requested errors, float64 (N,); the larger of both.

        The share of an interval that is too narrow to be split is 0.
        """
        gap, variance = np.abs(self._gaps() * gaps), self._variances * variances
        shares = np.maximum(gap / (gap.sum() or 1), variance / (variance.sum() or 1))
        # Rounded, so that equal intervals are taken in order, whatever their last bits.
        return np.round(shares * (np.diff(self.alphas) > MIN_WIDTH), 6)

    def _by_importance(self, known: Mapping[float, object]) -> list[float]:
        """Return the alphas in `known`, those at the ends of the worst intervals first."""
        shares = np.pad(self._shares(gaps=True, variances=True), 1)
        order = np.argsort(-np.maximum(shares[1:], shares[:-1]), kind="stable")
        return [alpha for alpha in self.alphas[order].tolist() if alpha in known]


class Mesh(Intervals):
    """Points of a straight path and the trapezoid rule's integral over them.

    A product is the path's direction times the gradient at a point; its sum is the score's slope.
    Only the products at the ends of the worst intervals are kept. If the weight of a dropped one
    changes later, the change is recorded as owed.

    Attributes:
        owed: Changes of weight of dropped products, by alpha.
    """

    def __init__(self, alphas: Vector, scores: Array, products: Array) -> None:
        """Split the path at its first points.

        Args:
            alphas: Float64 (P,), rising, from 0 to 1.
            scores: Float32 (P,).
            products: Float32 (P, ...), in the input's shape.
        """
        self.alphas, self.scores = alphas, scores.astype(np.float64)
        self.owed: dict[float, float] = {}
        self._slopes = _sums(products)
        self._rows = norm_rows(len(products[0]))
        self._products = dict(zip(alphas.tolist(), products, strict=True))
        self._variances = np.array([self._variance(index) for index in range(self.size)])
        # The sum of dropped products, and some rows of the whole sum, for norms.
        self._dropped_sum: Array = np.zeros_like(products[0])
        self._partial_sum = np.zeros_like(products[0][self._rows])
        for alpha, weight in self._weights().items():
            self._change_weight(alpha, weight)
        self._last_norm = l2_norm(self._partial_sum)

    def split(self, indices: Indices, scores: Array, products: Array) -> None:
        """Split intervals at their middles, given scores (N,) and products (N, ...) there."""
        middles = self.middles(indices)
        for index, middle, product in zip(indices, middles.tolist(), products, strict=True):
            left, right = self.alphas[index : index + 2].tolist()
            self._products[middle] = product
            self._change_weight(middle, (right - left) / 2)
            for end in (left, right):
                self._change_weight(end, (left - right) / 4)
        inherited = self._variances[indices] / 8
        self.alphas = np.insert(self.alphas, indices + 1, middles)
        self.scores = np.insert(self.scores, indices + 1, scores.astype(np.float64))
        self._slopes = np.insert(self._slopes, indices + 1, _sums(products))
        self._variances = np.insert(self._variances, indices + 1, inherited)
        for index, variance in zip(indices + np.arange(len(indices)), inherited, strict=True):
            self._variances[index] = self._variance(index, variance)
            self._variances[index + 1] = self._variance(index + 1, variance)
        if not self.owed:
            self._last_norm = l2_norm(self._partial_sum)
        self._drop_products()

    def total(self) -> Array:
        """Return the integral except for what is owed, float32 in the input's shape."""
        return self._dropped_sum + self._weighted_sum(self._products)

    def gathered(self) -> Vector:
        """Return the score at the first point plus the trapezoids up to each, float64 (P,)."""
        return np.cumsum(np.concatenate([self.scores[:1], self._trapezoids()]))

    def _trapezoids(self) -> Vector:
        means = (self._slopes[1:] + self._slopes[:-1]) / 2
        return np.diff(self.alphas) * means

    def _norm(self) -> float:
        return self._last_norm

    def _weights(self) -> dict[float, float]:
        """Return the trapezoid rule's weight of each alpha."""
        widths = np.diff(self.alphas)
        weights = (np.pad(widths, (1, 0)) + np.pad(widths, (0, 1))) / 2
        return dict(zip(self.alphas.tolist(), weights.tolist(), strict=True))

    def _weighted_sum(self, products: Mapping[float, Array]) -> Array:
        """Return the sum of products with their current weights."""
        weights = self._weights()
        total, scratch = np.zeros_like(self._dropped_sum), np.empty_like(self._dropped_sum)
        for alpha, product in products.items():
            total += np.multiply(product, np.float32(weights[alpha]), out=scratch)
        return total

    def _change_weight(self, alpha: float, change: float) -> None:
        """Add to the weight of a point."""
        product = self._products.get(alpha)
        if product is None:
            self.owed[alpha] = self.owed.get(alpha, 0.0) + change
        else:
            self._partial_sum += product[self._rows] * np.float32(change)

    def _variance(self, index: int, inherited: float = math.nan) -> float:
        """Return an interval's variance, or `inherited` if a product at its ends was dropped."""
        left, right = (self._products.get(alpha) for alpha in self.alphas[index : index + 2])
        if left is None or right is None:
            return inherited
        width = self.alphas[index + 1] - self.alphas[index]
        return float(width * l2_norm(right[self._rows] - left[self._rows])) ** 2 / 12

    def _drop_products(self) -> None:
        """Drop the products that are least likely to be needed again."""
        if len(self._products) <= KEPT:
            return
        alphas = self._by_importance(self._products)
        self._dropped_sum += self._weighted_sum(_select(self._products, alphas[KEPT:]))
        # Copied once: a view would keep all products of its batch alive.
        kept = _select(self._products, alphas[:KEPT])
        self._products = {alpha: _own_copy(product) for alpha, product in kept.items()}


def norm_rows(height: int) -> slice:
    """Return which rows of an input norms are taken over."""
    return slice(None, None, max(1, height // NORM_ROWS))


def l2_norm(array: npt.NDArray[np.floating]) -> float:
    """Return the L2 norm of all values."""
    return math.sqrt(float(np.square(array).sum()))


def _select(products: Mapping[float, Array], alphas: Iterable[float]) -> dict[float, Array]:
    return {alpha: products[alpha] for alpha in alphas}


def _own_copy(array: Array) -> Array:
    return array if array.base is None else array.copy()


def _sums(products: Array) -> Vector:
    return np.array([product.sum(dtype=np.float64) for product in products])


def _relative(part: float, whole: float) -> float:
    if not part:
        return 0.0
    return part / whole if whole else math.inf
