"""The image as opaque as its attributions are large, on white.

Source: see `igcli.render.style_common`.
"""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.colorbar import Bar, ramp
from igcli.render.options import StyleOptions
from igcli.render.style_common import magnitudes, pixels, scales

__all__ = ["bar", "picture", "plain", "scales"]

WHITE = 255


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return the image over white, its opacity the normalised attributions."""
    opacity = magnitudes(attributions, scales[0], options.sign)[..., np.newaxis]
    return pixels(WHITE - (WHITE - image) * opacity)


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return a white picture."""
    return np.full_like(image, WHITE)


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return white to black, for magnitudes."""
    greys = np.repeat(WHITE * ramp(1, 0)[:, np.newaxis], 3, axis=1)
    return Bar(pixels(greys), low=0.0, high=scales[0])
