"""The image weighted by its attributions, on black.

Source: see `igcli.render.heat`.
"""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.heat import magnitudes, scales
from igcli.render.maps import pixels
from igcli.render.options import StyleOptions

__all__ = ["picture", "plain", "scales"]


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return the image times the normalised attributions."""
    return pixels(image * magnitudes(attributions, scales[0], options.sign)[..., np.newaxis])


def plain(image: Pixels, options: StyleOptions) -> Pixels:  # noqa: ARG001
    """Return a black picture."""
    return np.zeros_like(image)
