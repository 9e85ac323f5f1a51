"""Quadrature rules as data: points on 0...1 and weights that sum to one."""

from collections.abc import Callable
from dataclasses import dataclass

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


def trapezoid(steps: int) -> Quadrature:
    """Return `steps` equal intervals with half weight at both ends: steps + 1 points."""
    weights = np.full(steps + 1, 1.0 / steps)
    weights[[0, -1]] /= 2
    return Quadrature(np.linspace(0.0, 1.0, steps + 1), weights)


RULES: dict[str, Callable[[int], Quadrature]] = {"trapezoid": trapezoid}
"""Rules by the name they have in the configuration, called with the number of steps."""
