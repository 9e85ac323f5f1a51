"""The image as opaque as its attributions are large, on white.

Source: see `igcli.render.heat`.
"""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.heat import magnitudes, scales
from igcli.render.maps import pixels
from igcli.render.options import StyleOptions

__all__ = ["picture", "plain", "scales"]

WHITE = 255


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return the image over white, its opacity the normalised attributions."""
    opacity = magnitudes(attributions, scales[0], options.sign)[..., np.newaxis]
    return pixels(WHITE - (WHITE - image) * opacity)


def plain(image: Pixels, options: StyleOptions) -> Pixels:  # noqa: ARG001
    """Return a white picture."""
    return np.full_like(image, WHITE)
