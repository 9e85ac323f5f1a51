"""One attribution as a picture, in the style of the options, and the magnification of pictures."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from igcli.records import Array, Pixels
from igcli.render import style_common
from igcli.render.options import StyleOptions

LARGE_SIDE = 160
"""Shorter side, in pixels, at which a picture is large enough."""

MAX_SIDE = 4096
"""Longer side, in pixels, beyond which a long, narrow picture is not magnified."""


@dataclass(frozen=True, slots=True, eq=False)
class Painting:
    """A picture of an attribution.

    Attributes:
        picture: uint8 (H, W, 3).
        scales: Magnitudes drawn at full strength, as the style's `scales` returns them.
    """

    picture: Pixels
    scales: tuple[float, ...]

    @property
    def flat(self) -> bool:
        """Whether nothing stands out, so that nothing is highlighted."""
        return not any(self.scales)


def paint(
    image: Pixels, attributions: Array, options: StyleOptions, *, scale: float | None = None
) -> Painting:
    """Draw attributions of an image.

    Attributions that are zero, not finite, or too sparse for the style's own scale are flat: the
    picture is defined and highlights nothing.

    Args:
        image: uint8 (H, W, 3).
        attributions: float32 (H, W, 3), or their channel mean (H, W).
        options: The style.
        scale: A scale shared with other pictures, which overrides the options' and the picture's
            own.
    """
    style = style_common.load(options.style)
    if not np.isfinite(attributions).all():
        attributions = np.zeros_like(attributions)
    scales = own_scales(attributions, options)
    fixed = scale or (None if isinstance(options.scale, str) else options.scale)
    if fixed and attributions.any():
        scales = (fixed,) * len(scales)
    if not any(scales):
        return Painting(style.plain(image, options), scales)
    return Painting(style.picture(image, attributions, scales=scales, options=options), scales)


def own_scales(attributions: Array, options: StyleOptions) -> tuple[float, ...]:
    """Return the magnitudes that a picture by itself draws at full strength; 0 where flat.

    Args:
        attributions: As for `paint`.
        options: The style.
    """
    if not np.isfinite(attributions).all():
        return (0.0,)
    scales = style_common.load(options.style).scales(attributions, options)
    # Dividing by a scale below the smallest normal number would overflow.
    smallest = np.finfo(np.float32).tiny
    return tuple(scale if scale >= smallest else 0.0 for scale in scales)


def shared_scale(scales: Iterable[tuple[float, ...]]) -> float | None:
    """Return one scale for pictures with these `scales` of their own; None if all are flat.

    It is the median of each picture's largest, so that a few extremes do not darken the rest.
    """
    largest = [max(own) for own in scales if any(own)]
    return float(np.median(largest)) if largest else None


def magnification(height: int, width: int, magnify: int | Literal["auto"]) -> int:
    """Return the whole number by which pictures of a size are magnified.

    It is `magnify`, or for "auto" the smallest number that makes the shorter side 160 pixels or
    more.
    """
    if magnify != "auto":
        return magnify
    return max(1, min(math.ceil(LARGE_SIDE / min(height, width)), MAX_SIDE // max(height, width)))


def magnified(picture: Pixels, factor: int) -> Pixels:
    """Return `picture`, uint8 (H, W, C), with each pixel as a block of `factor` by `factor`."""
    if factor == 1:
        return picture
    return np.repeat(np.repeat(picture, factor, axis=0), factor, axis=1)
