"""Attributions in green and red over the dimmed grey image.

Source: the panels published since June 2017.
"""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.options import StyleOptions
from igcli.render.style_common import Bar, channel_mean, grey, percentile, ramp, to_pixels

GREY_WEIGHT = 0.3
MASK_WEIGHT = 0.7


def scales(attributions: Array, options: StyleOptions) -> tuple[float]:
    """Return the larger magnitude of the 1st and the 99th percentile of the channel mean."""
    return (float(np.abs(percentile(channel_mean(attributions), 1, 99)).max()),)


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return 0.3 grey + 0.7 mask: positive attributions green, negative red."""
    full = np.float32(scales[0])
    normalised = np.clip(channel_mean(attributions), -full, full) / full
    painted = _dimmed(image)
    if options.polarity != "negative":
        painted[..., 1] += np.float32(255 * MASK_WEIGHT) * np.maximum(normalised, 0)
    if options.polarity != "positive":
        painted[..., 0] += np.float32(255 * MASK_WEIGHT) * np.maximum(-normalised, 0)
    return to_pixels(painted)


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return the dimmed grey image alone."""
    return to_pixels(_dimmed(image))


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return black to green, red to black, or both."""
    low = 0 if options.polarity == "positive" else -1
    high = 0 if options.polarity == "negative" else 1
    values = ramp(low, high)[:, np.newaxis]
    colours = MASK_WEIGHT * 255 * np.concatenate([-values, values, 0 * values], axis=1)
    return Bar(to_pixels(colours), low=low * scales[0], high=high * scales[0])


def _dimmed(image: Pixels) -> Array:
    painted = np.empty(image.shape, np.float32)
    painted[...] = grey(image)[..., np.newaxis] * np.float32(GREY_WEIGHT)
    return painted
