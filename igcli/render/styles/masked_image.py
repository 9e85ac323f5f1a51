"""The image multiplied by its attributions, on black.

Source: Captum, `visualize_image_attr` with method "masked_image".
"""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.options import StyleOptions
from igcli.render.style_common import Bar, magnitudes, ramp, scales, to_pixels

__all__ = ["bar", "picture", "plain", "scales"]


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return the image times the normalised attributions."""
    return to_pixels(image * magnitudes(attributions, scales[0], options.sign)[..., np.newaxis])


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return a black picture."""
    return np.zeros_like(image)


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return black to white, for magnitudes."""
    greys = np.repeat(255 * ramp(0, 1)[:, np.newaxis], 3, axis=1)
    return Bar(to_pixels(greys), low=0.0, high=scales[0])
