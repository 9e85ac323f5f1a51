"""The image seen through a window: dark where attributions are small.

Source: the panels published in 2016, and all published GIFs.
"""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.options import StyleOptions
from igcli.render.style_common import Bar, channel_mean, high_percentile, ramp, to_pixels


def scales(attributions: Array, options: StyleOptions) -> tuple[float]:
    """Return the 99th percentile of the channel mean's magnitude."""
    return (high_percentile(np.abs(channel_mean(attributions)), 99),)


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return the image weighted by magnitude over scale, at most 1."""
    full = np.float32(scales[0])
    window = np.minimum(np.abs(channel_mean(attributions)), full) / full
    painted = np.empty_like(image)
    for channel in range(image.shape[2]):  # One by one: less memory is faster.
        painted[..., channel] = image[..., channel] * window
    return painted


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return a black picture."""
    return np.zeros_like(image)


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return black to white."""
    greys = np.repeat(255 * ramp(0, 1)[:, np.newaxis], 3, axis=1)
    return Bar(to_pixels(greys), low=0.0, high=scales[0])
