"""What integrating gradients along a straight path takes and gives."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igcli.records import Array, Interior


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A straight path and the score along it.

    Attributes:
        start: Float32, shape of the network's input, in pixel space; alpha = 0.
        end: Float32, the same shape; alpha = 1.
        target: Index of the score.
        interior: Whether interior gradients are wanted.
        gathered: Whether the integral up to each point is wanted.
        multiplied: Whether the mean of the gradients is multiplied by the direction.
    """

    start: Array
    end: Array
    target: int
    interior: bool = False
    gathered: bool = False
    multiplied: bool = True

    @property
    def direction(self) -> Array:
        """From start to end."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, eq=False)
class Integral:
    """The mean of the gradients along a path, times the direction where that is wanted.

    Attributes:
        attributions: Float32, shape of the input, in units of the score where it is multiplied.
        start_score: Score at alpha = 0.
        end_score: Score at alpha = 1.
        alphas: Float64 (P,), evaluated points in rising order.
        scores: Float32 (P,), score at these points.
        evaluations: Number of gradients taken.
        interior: Gradients at up to 51 of them, where asked for.
        gathered: Float64 (P,), start score plus the sum of the integral up to each point, where
            asked for.
        warnings: One line each.
    """

    attributions: Array
    start_score: float
    end_score: float
    alphas: npt.NDArray[np.float64]
    scores: Array
    evaluations: int
    interior: Interior | None = None
    gathered: npt.NDArray[np.float64] | None = None
    warnings: tuple[str, ...] = ()
