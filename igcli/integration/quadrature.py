"""Quadrature rules as data: points on 0...1 and weights that sum to one.

Source: Davis and Rabinowitz, Methods of Numerical Integration, 2nd edition 1984, chapter 2.
Importing it does not import NumPy: `--help` prints the names of the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Quadrature:
    """Points and weights of an integral over 0...1.

    Attributes:
        points: Float64 (P,), rising, within 0...1.
        weights: Float64 (P,), summing to one.
    """

    points: Vector
    weights: Vector


def left(steps: int) -> Quadrature:
    """Return `steps` equal intervals, evaluated at their left ends: exact for constants."""
    return _equal_intervals(steps, offset=0.0)


def right(steps: int) -> Quadrature:
    """Return `steps` equal intervals, evaluated at their right ends: exact for constants."""
    return _equal_intervals(steps, offset=1.0)


def midpoint(steps: int) -> Quadrature:
    """Return `steps` equal intervals, evaluated at their middles: exact to degree 1."""
    return _equal_intervals(steps, offset=0.5)


def trapezoid(steps: int) -> Quadrature:
    """Return `steps` equal intervals, half the weight at both ends: steps + 1 points, degree 1."""
    import numpy as np

    weights = np.full(steps + 1, 1.0 / steps)
    weights[[0, -1]] /= 2
    return Quadrature(np.linspace(0.0, 1.0, steps + 1), weights)


@lru_cache(maxsize=4)  # The work grows with the square of the steps; all images share it.
def gauss_legendre(steps: int) -> Quadrature:
    """Return the roots of the Legendre polynomial of degree `steps`: exact to 2 * steps - 1.

    From SciPy, because NumPy's work grows with the cube of the steps: 47 s for 3,000, not 0.5 s.
    Source: Abramowitz and Stegun 1964, 25.4.29 and 25.4.30.
    """
    from scipy.special import roots_legendre

    roots, weights = roots_legendre(steps)
    rule = Quadrature((1 + roots) / 2, weights / 2)
    for shared in (rule.points, rule.weights):
        shared.setflags(write=False)
    return rule


def _equal_intervals(steps: int, *, offset: float) -> Quadrature:
    import numpy as np

    return Quadrature((np.arange(steps) + offset) / steps, np.full(steps, 1.0 / steps))


RULES: dict[str, Callable[[int], Quadrature]] = {
    "left": left,
    "right": right,
    "midpoint": midpoint,
    "trapezoid": trapezoid,
    "gauss_legendre": gauss_legendre,
}
"""Rules by their name in the configuration, called with the number of steps."""

REFINABLE_RULES = ("trapezoid",)
"""Rules that can be refined interval by interval, reusing every gradient."""
