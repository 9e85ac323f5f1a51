"""The image as opaque as its attributions are large, on white.

Source: Captum, `visualize_image_attr` with method "alpha_scaling".
"""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.options import StyleOptions
from igcli.render.style_common import Bar, magnitudes, ramp, scales, to_pixels

__all__ = ["bar", "picture", "plain", "scales"]

WHITE = 255


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return the image over white, its opacity the normalised attributions."""
    opacity = magnitudes(attributions, scales[0], options.sign)[..., np.newaxis]
    return to_pixels(WHITE - (WHITE - image) * opacity)


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return a white picture."""
    return np.full_like(image, WHITE)


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return white to black, for magnitudes."""
    greys = np.repeat(WHITE * ramp(1, 0)[:, np.newaxis], 3, axis=1)
    return Bar(to_pixels(greys), low=0.0, high=scales[0])
