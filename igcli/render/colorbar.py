"""Colour bars: which attribution a colour stands for."""

from dataclasses import dataclass

import numpy as np

from igcli.records import Array, Pixels
from igcli.render import styles, text
from igcli.render.options import StyleOptions

SHADES = 256
WIDTH = 20
LABEL_GAP = 6
LABEL_SIZE = 12
LABEL_HEIGHT = 15
LEAST_HEIGHT = 60


@dataclass(frozen=True, slots=True, eq=False)
class Bar:
    """The colours of a style.

    Attributes:
        colours: uint8 (SHADES, 3), evenly from the lowest value to the highest.
        low: Attribution at the lowest end; its negative half is as long as the positive one.
        high: Attribution at the highest end.
    """

    colours: Pixels
    low: float
    high: float


def ramp(low: float, high: float) -> Array:
    """Return normalised values, float32 (SHADES,), evenly spaced."""
    return np.linspace(low, high, SHADES, dtype=np.float32)


def draw(
    attributions: Array, *, scales: tuple[float, ...], options: StyleOptions, height: int
) -> Pixels:
    """Return the bar of a style with its values beside it, uint8 (`height` or 60, W, 3).

    Args:
        attributions: Those of the picture that it stands beside, float32.
        scales: Magnitudes that the picture shows at full strength.
        options: The picture's style.
        height: Pixels, of the picture.
    """
    bar = styles.load(options.style).bar(attributions, scales=scales, options=options)
    height = max(height, LEAST_HEIGHT)
    values = [bar.high, 0.0, bar.low] if bar.low < 0 < bar.high else [bar.high, bar.low]
    labels = [f"{value:.3g}" for value in values]
    width = max(text.width(label, LABEL_SIZE) for label in labels)
    canvas = np.full((height, WIDTH + LABEL_GAP + width, 3), 255, np.uint8)
    rows = np.linspace(SHADES - 1, 0, height).astype(np.intp)
    canvas[:, :WIDTH] = bar.colours[rows, np.newaxis]
    canvas[[0, -1], :WIDTH] = canvas[:, [0, WIDTH - 1]] = 0
    tops = np.linspace(0, height - LABEL_HEIGHT, len(labels)).astype(int)
    for label, top in zip(labels, tops, strict=True):
        text.write(canvas, label, x=WIDTH + LABEL_GAP, y=int(top), size=LABEL_SIZE)
    return canvas
