"""Attributions over the image, stretched between two shares of their total.

Source: the visualization library published with Integrated Gradients and its notebook.
"""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render.colorbar import Bar, ramp
from igcli.render.morphology import cleaned, outlined
from igcli.render.options import StyleOptions
from igcli.render.style_common import channel_mean, pixels, reaching

IMAGE_WEIGHT = 0.7
MASK_WEIGHT = 0.5
RED, GREEN = 0, 1


def scales(attributions: Array, options: StyleOptions) -> tuple[float, ...]:
    """Return, for each polarity, where the largest reach (100 - clip_above)% of their sum."""
    polarities = _polarities(attributions, options)
    return tuple(_reaching(values, 100 - options.clip_above) for values in polarities.values())


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return 0.7 image + 0.5 mask: positive attributions green, negative red."""
    painted = image * np.float32(IMAGE_WEIGHT)
    polarities = _polarities(attributions, options)
    for (channel, values), full in zip(polarities.items(), scales, strict=True):
        mask = _shaped(_stretched(values, full, options), options)
        painted[..., channel] += np.float32(255 * MASK_WEIGHT) * mask
    return pixels(painted)


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return the dimmed image alone."""
    return pixels(image * np.float32(IMAGE_WEIGHT))


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return the colours from clip_below's value on: black to green, red to black, or both."""
    shown = 255 * MASK_WEIGHT * ramp(0, 1)[:, np.newaxis]
    nothing = np.zeros_like(shown)
    greens = np.concatenate([nothing, shown, nothing], axis=1)
    reds = np.concatenate([shown, nothing, nothing], axis=1)[::-1]
    if options.polarity == "both":
        colours = np.concatenate([reds[::2], greens[::2]])
        return Bar(pixels(colours), low=-scales[1], high=scales[0])
    (values,) = _polarities(attributions, options).values()
    low = _low(values, scales[0], options)
    if options.polarity == "negative":
        return Bar(pixels(reds), low=-scales[0], high=-low)
    return Bar(pixels(greens), low=low, high=scales[0])


def _polarities(attributions: Array, options: StyleOptions) -> dict[int, Array]:
    """Return the magnitudes of each polarity shown, float32 (H, W), by their colour's channel."""
    wanted = {"positive": [GREEN], "negative": [RED], "both": [GREEN, RED]}[options.polarity]
    signs = {GREEN: 1, RED: -1}
    return {
        channel: channel_mean(np.clip(attributions * np.float32(signs[channel]), 0, 1))
        for channel in wanted
    }


def _reaching(values: Array, percent: float) -> float:
    """Return the value at which the largest reach `percent`% of the sum; 100 is the smallest."""
    return reaching(np.sort(values, axis=None)[::-1], percent)


def _low(values: Array, full: float, options: StyleOptions) -> float:
    return min(_reaching(values, 100 - options.clip_below), full)


def _stretched(values: Array, full: float, options: StyleOptions) -> Array:
    """Return 0...1, float32 (H, W): 0 up to clip_below's value, 1 from `full` on."""
    low = _low(values, full, options)
    if full == 0:
        return np.zeros_like(values)
    if low == full:
        return (values >= full).astype(np.float32)
    stretched: Array = np.clip((values - np.float32(low)) / np.float32(full - low), 0, 1)
    return stretched


def _shaped(mask: Array, options: StyleOptions) -> Array:
    if options.cleanup:
        mask = cleaned(mask)
    return outlined(mask) if options.outlines else mask
