"""Arithmetic that the styles share."""

import numpy as np
import numpy.typing as npt

from igcli.records import Array, Pixels


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


def grey(image: Pixels) -> Array:
    """Return the mean of the channels, float32 (H, W), 0...255, of uint8 (H, W, 3)."""
    wide = image.astype(np.uint16)
    total: Array = (wide[..., 0] + wide[..., 1] + wide[..., 2]).astype(np.float32)
    return total / np.float32(3)


def as_rgb(image: Pixels) -> Pixels:
    """Return RGB, uint8 (H, W, 3), of an image of one channel (H, W, 1); RGB as it is."""
    return image if image.shape[2] == 3 else np.repeat(image, 3, 2)


def percentile(values: Array, *ranks: float) -> npt.NDArray[np.float64]:
    """Return percentiles by linear interpolation."""
    found: npt.NDArray[np.float64] = np.percentile(values, ranks).astype(np.float64)
    return found


def reaching(ordered: Array, percent: float) -> float:
    """Return the value at which the running sum of `ordered` reaches `percent`% of the whole.

    Args:
        ordered: float32 (N,), magnitudes in rising or falling order.
        percent: 0...100; 0 gives the first value, 100 the last.
    """
    if percent >= 100:
        return float(ordered[-1])
    sums = np.cumsum(ordered, dtype=np.float64)
    place = np.searchsorted(sums, sums[-1] * percent / 100)
    return float(ordered[min(place, len(sums) - 1)])


def pixels(values: npt.NDArray[np.floating]) -> Pixels:
    """Return values clipped to 0...255 and truncated to 8 bits."""
    clipped: Pixels = np.clip(values, 0, 255).astype(np.uint8)
    return clipped
