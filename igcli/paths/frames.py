"""Which points of a path an animation shows."""

import numpy as np
import numpy.typing as npt

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
