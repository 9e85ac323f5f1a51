"""A path cut into intervals, and how wrong the trapezoid rule is on each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igcli.records import Array

KEPT = 64
"""Gradients in memory at a time: those at the ends of the worst intervals."""

CANCELLING = 4
"""How many times the tolerance the gaps' magnitudes may be: as where sixteen have random signs.

Twice took 44 gradients an image in place of 31, for the same errors of pixels, on 39 photographs
(tests/benchmarks/accuracy.py).
"""

ALIKE = 4
"""Intervals are split together whose shares in the error are less than this factor apart."""

NARROWEST = 2.0**-20
"""Width at which an interval is left alone: in float32 its middle would soon be one of its ends."""

ROWS = 56
"""Rows of an input that norms are taken over, or a few more: enough for the share of an error."""

Vector = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far an integral is off.

    Attributes:
        total: Completeness error: the sum of all gaps, as a share of the score's difference.
        parts: Sum of the gaps' magnitudes, as the same share: it cannot cancel.
        pixels: Relative L2 error of the attributions, estimated.
    """

    total: float
    parts: float
    pixels: float

    def is_complete(self, tolerance: float) -> bool:
        """Tell whether the attributions sum to the score's difference, and not by accident."""
        return self.total <= tolerance and self.parts <= CANCELLING * tolerance

    def is_resolved(self, tolerance: float) -> bool:
        """Tell whether single attributions can be trusted as much as their sum."""
        return self.pixels <= tolerance


def measured(gaps: Vector, variances: Vector, *, difference: float, norm: float) -> Accuracy:
    """Return how far an integral is off.

    Args:
        gaps: Float64 (N,), exact errors of the sum on each interval.
        variances: Float64 (N,), expected squared L2 errors.
        difference: The score's, from end to end.
        norm: L2 norm of the integral.
    """
    return Accuracy(
        _share(abs(float(gaps.sum())), abs(difference)),
        _share(float(np.abs(gaps).sum()), abs(difference)),
        _share(math.sqrt(variances.sum()), norm),
    )


def shares_of(gaps: Vector, variances: Vector, widths: Vector) -> Vector:
    """Return each interval's share in the errors, the larger of both kinds; 0 where it is narrow.

    Args:
        gaps: Float64 (N,), errors of the sum; zeros where it is good enough.
        variances: Float64 (N,), squared errors of single values; zeros where they are.
        widths: Float64 (N,).
    """
    gap = np.abs(gaps)
    shares = np.maximum(gap / (gap.sum() or 1), variances / (variances.sum() or 1))
    # Rounded, so that equal intervals are taken in order, whatever their last bits.
    return np.round(shares * (widths > NARROWEST), 6)


def largest(shares: Vector, most: int) -> Places:
    """Return the places of the intervals to split next, up to `most`, in rising order."""
    order = np.argsort(-shares, kind="stable")[:most]
    return np.sort(order[(shares[order] > 0) & (shares[order] >= shares.max() / ALIKE)])


class Mesh:
    """Points of a path and the trapezoid rule's integral over them.

    A product is the path's direction times the gradient at a point; its sum is the score's slope.
    Only so many are kept. Where the weight of one changes that is gone, the change is owed.

    Attributes:
        alphas: Float64 (P,), rising, from 0 to 1.
        scores: Float64 (P,).
        owed: Changes of weight by alpha, for products that are gone.
    """

    def __init__(self, alphas: Vector, scores: Array, products: Array) -> None:
        """Cut the path at its first points."""
        self.alphas, self.scores = alphas, scores.astype(np.float64)
        self.owed: dict[float, float] = {}
        self._slopes = _sums(products)
        self._rows = slice(None, None, max(1, len(products[0]) // ROWS))
        self._products = dict(zip(alphas.tolist(), products, strict=True))
        self._variances = np.array([self._variance(place) for place in range(self.size)])
        # The sum of products that are gone, and some rows of the whole sum, which norms are of.
        self._settled: Array = np.zeros_like(products[0])
        self._partial = np.zeros_like(products[0][self._rows])
        for alpha, weight in self._weights().items():
            self._change(alpha, weight)
        self._norm = _norm(self._partial)

    @property
    def size(self) -> int:
        """Number of intervals."""
        return len(self.alphas) - 1

    @property
    def difference(self) -> float:
        """The score's, from the first point to the last."""
        return float(self.scores[-1] - self.scores[0])

    def accuracy(self) -> Accuracy:
        """Return how far the integral is off."""
        return measured(self._gaps(), self._variances, difference=self.difference, norm=self._norm)

    def worst(self, most: int, *, gaps: bool, variances: bool) -> Places:
        """Return the places of the intervals to split next, up to `most`, in rising order.

        Args:
            most: How many.
            gaps: Whether the attributions' sum is still to be improved.
            variances: Whether single attributions are.
        """
        return largest(self._shares(gaps=gaps, variances=variances), most)

    def middles(self, places: Places) -> Vector:
        """Return the middles of intervals."""
        return (self.alphas[places] + self.alphas[places + 1]) / 2

    def split(self, places: Places, scores: Array, products: Array) -> None:
        """Split intervals at their middles, given what was found there."""
        middles = self.middles(places)
        for place, middle, product in zip(places, middles.tolist(), products, strict=True):
            left, right = self.alphas[place : place + 2].tolist()
            self._products[middle] = product
            self._change(middle, (right - left) / 2)
            for end in (left, right):
                self._change(end, (left - right) / 4)
        old = self._variances[places] / 8
        self.alphas = np.insert(self.alphas, places + 1, middles)
        self.scores = np.insert(self.scores, places + 1, scores.astype(np.float64))
        self._slopes = np.insert(self._slopes, places + 1, _sums(products))
        self._variances = np.insert(self._variances, places + 1, old)
        for place, inherited in zip(places + np.arange(len(places)), old, strict=True):
            self._variances[place] = self._variance(place, inherited)
            self._variances[place + 1] = self._variance(place + 1, inherited)
        if not self.owed:
            self._norm = _norm(self._partial)
        self._forget()

    def total(self) -> Array:
        """Return the integral but for what is owed, float32 in the input's shape."""
        return self._settled + self._sum(self._products)

    def _sum(self, products: Mapping[float, Array]) -> Array:
        """Return the sum of products with their weights of now."""
        weights = self._weights()
        total, scratch = np.zeros_like(self._settled), np.empty_like(self._settled)
        for alpha, product in products.items():
            total += np.multiply(product, np.float32(weights[alpha]), out=scratch)
        return total

    def _weights(self) -> dict[float, float]:
        """Return the trapezoid rule's weight of each alpha."""
        widths = np.diff(self.alphas)
        weights = (np.pad(widths, (1, 0)) + np.pad(widths, (0, 1))) / 2
        return dict(zip(self.alphas.tolist(), weights.tolist(), strict=True))

    def _change(self, alpha: float, weight: float) -> None:
        """Add to the weight of a point."""
        product = self._products.get(alpha)
        if product is None:
            self.owed[alpha] = self.owed.get(alpha, 0.0) + weight
        else:
            self._partial += product[self._rows] * np.float32(weight)

    def gathered(self) -> Vector:
        """Return the score at the first point plus the trapezoids up to each."""
        trapezoids = np.diff(self.alphas) * (self._slopes[1:] + self._slopes[:-1]) / 2
        return np.cumsum(np.concatenate([self.scores[:1], trapezoids]))

    def _gaps(self) -> Vector:
        """Return the score's difference less the trapezoid: exact errors of the products' sum."""
        means = (self._slopes[1:] + self._slopes[:-1]) / 2
        return np.diff(self.scores) - np.diff(self.alphas) * means

    def _variance(self, place: int, inherited: float = math.nan) -> float:
        """Return an interval's expected squared L2 error.

        Where every gradient jumps once, anywhere in the interval, that is (width * jump)**2 / 12.
        """
        left, right = (self._products.get(alpha) for alpha in self.alphas[place : place + 2])
        if left is None or right is None:
            return inherited
        width = self.alphas[place + 1] - self.alphas[place]
        return float(width * _norm(right[self._rows] - left[self._rows])) ** 2 / 12

    def _shares(self, *, gaps: bool, variances: bool) -> Vector:
        """Return each interval's share in the errors, the larger of the two asked for."""
        return shares_of(self._gaps() * gaps, self._variances * variances, np.diff(self.alphas))

    def _forget(self) -> None:
        """Let the products go that are least likely to be needed."""
        if len(self._products) <= KEPT:
            return
        shares = np.pad(self._shares(gaps=True, variances=True), 1)
        order = np.argsort(-np.maximum(shares[1:], shares[:-1]), kind="stable")
        present = [alpha for alpha in self.alphas[order].tolist() if alpha in self._products]
        self._settled += self._sum({alpha: self._products[alpha] for alpha in present[KEPT:]})
        # Copies, once: a view would keep all that was found with it.
        self._products = {alpha: _own(self._products[alpha]) for alpha in present[:KEPT]}


def _own(array: Array) -> Array:
    return array if array.base is None else array.copy()


def _sums(products: Array) -> Vector:
    return np.array([product.sum(dtype=np.float64) for product in products])


def _norm(array: Array) -> float:
    return math.sqrt(float(np.square(array).sum()))


def _share(part: float, whole: float) -> float:
    if not part:
        return 0.0
    return part / whole if whole else math.inf
