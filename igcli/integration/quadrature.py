"""Quadrature rules as data: points on 0...1 and weights that sum to one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Names of rules must be had without NumPy: `--help` prints them.
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
    """Return `steps` equal intervals, each evaluated where it begins: exact for constants."""
    return _equal(steps, offset=0.0)


def right(steps: int) -> Quadrature:
    """Return `steps` equal intervals, each evaluated where it ends: exact for constants."""
    return _equal(steps, offset=1.0)


def midpoint(steps: int) -> Quadrature:
    """Return `steps` equal intervals, each evaluated in its middle: exact to degree 1."""
    return _equal(steps, offset=0.5)


def trapezoid(steps: int) -> Quadrature:
    """Return `steps` equal intervals with half weight at both ends: steps + 1 points, degree 1."""
    import numpy as np

    weights = np.full(steps + 1, 1.0 / steps)
    weights[[0, -1]] /= 2
    return Quadrature(np.linspace(0.0, 1.0, steps + 1), weights)


@lru_cache(maxsize=4)  # Its work grows with the square of the steps; all images share it.
def gauss_legendre(steps: int) -> Quadrature:
    """Return the roots of the Legendre polynomial of degree `steps`: exact to 2 * steps - 1.

    Source: Abramowitz and Stegun 1964, 25.4.29; roots by Newton's method from 22.16.6.
    """
    import numpy as np

    places = np.arange(steps, 0, -1)
    roots = np.cos(np.pi * (places - 0.25) / (steps + 0.5))
    for _ in range(6):
        value, derivative = _legendre(steps, roots)
        roots -= value / derivative
    derivative = _legendre(steps, roots)[1]
    rule = Quadrature((1 + roots) / 2, 1 / ((1 - roots**2) * derivative**2))
    for shared in (rule.points, rule.weights):
        shared.setflags(write=False)
    return rule


def _legendre(degree: int, x: Vector) -> tuple[Vector, Vector]:
    """Return the Legendre polynomial of a degree, 1 or more, and its derivative, inside -1...1."""
    before, value = x * 0 + 1, x
    for n in range(2, degree + 1):
        before, value = value, ((2 * n - 1) * x * value - (n - 1) * before) / n
    return value, degree * (before - x * value) / (1 - x**2)


def _equal(steps: int, *, offset: float) -> Quadrature:
    import numpy as np

    return Quadrature((np.arange(steps) + offset) / steps, np.full(steps, 1.0 / steps))


RULES: dict[str, Callable[[int], Quadrature]] = {
    "left": left,
    "right": right,
    "midpoint": midpoint,
    "trapezoid": trapezoid,
    "gauss_legendre": gauss_legendre,
}
"""Rules by the name they have in the configuration, called with the number of steps."""

REFINABLE = ("trapezoid",)
"""Rules that can be refined interval by interval with every gradient reused."""
