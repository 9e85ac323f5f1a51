"""One attribution as a picture, in the style that the options name."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from igcli.records import Array, Pixels
from igcli.render import styles
from igcli.render.options import StyleOptions


@dataclass(frozen=True, slots=True, eq=False)
class Painting:
    """A shown attribution.

    Attributes:
        picture: uint8 (H, W, 3).
        scales: Magnitudes shown at full strength, as the style's `scales` returns them.
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
    """Show `attributions` (float32 (H, W, 3) or channel mean (H, W)) of `image`.

    Attributions that are zero, not finite, or too sparse for the style's own scale are flat: the
    picture is defined and highlights nothing. A `scale` shared with other pictures goes before
    the one of the options and the image's own.
    """
    style = styles.load(options.style)
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
    """Return the magnitudes that a picture shows at full strength on its own; 0 where flat.

    Args:
        attributions: As for `paint`.
        options: The style.
    """
    if not np.isfinite(attributions).all():
        return (0.0,)
    return tuple(map(_usable, styles.load(options.style).scales(attributions, options)))


def shared_scale(scales: Iterable[tuple[float, ...]]) -> float | None:
    """Return one scale for pictures whose own `scales` are given; None where all are flat.

    It is the median of each picture's largest: the extremes of a few do not darken the rest.
    """
    largest = [max(own) for own in scales if any(own)]
    return float(np.median(largest)) if largest else None


def _usable(scale: float) -> float:
    """Return the scale, or 0 where dividing by it would overflow."""
    return scale if scale >= np.finfo(np.float32).tiny else 0.0
