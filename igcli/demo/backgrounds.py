"""Backgrounds of medium brightness, clutter, and the colours of a scene."""

import colorsys
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from igcli.demo.drawing import Color, Part, ellipse, outline, smooth
from igcli.demo.objects import Palette

Rng = np.random.Generator


def hsv(hue: float, saturation: float, value: float) -> Color:
    """Return RGB 0...255 from hue (one turn is 1), saturation and value 0...1."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def pick_palette(rng: Rng) -> Palette:
    """Choose colours that are easy to tell apart."""
    hue = rng.random()
    return Palette(
        main=hsv(hue, rng.uniform(0.55, 0.85), rng.uniform(0.7, 0.95)),
        accent=hsv(hue + rng.uniform(0.12, 0.88), rng.uniform(0.5, 0.85), rng.uniform(0.6, 0.95)),
        light=hsv(rng.random(), rng.uniform(0.04, 0.2), rng.uniform(0.92, 1.0)),
        ink=hsv(hue + 0.5, 0.45, rng.uniform(0.16, 0.26)),
    )


def paint_background(rng: Rng, size: tuple[int, int]) -> Image.Image:
    """Return a pattern with soft light on it, an RGB picture of `size` (width, height)."""
    hue, spread = rng.random(), rng.uniform(0.03, 0.2)
    value = rng.uniform(0.52, 0.8)
    tones = [
        hsv(hue + spread * rng.uniform(-1, 1), rng.uniform(0.2, 0.55), value + step)
        for step in rng.permutation([-0.14, -0.05, 0.05, 0.14])
    ]
    image = Image.new("RGB", size, tones[0])
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))]
    pattern(rng, ImageDraw.Draw(image), size, tones)
    coarse = Image.fromarray(rng.integers(70, 186, (4, 4), np.uint8))
    light = coarse.resize(size, Image.Resampling.BICUBIC)
    shade = Image.merge("RGB", [light] * 3)
    return Image.blend(image, shade, rng.uniform(0.1, 0.3))


def _hills(rng: Rng, pen: ImageDraw.ImageDraw, size: tuple[int, int], tones: list[Color]) -> None:
    """A sun and ranges of hills."""
    width, height = size
    x, y, radius = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.35) * height, 0.11 * height
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=max(tones, key=sum))
    columns = np.linspace(0, width, 40)
    for index, tone in enumerate(tones[1:] * 2):
        base = height * (0.35 + 0.12 * index + rng.uniform(-0.04, 0.04))
        wave = np.sin(columns / width * rng.uniform(3, 9) + rng.uniform(0, 6.3))
        rows = base + height * rng.uniform(0.02, 0.07) * wave
        crest = list(zip(columns.tolist(), rows.tolist(), strict=True))
        pen.polygon([(0, height), *crest, (width, height)], fill=tone)


def _stripes(rng: Rng, pen: ImageDraw.ImageDraw, size: tuple[int, int], tones: list[Color]) -> None:
    """Slanting stripes of two or three tones."""
    width, height = size
    step, slant = rng.uniform(0.06, 0.16) * height, rng.uniform(-1, 1) * height
    used = tones[: rng.integers(2, 4)]
    for index in range(int((width + 2 * height) / step) + 1):
        left = index * step - height
        corners = [
            (left, 0),
            (left + step, 0),
            (left + step + slant, height),
            (left + slant, height),
        ]
        pen.polygon(corners, fill=used[index % len(used)])


def _dots(rng: Rng, pen: ImageDraw.ImageDraw, size: tuple[int, int], tones: list[Color]) -> None:
    """Dots on a staggered grid."""
    step = rng.uniform(0.08, 0.18) * size[1]
    radius = step * rng.uniform(0.2, 0.42)
    for row in range(int(size[1] / step) + 2):
        for column in range(int(size[0] / step) + 2):
            x, y = (column + 0.5 * (row % 2)) * step, row * step
            tone = tones[1 + (row + column) % 2]
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tone)


def _tiles(rng: Rng, pen: ImageDraw.ImageDraw, size: tuple[int, int], tones: list[Color]) -> None:
    """A quilt of squares."""
    step = rng.uniform(0.1, 0.25) * size[1]
    for row in range(int(size[1] / step) + 1):
        for column in range(int(size[0] / step) + 1):
            box = (column * step, row * step, (column + 1) * step, (row + 1) * step)
            pen.rectangle(box, fill=tones[rng.integers(len(tones))])


def _waves(rng: Rng, pen: ImageDraw.ImageDraw, size: tuple[int, int], tones: list[Color]) -> None:
    """Rows of scallops, like waves or roof tiles."""
    step = rng.uniform(0.09, 0.2) * size[1]
    for row in range(int(2 * size[1] / step) + 3):
        for column in range(-1, int(size[0] / step) + 2):
            x, y = (column + 0.5 * (row % 2)) * step, (row - 1) * step / 2
            box = (x - step / 2, y, x + step / 2, y + step)
            pen.ellipse(box, fill=tones[row % 4], outline=tones[(row + 1) % 4], width=3)


def _lights(rng: Rng, pen: ImageDraw.ImageDraw, size: tuple[int, int], tones: list[Color]) -> None:
    """Large round patches, like lights out of focus."""
    for _ in range(rng.integers(12, 30)):
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        radius = rng.uniform(0.06, 0.25) * size[1]
        tone = tones[rng.integers(len(tones))]
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tone)


_Pattern = Callable[[Rng, ImageDraw.ImageDraw, tuple[int, int], list[Color]], None]
_PATTERNS: tuple[_Pattern, ...] = (_hills, _stripes, _dots, _tiles, _waves, _lights)


def make_clutter(rng: Rng, palette: Palette) -> list[Part]:
    """Return a shape of no class, in the object's colours, within the unit circle."""
    colors = [palette.main, palette.accent, palette.light]
    first, second = (colors[i] for i in rng.permutation(3)[:2])
    match rng.integers(9):
        case 0:
            radii = rng.uniform(0.5, 1, 7)
            angles = np.arange(7) * 2 * np.pi / 7
            corners = np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1)
            return [Part(smooth(corners), first)]
        case 1:
            return [Part(outline("-0.9,0 0.9,0"), first, rng.uniform(0.2, 0.45))]
        case 2:
            return [Part(ellipse((0, 0), (0.75, 0.75)), first, 0.35)]
        case 3:
            return [Part(outline(f"-0.9,0.7 0.9,0.7 {rng.uniform(-0.6, 0.6)},-0.8"), first)]
        case 4:
            leaf = smooth("-1,0 -0.3,-0.42 0.4,-0.36 1,0 0.4,0.36 -0.3,0.42")
            vein = Part(outline("-0.7,0 0.7,0"), second, 0.09, inked=False)
            return [Part(leaf, first), vein]
        case 5:
            return [Part(ellipse((0, 0.3), (0.95, 0.95), 180, 360), first)]
        case 6:
            bars = [outline("-0.8,0 0.8,0"), outline("0,-0.8 0,0.8")]
            return [Part(bar, first, 0.36) for bar in bars]
        case 7:
            zigzag = outline("-0.9,0.3 -0.45,-0.3 0,0.3 0.45,-0.3 0.9,0.3")
            return [Part(zigzag, first, 0.24)]
        case _:
            square = outline("-0.7,-0.7 0.7,-0.7 0.7,0.7 -0.7,0.7")
            return [Part(square, first), Part(ellipse((0, 0), (0.4, 0.4)), second, inked=False)]
