"""The interface of a style, and the calculations that styles share.

First what every style has, a `Style` module and a colour `Bar`; then pixels and percentiles; last
signs, scale and colours of the heat maps and masks.

Source: heat maps and masks are the image visualizations of the PyTorch library Captum, and of the
TensorFlow library Alibi, which follows it. Colours other than red-white-green are ColorBrewer's
sequential schemes, by Cynthia Brewer.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from igcli import registry
from igcli.records import Array, Pixels
from igcli.render import styles
from igcli.render.options import StyleOptions

BAR_SHADES = 256
"""Colours of a colour bar."""

SAMPLE_STRIDE = 64
"""Every which value `high_percentile` looks at first."""


@dataclass(frozen=True, slots=True, eq=False)
class Bar:
    """The colours of a style.

    Attributes:
        colours: uint8 (BAR_SHADES, 3), evenly spaced from the lowest value to the highest.
        low: Attribution at the lower end; if both ends have a colour, both halves are as long.
        high: Attribution at the upper end.
    """

    colours: Pixels
    low: float
    high: float


class Style(Protocol):
    """A module in `igcli.render.styles`; its file name is the style's name.

    Shared parameters:
        image: uint8 (H, W, 3), 0...255.
        attributions: float32 (H, W, 3), or their channel mean (H, W); any unit.
        scales: Magnitudes drawn at full strength, as `scales` returns them.
        options: The options of every style; each reads its own.
    """

    def scales(self, attributions: Array, options: StyleOptions) -> tuple[float, ...]:
        """Return the magnitudes to draw at full strength, 0 where nothing stands out.

        More than one if parts of the attributions are scaled separately.
        """
        ...

    def picture(
        self,
        image: Pixels,
        attributions: Array,
        *,
        scales: tuple[float, ...],
        options: StyleOptions,
    ) -> Pixels:
        """Return the picture, uint8 (H, W, 3); parts with a scale of 0 are not highlighted."""
        ...

    def plain(self, image: Pixels, options: StyleOptions) -> Pixels:
        """Return the picture, uint8 (H, W, 3), with nothing highlighted."""
        ...

    def bar(self, attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
        """Return the colours of the attributions up to `scales`."""
        ...


def load(name: str) -> Style:
    """Return the style called `name`, one of `styles.names()`."""
    return cast(Style, registry.load(styles.__name__, name))


def ramp(low: float, high: float) -> Array:
    """Return evenly spaced normalised values of a bar, float32 (BAR_SHADES,)."""
    return np.linspace(low, high, BAR_SHADES, dtype=np.float32)


def to_pixels(values: npt.NDArray[np.floating]) -> Pixels:
    """Return values clipped to 0...255 and truncated to 8 bits."""
    clipped: Pixels = np.clip(values, 0, 255).astype(np.uint8)
    return clipped


def as_rgb(image: Pixels) -> Pixels:
    """Return RGB, uint8 (H, W, 3), of an image of one channel (H, W, 1); RGB as it is."""
    return image if image.shape[2] == 3 else np.repeat(image, 3, 2)


def in_planes(picture: Pixels) -> Pixels:
    """Return the same pixels, uint8 (H, W, C), with each channel in one piece of memory.

    NumPy computes the product of such a picture and a map (H, W) several times faster.
    """
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(picture, 2, 0)), 0, 2)


def grey(image: Pixels) -> Array:
    """Return the mean of the channels, float32 (H, W), 0...255, of uint8 (H, W, 3)."""
    wide = image.astype(np.uint16)
    total: Array = (wide[..., 0] + wide[..., 1] + wide[..., 2]).astype(np.float32)
    return total / np.float32(3)


def channel_mean(attributions: Array) -> Array:
    """Return the mean over the channels, float32 (H, W), of (H, W, C); (H, W) as it is."""
    if attributions.ndim == 2:
        return attributions
    if attributions.shape[2] == 1:
        return attributions[..., 0]
    total: Array = attributions[..., 0] + attributions[..., 1] + attributions[..., 2]
    return total / np.float32(3)


def channel_sum(attributions: Array) -> Array:
    """Return the sum over the channels, float32 (H, W), of (H, W, C) or of a mean (H, W) of 3."""
    if attributions.ndim == 3 and attributions.shape[2] == 1:
        return attributions[..., 0]
    return channel_mean(attributions) * np.float32(3)


def percentile(values: Array, *ranks: float) -> npt.NDArray[np.float64]:
    """Return percentiles by linear interpolation, float64 (ranks,)."""
    percentiles: npt.NDArray[np.float64] = np.percentile(values, ranks).astype(np.float64)
    return percentiles


def high_percentile(values: Array, rank: float) -> float:
    """Return one percentile like `percentile`, several times faster for ranks near 100.

    Only the values above a threshold are put in order; a sample of the values says where it is.
    """
    flat = values.ravel()
    position = (flat.size - 1) * rank / 100
    sample = np.sort(flat[::SAMPLE_STRIDE])
    threshold = sample[int((len(sample) - 1) * max(0.0, 2 * rank - 100) / 100)]
    highest = flat[flat >= threshold]
    if flat.size - highest.size > position:
        highest = flat
    index = position - (flat.size - highest.size)
    lower, upper = math.floor(index), math.ceil(index)
    ordered = np.partition(highest, [lower, upper])
    return float(np.interp(index, [lower, upper], ordered[[lower, upper]]))


def value_at_share(ordered: Array, percent: float) -> float:
    """Return the value at which the running sum of `ordered` reaches `percent`% of the total.

    Args:
        ordered: float32 (N,), magnitudes in rising or falling order.
        percent: 0...100; 0 gives the first value, 100 the last.
    """
    if percent >= 100:
        return float(ordered[-1])
    sums = np.cumsum(ordered, dtype=np.float64)
    index = np.searchsorted(sums, sums[-1] * percent / 100)
    return float(ordered[min(index, len(sums) - 1)])


STOPS = {
    "all": "ff0000 ffffff 008000",
    "positive": "f7fcf5 e5f5e0 c7e9c0 a1d99b 74c476 41ab5d 238b45 006d2c 00441b",
    "negative": "fff5f0 fee0d2 fcbba1 fc9272 fb6a4a ef3b2c cb181d a50f15 67000d",
    "absolute_value": "f7fbff deebf7 c6dbef 9ecae1 6baed6 4292c6 2171b5 08519c 08306b",
}
"""Colours of heat maps by sign, from the lowest value to the highest, evenly spaced."""

HEAT_SHADES = 1025
"""Colours of a heat map; odd, so that zero is exactly white."""


def scales(attributions: Array, options: StyleOptions) -> tuple[float]:
    """Return the value up to which values add up to (100 - outlier_percent)% of the total."""
    magnitudes = np.abs(signed(attributions, options.sign))
    return (value_at_share(np.sort(magnitudes, axis=None), 100 - options.outlier_percent),)


def bar(attributions: Array, *, scales: tuple[float, ...], options: StyleOptions) -> Bar:
    """Return the heat map's colours."""
    low = {"all": -scales[0], "negative": -scales[0]}.get(options.sign, 0.0)
    high = 0.0 if options.sign == "negative" else scales[0]
    values = ramp(-1 if options.sign == "all" else 0, 1)
    colours = coloured(values[::-1] if options.sign == "negative" else values, options.sign)
    return Bar(colours, low=low, high=high)


def signed(attributions: Array, sign: str) -> Array:
    """Return the channel sum, float32 (H, W): all of it, or magnitudes of one sign."""
    total = channel_sum(attributions)
    if sign == "positive":
        return np.maximum(total, 0)
    if sign == "negative":
        return np.maximum(-total, 0)
    return total if sign == "all" else np.abs(total)


def normalised(attributions: Array, scale: float, sign: str) -> Array:
    """Return the attributions of one sign over the scale, float32 (H, W), within -1...1."""
    full = np.float32(scale)
    return np.clip(signed(attributions, sign), -full, full) / full


def magnitudes(attributions: Array, scale: float, sign: str) -> Array:
    """Return the magnitudes of the normalised attributions, float32 (H, W), 0...1."""
    return np.abs(normalised(attributions, scale, sign))


def coloured(values: Array, sign: str) -> Pixels:
    """Return the colours, uint8 (..., 3), of values in -1...1 (all) or 0...1."""
    lowest = -1 if sign == "all" else 0
    position = (values - np.float32(lowest)) * np.float32((HEAT_SHADES - 1) / (1 - lowest))
    colours: Pixels = _heat_shades(sign)[np.rint(position).astype(np.intp)]
    return colours


@lru_cache(maxsize=4)
def _heat_shades(sign: str) -> Pixels:
    """Return the colours of a sign, uint8 (HEAT_SHADES, 3), from the lowest value up."""
    stops = np.array([list(bytes.fromhex(stop)) for stop in STOPS[sign].split()])
    positions = np.linspace(0, len(stops) - 1, HEAT_SHADES)
    channels = [np.interp(positions, np.arange(len(stops)), channel) for channel in stops.T]
    colours: Pixels = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return colours
