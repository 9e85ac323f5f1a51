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


MOST = 51
"""Frames of an animation at most, as published."""


def frames(alphas: npt.NDArray[np.float64], most: int = MOST) -> npt.NDArray[np.bool_]:
    """Choose at most `most` of the points, those nearest to even spacing over 0...1.

    Args:
        alphas: Float64 (P,), rising.
        most: How many at most, 2 or more.

    Returns:
        Bool (P,), true for the points chosen; all of them where there are no more than `most`.
    """
    if len(alphas) <= most:
        return np.ones(len(alphas), np.bool_)
    wanted = np.linspace(0.0, 1.0, most)
    nearest = np.abs(alphas[:, None] - wanted).argmin(axis=0)
    chosen = np.zeros(len(alphas), np.bool_)
    chosen[nearest] = True
    return chosen


class Frames:
    """Keeps the interior gradients that an animation will show, while points keep coming."""

    def __init__(self) -> None:
        self._alphas: npt.NDArray[np.float64] = np.empty(0)
        self._maps: dict[float, Array] = {}

    def add(self, alphas: npt.NDArray[np.float64], maps: Array) -> None:
        """Add points; those that are not shown among all so far never will be, and are let go.

        Args:
            alphas: Float64 (P,), other than those before.
            maps: Float32 (P, H, W), interior gradients there.
        """
        # Copies, so that one map does not keep the others of its round alive.
        self._maps.update((alpha, each.copy()) for alpha, each in zip(alphas, maps, strict=True))
        self._alphas = np.sort(np.concatenate([self._alphas, alphas]))
        shown = self._alphas[frames(self._alphas)]
        self._maps = {alpha: self._maps[alpha] for alpha in shown}

    def result(self) -> Interior:
        """Return the frames in the order of the path."""
        return Interior(np.array(list(self._maps)), np.array(list(self._maps.values())))
