"""The image's own mean colour."""

import numpy as np
from numpy.random import Generator

from igcli.records import Array

PER_IMAGE = True
RANGE_RELATIVE = False


def baseline(image: Array, _random: Generator) -> Array:
    """Return the mean over all axes but the channels; if there are no others, the mean of all."""
    axes = tuple(range(max(1, image.ndim - 1)))
    return np.broadcast_to(image.mean(axes, np.float64), image.shape).astype(np.float32)
