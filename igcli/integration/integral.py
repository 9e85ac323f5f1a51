"""A straight path, its integral, and the interior gradients that an animation shows of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igcli.records import Array, Interior


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A straight path and the score to integrate along it.

    Attributes:
        start: Float32, shape of the network's input, in pixel space; alpha = 0.
        end: Float32, the same shape; alpha = 1.
        target: Index of the score.
        interior: Whether to return interior gradients.
        gathered: Whether to return the integral up to each point.
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
    """The mean of the gradients along a path, times its direction unless the segment opts out.

    Attributes:
        attributions: Float32, shape of the input; in units of the score if multiplied.
        start_score: Score at alpha = 0.
        end_score: Score at alpha = 1.
        alphas: Float64 (P,), evaluated points in rising order.
        scores: Float32 (P,), score at these points.
        evaluations: Number of gradients computed.
        interior: Interior gradients at up to 51 of the points, if requested.
        gathered: Float64 (P,), start score plus the sum of the integral up to each point, if
            requested.
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


MAX_FRAMES = 51
"""Maximum number of frames of an animation. Source: the published animations."""


def choose_frames(alphas: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Choose the points closest to even spacing over 0...1.

    Args:
        alphas: Float64 (P,), rising.

    Returns:
        Bool (P,), true for the chosen points; all of them if there are at most `MAX_FRAMES`.
    """
    if len(alphas) <= MAX_FRAMES:
        return np.ones(len(alphas), np.bool_)
    even = np.linspace(0.0, 1.0, MAX_FRAMES)
    chosen = np.zeros(len(alphas), np.bool_)
    chosen[np.abs(alphas[:, None] - even).argmin(axis=0)] = True
    return chosen


class FrameCollector:
    """Keeps the interior gradients that an animation will show, while points are being added."""

    def __init__(self) -> None:
        self._alphas: npt.NDArray[np.float64] = np.empty(0)
        self._maps: dict[float, Array] = {}

    def add(self, alphas: npt.NDArray[np.float64], maps: Array) -> None:
        """Add points; maps not chosen among all points so far never will be, and are dropped.

        Args:
            alphas: Float64 (P,), new points.
            maps: Float32 (P, H, W), interior gradients at them.
        """
        # Copied, so that one map does not keep the others of its round alive.
        self._maps.update((alpha, map_.copy()) for alpha, map_ in zip(alphas, maps, strict=True))
        self._alphas = np.sort(np.concatenate([self._alphas, alphas]))
        chosen = self._alphas[choose_frames(self._alphas)]
        self._maps = {alpha: self._maps[alpha] for alpha in chosen}

    def result(self) -> Interior:
        """Return the frames in the order of the path."""
        return Interior(np.array(list(self._maps)), np.array(list(self._maps.values())))
