"""The image weighted by its attributions, on black.

Source: see `igcli.render.style_common`.
"""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.colorbar import Bar, ramp
from igcli.render.options import StyleOptions
from igcli.render.style_common import magnitudes, pixels, scales

__all__ = ["bar", "picture", "plain", "scales"]


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return the image times the normalised attributions."""
    return pixels(image * magnitudes(attributions, scales[0], options.sign)[..., np.newaxis])


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return a black picture."""
    return np.zeros_like(image)


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return black to white, for magnitudes."""
    greys = np.repeat(255 * ramp(0, 1)[:, np.newaxis], 3, axis=1)
    return Bar(pixels(greys), low=0.0, high=scales[0])
