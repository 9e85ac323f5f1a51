"""The image, blurred until its shapes are gone.

Source: Fong and Vedaldi 2017 (arXiv 1704.03296), section 4.1.
"""

from numpy.random import Generator

from igcli.integration.gaussian import Blur
from igcli.records import Array

PER_IMAGE = True
RANGE_RELATIVE = False
WIDTH = 0.1
"""Standard deviation of the blur, as a fraction of the shorter side: 22 pixels of 224."""


def baseline(image: Array, _random: Generator) -> Array:
    """Return the blurred image.

    Raises:
        ValueError: The image is not (H, W, C).
    """
    return Blur(image).by(WIDTH * min(image.shape[:2]))
