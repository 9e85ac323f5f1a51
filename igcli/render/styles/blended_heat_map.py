"""The heat map, half transparent, over the grey image.

Source: see `igcli.render.style_common`.
"""

from dataclasses import replace

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.colorbar import Bar
from igcli.render.options import StyleOptions
from igcli.render.style_common import grey, pixels, scales
from igcli.render.styles import heat_map

__all__ = ["bar", "picture", "plain", "scales"]

OPACITY = 0.5


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return half the heat map and half the grey image."""
    heat = heat_map.picture(image, attributions, scales=scales, options=options)
    return _blended(image, heat)


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return half the colour of nothing and half the grey image."""
    return _blended(image, heat_map.plain(image, options))


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return the heat map's colours over white."""
    pure = heat_map.bar(attributions, scales=scales, options=options)
    return replace(pure, colours=_blended(np.full_like(pure.colours, 255), pure.colours))


def _blended(image: Pixels, heat: Pixels) -> Pixels:
    under = grey(image)[..., np.newaxis] * np.float32(1 - OPACITY)
    return pixels(heat * np.float32(OPACITY) + under)
