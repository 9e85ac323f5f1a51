"""Shapes in an object's own coordinates, and how to draw them into a picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Color = tuple[int, int, int]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """A filled outline or, with a `width`, a stroke, in the object's own coordinates.

    Attributes:
        points: (N, 2) float64, x to the right and y down; objects lie within about -1...1.
        fill: RGB, 0...255.
        width: Width of the stroke in the same unit; 0 fills the closed outline instead.
        inked: Whether it has a dark outline.
    """

    points: Points
    fill: Color
    width: float = 0.0
    inked: bool = True


@dataclass(frozen=True)
class Placement:
    """The pose of an object: stretched, mirrored, rotated, scaled and moved, in this order.

    Attributes:
        x: Column of the centre in pixels.
        y: Row of the centre in pixels.
        scale: Pixels per unit.
        angle: Rotation in radians.
        stretch: Factor on the object's x axis; a negative one mirrors.
    """

    x: float
    y: float
    scale: float
    angle: float
    stretch: float = 1.0

    def apply(self, points: Points) -> Points:
        """Map (N, 2) object coordinates to (N, 2) pixel coordinates."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        linear = np.array([[cos * self.stretch, sin * self.stretch], [-sin, cos]])
        placed: Points = points @ linear * self.scale + (self.x, self.y)
        return placed


def outline(path: str) -> Points:
    """Return corners written as in SVG, `x,y x,y ...`: (N, 2)."""
    return np.array([pair.split(",") for pair in path.split()], np.float64)


def ellipse(
    center: tuple[float, float], radii: tuple[float, float], start: float = 0, end: float = 360
) -> Points:
    """Return the arc from `start` to `end` degrees, clockwise from the right: (N, 2)."""
    count = max(8, int(abs(end - start) / 9))
    angle = np.radians(np.linspace(start, end, count + 1))
    return np.stack([center[0] + radii[0] * np.cos(angle), center[1] + radii[1] * np.sin(angle)], 1)


def smooth(path: str | Points, closed: bool = True, fineness: int = 8) -> Points:
    """Return a Catmull-Rom curve, (M, 2), through corners, (N, 2) or written as for `outline`."""
    corners = outline(path) if isinstance(path, str) else path
    mode: Literal["wrap", "edge"] = "wrap" if closed else "edge"
    padded = np.pad(corners, ((1, 2), (0, 0)), mode=mode)
    spans = len(corners) if closed else len(corners) - 1
    before, start, end, after = (padded[i : i + spans, None] for i in range(4))
    t = np.linspace(0, 1, fineness, endpoint=False)[None, :, None]
    curve = start + 0.5 * t * (
        (end - before)
        + t * (2 * before - 5 * start + 4 * end - after + t * (3 * (start - end) + after - before))
    )
    curve = curve.reshape(-1, 2)
    return curve if closed else np.vstack([curve, corners[-1:]])


def extent(parts: Sequence[Part], placement: Placement) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of the placed parts in pixels, without outlines."""
    low = np.full(2, np.inf)
    high = -low
    for part in parts:
        pixels, half = placement.apply(part.points), part.width * placement.scale / 2
        low = np.minimum(low, pixels.min(0) - half)
        high = np.maximum(high, pixels.max(0) + half)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def draw(
    parts: Sequence[Part],
    placement: Placement,
    image: Image.Image,
    ink: tuple[Color, float],
    mask: Image.Image | None = None,
) -> None:
    """Draw the parts in order into the picture.

    Args:
        parts: The parts of an object.
        placement: Its pose.
        image: RGB picture, changed in place.
        ink: Colour of the outline of inked parts, and its width in pixels.
        mask: Greyscale picture of the same size; pixels that are drawn on become 255.
    """
    color, line = ink
    for part in parts:
        _draw_part(part, placement, ImageDraw.Draw(image), (part.fill, color), line)
        if mask is not None:
            _draw_part(part, placement, ImageDraw.Draw(mask), (255, 255), line)


def _draw_part(
    part: Part,
    placement: Placement,
    pen: ImageDraw.ImageDraw,
    colors: tuple[Color | int, Color | int],
    line: float,
) -> None:
    """Draw with the colours of the inside and of the outline."""
    inside, edge = colors
    corners = [(float(x), float(y)) for x, y in placement.apply(part.points)]
    if not part.width:
        pen.polygon(corners, fill=inside)
        if part.inked:
            _stroke(pen, [*corners, corners[0]], edge, line)
        return
    width = part.width * placement.scale
    if part.inked:
        _stroke(pen, corners, edge, width + 2 * line)
    _stroke(pen, corners, inside, width)


def _stroke(
    pen: ImageDraw.ImageDraw,
    points: list[tuple[float, float]],
    fill: Color | int,
    width: float,
) -> None:
    """Draw a line with round joints and ends."""
    pen.line(points, fill=fill, width=max(1, round(width)), joint="curve")
    for x, y in (points[0], points[-1]):
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=fill)
