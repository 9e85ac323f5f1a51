"""One attribution as a picture, in the style that the options name."""

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
        flat: Whether nothing stands out, so that nothing is highlighted.
    """

    picture: Pixels
    flat: bool


def paint(image: Pixels, attributions: Array, options: StyleOptions) -> Painting:
    """Show `attributions` (float32 (H, W, 3) or channel mean (H, W)) of `image`.

    Attributions that are zero, not finite, or too sparse for the style's scale are flat: the
    picture is defined and highlights nothing.
    """
    style = styles.load(options.style)
    finite = bool(np.isfinite(attributions).all())
    scales = tuple(map(_usable, style.scales(attributions, options))) if finite else ()
    if not any(scales):
        return Painting(style.plain(image, options), flat=True)
    picture = style.picture(image, attributions, scales=scales, options=options)
    return Painting(picture, flat=False)


def _usable(scale: float) -> float:
    """Return the scale, or 0 where dividing by it would overflow."""
    return scale if scale >= np.finfo(np.float32).tiny else 0.0
