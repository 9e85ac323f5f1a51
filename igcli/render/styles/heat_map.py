"""Attributions as colours alone: red, white and green, or white to one colour.

Source: Captum, `visualize_image_attr` with method "heat_map".
"""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.options import StyleOptions
from igcli.render.style_common import bar, coloured, normalised, scales

__all__ = ["bar", "picture", "plain", "scales"]


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return the colours of the attributions."""
    return coloured(normalised(attributions, scales[0], options.sign), options.sign)


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return the colour of zero everywhere."""
    return coloured(np.zeros(image.shape[:2], np.float32), options.sign)
