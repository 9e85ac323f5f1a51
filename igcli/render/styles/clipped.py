"""Attributions over the image, stretched between two shares of their sum, cleaned and outlined.

SciPy is imported where it is used: it takes longer to import than most panels to draw.
Source: the visualization library published with Integrated Gradients and its notebook.
"""

import numpy as np
import numpy.typing as npt

from igcli.records import Array, Pixels
from igcli.render.options import StyleOptions
from igcli.render.style_common import Bar, channel_mean, ramp, to_pixels, value_at_share

IMAGE_WEIGHT = 0.7
MASK_WEIGHT = 0.5
RED, GREEN = 0, 1
BINARY_THRESHOLD = 0.001
AREA_SHARE = 0.9
MAX_COMPONENTS = 3
_NEIGHBOURS = np.ones((3, 3), np.bool_)


def scales(attributions: Array, options: StyleOptions) -> tuple[float, ...]:
    """Return, by polarity, the value above which (100 - clip_above)% of the total lie."""
    polarities = _polarities(attributions, options)
    return tuple(
        _value_at_share(values, 100 - options.clip_above) for values in polarities.values()
    )


def picture(
    image: Pixels, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions
) -> Pixels:
    """Return 0.7 image + 0.5 mask: positive attributions green, negative red."""
    painted = image * np.float32(IMAGE_WEIGHT)
    polarities = _polarities(attributions, options)
    for (channel, values), full in zip(polarities.items(), scales, strict=True):
        mask = _stretched(values, full, options)
        if options.cleanup:
            mask = cleaned(mask)
        if options.outlines:
            mask = outlined(mask)
        painted[..., channel] += np.float32(255 * MASK_WEIGHT) * mask
    return to_pixels(painted)


def plain(image: Pixels, options: StyleOptions) -> Pixels:
    """Return the dimmed image alone."""
    return to_pixels(image * np.float32(IMAGE_WEIGHT))


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return the colours from clip_below's value on: black to green, red to black, or both."""
    strengths = 255 * MASK_WEIGHT * ramp(0, 1)[:, np.newaxis]
    zeros = np.zeros_like(strengths)
    greens = np.concatenate([zeros, strengths, zeros], axis=1)
    reds = np.concatenate([strengths, zeros, zeros], axis=1)[::-1]
    if options.polarity == "both":
        colours = np.concatenate([reds[::2], greens[::2]])
        return Bar(to_pixels(colours), low=-scales[1], high=scales[0])
    (values,) = _polarities(attributions, options).values()
    low = _lowest_shown(values, scales[0], options)
    if options.polarity == "negative":
        return Bar(to_pixels(reds), low=-scales[0], high=-low)
    return Bar(to_pixels(greens), low=low, high=scales[0])


def _polarities(attributions: Array, options: StyleOptions) -> dict[int, Array]:
    """Return the magnitudes of each polarity drawn, float32 (H, W), by their colour's channel."""
    channels = {"positive": [GREEN], "negative": [RED], "both": [GREEN, RED]}[options.polarity]
    signs = {GREEN: 1, RED: -1}
    return {
        channel: channel_mean(np.clip(attributions * np.float32(signs[channel]), 0, 1))
        for channel in channels
    }


def _value_at_share(values: Array, percent: float) -> float:
    """Return the value at which the largest reach `percent`% of the sum; 100 is the smallest."""
    return value_at_share(np.sort(values, axis=None)[::-1], percent)


def _lowest_shown(values: Array, full: float, options: StyleOptions) -> float:
    return min(_value_at_share(values, 100 - options.clip_below), full)


def _stretched(values: Array, full: float, options: StyleOptions) -> Array:
    """Return 0...1, float32 (H, W): 0 up to clip_below's value, 1 from `full` on."""
    low = _lowest_shown(values, full, options)
    if full == 0:
        return np.zeros_like(values)
    if low == full:
        return (values >= full).astype(np.float32)
    stretched: Array = np.clip((values - np.float32(low)) / np.float32(full - low), 0, 1)
    return stretched


def cleaned(mask: Array) -> Array:
    """Return a mask, float32 (H, W), after a grey closing and opening by a flat 3x3 square."""
    from scipy import ndimage

    closed = ndimage.grey_closing(mask, footprint=_NEIGHBOURS)
    opened: Array = ndimage.grey_opening(closed, footprint=_NEIGHBOURS)
    return opened


def outlined(mask: Array) -> Array:
    """Return the borders of the largest filled shapes of a mask, float32 (H, W) of 0 and 1."""
    from scipy import ndimage

    filled = ndimage.binary_fill_holes(mask > BINARY_THRESHOLD)
    largest = _largest_components(filled)
    border: Array = (largest & ~ndimage.binary_erosion(largest)).astype(np.float32)
    return border


def _largest_components(filled: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return 8-connected components, largest first, up to 90% of the area and three at most."""
    from scipy import ndimage

    components, _ = ndimage.label(filled, structure=_NEIGHBOURS)
    areas = np.bincount(components.ravel())[1:]
    by_area = np.argsort(-areas, kind="stable")
    covered = np.cumsum(areas[by_area])
    count = min(int(np.searchsorted(covered, AREA_SHARE * areas.sum())) + 1, MAX_COMPONENTS)
    largest: npt.NDArray[np.bool_] = np.isin(components, by_area[:count] + 1)
    return largest
