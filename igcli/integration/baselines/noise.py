"""Uniform noise, independent for every pixel and channel.

Source: the published panels, whose random baselines are uniform.
"""

import numpy as np
from numpy.random import Generator

from igcli.records import Array

PER_IMAGE = True
RANGE_RELATIVE = True


def baseline(image: Array, random: Generator) -> Array:
    """Return random values, uniform over 0...255."""
    return random.uniform(0, 255, image.shape).astype(np.float32)
