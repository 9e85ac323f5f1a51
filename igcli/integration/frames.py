"""Which points of a path an animation shows."""

import numpy as np
import numpy.typing as npt

from igcli.records import Array, Interior

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
