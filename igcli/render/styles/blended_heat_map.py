"""The heat map, half transparent, over the grey image.

Source: Captum, `visualize_image_attr` with method "blended_heat_map".
"""

from dataclasses import replace

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.options import StyleOptions
from igcli.render.style_common import Bar, grey, scales, to_pixels
from igcli.render.styles import heat_map

__all__ = ["bar", "picture", "plain", "scales"]

OPACITY = 0.5


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return half the heat map and half the grey image."""
    colours = heat_map.picture(image, attributions, scales=scales, options=options)
    return _blended(image, colours)


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return half the colour of zero and half the grey image."""
    return _blended(image, heat_map.plain(image, options))


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return the heat map's colours over white."""
    opaque = heat_map.bar(attributions, scales=scales, options=options)
    return replace(opaque, colours=_blended(np.full_like(opaque.colours, 255), opaque.colours))


def _blended(image: Pixels, colours: Pixels) -> Pixels:
    faded = grey(image)[..., np.newaxis] * np.float32(1 - OPACITY)
    return to_pixels(colours * np.float32(OPACITY) + faded)
