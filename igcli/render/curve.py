"""The score along the path as a plot: evaluated points, and the attribution gathered so far.

Flat stretches show where the score is saturated; the gap between the two lines at the end is
the completeness error.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from igcli.records import Array, Pixels
from igcli.render import text

Values = npt.NDArray[np.float64]

LEAST_HEIGHT = 120
LEAST_WIDTH = 200
LABEL_SIZE = 11
LABEL_HEIGHT = 14
MARGIN = 6
SCORE = (40, 40, 40)
GATHERED = (0, 160, 0)
MARK = (220, 0, 0)
FRAME = (190, 190, 190)
DOT = 1.7
MARK_RADIUS = 4.5
MARK_ROOM = 8
_FINER = 4


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What happens along the path.

    Attributes:
        alphas: Float64 (P,), evaluated points in rising order, 0...1.
        scores: Float32 (P,), explained score there.
        gathered: Float (P,), baseline score plus the attribution gathered up to each point; None
            for methods that gather none.
        label: Whose score it is, for the heading.
    """

    alphas: Values
    scores: Array
    gathered: npt.NDArray[np.floating] | None = None
    label: str = "top label"


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where a plot's values lie, in pixels."""

    left: int
    right: int
    bottom: int
    low: float
    high: float

    def places(self, alphas: Values, values: npt.NDArray[np.floating]) -> Values:
        """Return x and y, (P, 2)."""
        x = self.left + np.asarray(alphas, np.float64) * (self.right - self.left)
        share = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        return np.stack([x, self.bottom - share * (self.bottom - MARGIN)], axis=-1)


def draw(curve: Curve, *, height: int, width: int) -> Pixels:
    """Return the plot, uint8 (H, W, 3): `height` by `width`, or 120 by 200 where that is more."""
    height, width = max(height, LEAST_HEIGHT), max(width, LEAST_WIDTH)
    axes = _axes(curve, height, width)
    fine = Image.new("RGB", (width * _FINER, height * _FINER), "white")
    pen = ImageDraw.Draw(fine)
    corners = [axes.left, MARGIN, axes.right, axes.bottom]
    pen.rectangle([_FINER * corner for corner in corners], outline=FRAME, width=_FINER)
    if curve.gathered is not None:
        _line(pen, axes.places(curve.alphas, curve.gathered), GATHERED)
    points = axes.places(curve.alphas, curve.scores)
    _line(pen, points, SCORE)
    for x, y in _finite(points) * _FINER:
        pen.ellipse([x - DOT * _FINER, y - DOT * _FINER, x + DOT * _FINER, y + DOT * _FINER], SCORE)
    canvas = np.array(fine.reduce(_FINER))
    _label(canvas, axes, curve.gathered is not None)
    return canvas


def marked(plot: Pixels, curve: Curve, alpha: float) -> Pixels:
    """Return `plot`, drawn of `curve`, with a point on the score at `alpha`."""
    score = np.interp([alpha], curve.alphas, curve.scores)
    place = _axes(curve, *plot.shape[:2]).places(np.array([alpha]), score)[0]
    if not np.isfinite(place).all():
        return plot
    around = tuple(slice(max(int(at) - MARK_ROOM, 0), int(at) + MARK_ROOM) for at in place[::-1])
    rows, columns = np.ogrid[: plot.shape[0], : plot.shape[1]]
    distances = np.hypot(columns[:, around[1]] + 0.5 - place[0], rows[around[0]] + 0.5 - place[1])
    opacity = np.clip(MARK_RADIUS + 0.5 - distances, 0, 1)[..., np.newaxis]
    result = plot.copy()
    result[around] = np.rint(plot[around] * (1 - opacity) + np.array(MARK) * opacity)
    return result


def _finite(points: Values) -> Values:
    return points[np.isfinite(points).all(axis=1)]


def _axes(curve: Curve, height: int, width: int) -> _Axes:
    shown = [curve.scores, *([] if curve.gathered is None else [curve.gathered])]
    values = np.concatenate([np.asarray(each, np.float64) for each in shown])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if not low < high:
        room = 0.5 * max(1, abs(low))
        low, high = low - room, high + room
    labels = max(text.width(f"{value:.3g}", LABEL_SIZE) for value in (low, high))
    bottom = height - 2 * LABEL_HEIGHT - MARGIN
    return _Axes(labels + MARGIN, width - MARGIN, bottom, low, high)


def _line(pen: ImageDraw.ImageDraw, points: Values, colour: tuple[int, int, int]) -> None:
    places = [(float(x), float(y)) for x, y in _finite(points) * _FINER]
    if places:
        pen.line(places, fill=colour, width=int(1.5 * _FINER), joint="curve")


def _label(canvas: Pixels, axes: _Axes, is_gathered: bool) -> None:
    """Write the ends of both axes and what the lines are."""
    for value, y in ((axes.high, 0), (axes.low, axes.bottom - LABEL_HEIGHT + 2)):
        label = f"{value:.3g}"
        x = axes.left - text.width(label, LABEL_SIZE) - 2
        text.write(canvas, label, x=x, y=y, size=LABEL_SIZE)
    middle = (axes.left + axes.right) // 2
    for label, x in (("0", axes.left), ("alpha", middle - 14), ("1", axes.right - 6)):
        text.write(canvas, label, x=x, y=axes.bottom + 1, size=LABEL_SIZE)
    legend = [("score", SCORE), *([("attribution", GATHERED)] if is_gathered else [])]
    x, y = axes.left, axes.bottom + LABEL_HEIGHT + 2
    for label, colour in legend:
        canvas[y + 7 : y + 9, x : x + 14] = colour
        text.write(canvas, label, x=x + 18, y=y, size=LABEL_SIZE)
        x += 18 + text.width(label, LABEL_SIZE) + 12
