"""Gaussian noise, by a share of the input's range or in its own levels."""

import numpy as np

from igcli.methods import Task
from igcli.records import Array


def deviation(task: Task, share: float, levels: float | None) -> Array | np.float32:
    """Return the standard deviation of noise, for every value or for each.

    Args:
        task: The input.
        share: As a share of the input's range.
        levels: In levels of the input, in place of a share.
    """
    if levels is not None:
        everywhere = np.float32(levels)
        return everywhere if task.noisy is None else everywhere * task.noisy
    spread = np.ptp(task.image) if task.spread is None else task.spread
    found: Array | np.float32 = np.float32(share) * spread
    return found
