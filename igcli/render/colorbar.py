"""Colour bars: which attribution a colour stands for."""

import numpy as np

from igcli.records import Array, Pixels
from igcli.render import style_common, text
from igcli.render.options import StyleOptions

WIDTH = 20
LABEL_GAP = 6
LABEL_SIZE = 12
LABEL_HEIGHT = 15
MIN_HEIGHT = 60


def draw(
    attributions: Array, *, scales: tuple[float, ...], options: StyleOptions, height: int
) -> Pixels:
    """Return the bar of a style with its values beside it, uint8 (max(`height`, 60), W, 3).

    Args:
        attributions: Those of the picture beside the bar, float32.
        scales: Magnitudes that the picture draws at full strength.
        options: The picture's style.
        height: Of the picture, in pixels.
    """
    bar = style_common.load(options.style).bar(attributions, scales=scales, options=options)
    height = max(height, MIN_HEIGHT)
    values = [bar.high, 0.0, bar.low] if bar.low < 0 < bar.high else [bar.high, bar.low]
    labels = [f"{value:.3g}" for value in values]
    label_width = max(text.width(label, LABEL_SIZE) for label in labels)
    canvas = np.full((height, WIDTH + LABEL_GAP + label_width, 3), 255, np.uint8)
    rows = np.linspace(len(bar.colours) - 1, 0, height).astype(np.intp)
    canvas[:, :WIDTH] = bar.colours[rows, np.newaxis]
    canvas[[0, -1], :WIDTH] = canvas[:, [0, WIDTH - 1]] = 0
    tops = np.linspace(0, height - LABEL_HEIGHT, len(labels)).astype(int)
    for label, top in zip(labels, tops, strict=True):
        text.write(canvas, label, x=WIDTH + LABEL_GAP, y=int(top), size=LABEL_SIZE)
    return canvas
