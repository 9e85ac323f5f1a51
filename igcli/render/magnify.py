"""Pictures of small inputs, magnified so that they can be seen."""

import math
from typing import Literal

import numpy as np

from igcli.records import Pixels

LEAST_SIDE = 160
"""Pixels of the shorter side, from which on a picture is large enough."""

MOST_SIDE = 4096
"""Pixels of the longer side, beyond which a long, narrow picture is not magnified."""


def magnification(height: int, width: int, magnify: int | Literal["auto"]) -> int:
    """Return the whole number by which pictures of a size are magnified.

    It is the number given; with "auto" the smallest that makes the shorter side 160 pixels or more.
    """
    if magnify != "auto":
        return magnify
    return max(1, min(math.ceil(LEAST_SIDE / min(height, width)), MOST_SIDE // max(height, width)))


def magnified(picture: Pixels, factor: int) -> Pixels:
    """Return `picture`, uint8 (H, W, C), with each pixel as a block of `factor` by `factor`."""
    if factor == 1:
        return picture
    return np.repeat(np.repeat(picture, factor, axis=0), factor, axis=1)
