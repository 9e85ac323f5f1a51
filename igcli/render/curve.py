"""The score along the path as a plot: evaluated points, and the attribution gathered so far.

Flat stretches show where the score is saturated; the gap between the two lines at the end is the
completeness error.

Source: Sundararajan, Taly and Yan 2016 (arXiv 1611.02639), whose plots show saturation this way.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from igcli.records import Array, Pixels
from igcli.render import text

Values = npt.NDArray[np.float64]

MIN_HEIGHT = 120
MIN_WIDTH = 200
LABEL_SIZE = 11
LABEL_HEIGHT = 14
MARGIN = 6
SCORE_COLOUR = (40, 40, 40)
GATHERED_COLOUR = (0, 160, 0)
MARK_COLOUR = (220, 0, 0)
FRAME_COLOUR = (190, 190, 190)
DOT_RADIUS = 1.7
MARK_RADIUS = 4.5
MARK_ROOM = 8
_SUPERSAMPLING = 4


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Scores along a path.

    Attributes:
        alphas: Float64 (P,), evaluated points in rising order, 0...1.
        scores: Float32 (P,), explained score at them.
        gathered: Float (P,), baseline score plus the attribution gathered up to each point; None
            for methods that gather none.
        label: Name of the score's label, for the heading.
    """

    alphas: Values
    scores: Array
    gathered: npt.NDArray[np.floating] | None = None
    label: str = "top label"


@dataclass(frozen=True, slots=True)
class _Axes:
    """Edges of a plot in pixels, and the values at its lower and upper edge."""

    left: int
    right: int
    bottom: int
    low: float
    high: float

    def positions(self, alphas: Values, values: npt.NDArray[np.floating]) -> Values:
        """Return x and y, (P, 2)."""
        x = self.left + np.asarray(alphas, np.float64) * (self.right - self.left)
        share = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        return np.stack([x, self.bottom - share * (self.bottom - MARGIN)], axis=-1)


def draw(curve: Curve, *, height: int, width: int) -> Pixels:
    """Return the plot, uint8 (max(`height`, 120), max(`width`, 200), 3)."""
    height, width = max(height, MIN_HEIGHT), max(width, MIN_WIDTH)
    axes = _axes(curve, height, width)
    large = Image.new("RGB", (width * _SUPERSAMPLING, height * _SUPERSAMPLING), "white")
    pen = ImageDraw.Draw(large)
    corners = [_SUPERSAMPLING * edge for edge in (axes.left, MARGIN, axes.right, axes.bottom)]
    pen.rectangle(corners, outline=FRAME_COLOUR, width=_SUPERSAMPLING)
    if curve.gathered is not None:
        _draw_line(pen, axes.positions(curve.alphas, curve.gathered), GATHERED_COLOUR)
    points = axes.positions(curve.alphas, curve.scores)
    _draw_line(pen, points, SCORE_COLOUR)
    radius = DOT_RADIUS * _SUPERSAMPLING
    for x, y in _finite(points) * _SUPERSAMPLING:
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], SCORE_COLOUR)
    canvas = np.array(large.reduce(_SUPERSAMPLING))
    _draw_labels(canvas, axes, has_gathered=curve.gathered is not None)
    return canvas


def marked(plot: Pixels, curve: Curve, alpha: float) -> Pixels:
    """Return a copy of `plot`, drawn from `curve`, with a dot on the score at `alpha`."""
    score = np.interp([alpha], curve.alphas, curve.scores)
    centre = _axes(curve, *plot.shape[:2]).positions(np.array([alpha]), score)[0]
    if not np.isfinite(centre).all():
        return plot
    window = tuple(slice(max(int(at) - MARK_ROOM, 0), int(at) + MARK_ROOM) for at in centre[::-1])
    rows, columns = np.ogrid[: plot.shape[0], : plot.shape[1]]
    distances = np.hypot(columns[:, window[1]] + 0.5 - centre[0], rows[window[0]] + 0.5 - centre[1])
    opacity = np.clip(MARK_RADIUS + 0.5 - distances, 0, 1)[..., np.newaxis]
    result = plot.copy()
    result[window] = np.rint(plot[window] * (1 - opacity) + np.array(MARK_COLOUR) * opacity)
    return result


def _finite(points: Values) -> Values:
    return points[np.isfinite(points).all(axis=1)]


def _axes(curve: Curve, height: int, width: int) -> _Axes:
    lines = [curve.scores, *([] if curve.gathered is None else [curve.gathered])]
    values = np.concatenate([np.asarray(line, np.float64) for line in lines])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if not low < high:
        room = 0.5 * max(1, abs(low))
        low, high = low - room, high + room
    label_width = max(text.width(f"{value:.3g}", LABEL_SIZE) for value in (low, high))
    bottom = height - 2 * LABEL_HEIGHT - MARGIN
    return _Axes(label_width + MARGIN, width - MARGIN, bottom, low, high)


def _draw_line(pen: ImageDraw.ImageDraw, points: Values, colour: tuple[int, int, int]) -> None:
    vertices = [(float(x), float(y)) for x, y in _finite(points) * _SUPERSAMPLING]
    if vertices:
        pen.line(vertices, fill=colour, width=int(1.5 * _SUPERSAMPLING), joint="curve")


def _draw_labels(canvas: Pixels, axes: _Axes, *, has_gathered: bool) -> None:
    """Write the values at the ends of both axes, and the legend."""
    for value, y in ((axes.high, 0), (axes.low, axes.bottom - LABEL_HEIGHT + 2)):
        label = f"{value:.3g}"
        x = axes.left - text.width(label, LABEL_SIZE) - 2
        text.write(canvas, label, x=x, y=y, size=LABEL_SIZE)
    middle = (axes.left + axes.right) // 2
    for label, x in (("0", axes.left), ("alpha", middle - 14), ("1", axes.right - 6)):
        text.write(canvas, label, x=x, y=axes.bottom + 1, size=LABEL_SIZE)
    legend = [("score", SCORE_COLOUR)]
    if has_gathered:
        legend.append(("attribution", GATHERED_COLOUR))
    x, y = axes.left, axes.bottom + LABEL_HEIGHT + 2
    for label, colour in legend:
        canvas[y + 7 : y + 9, x : x + 14] = colour
        text.write(canvas, label, x=x + 18, y=y, size=LABEL_SIZE)
        x += 18 + text.width(label, LABEL_SIZE) + 12
