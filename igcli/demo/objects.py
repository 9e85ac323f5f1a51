"""The ten classes that `demo` knows, each drawn as a list of parts."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from igcli.demo.drawing import Color, Part, Points, ellipse, outline, smooth


@dataclass(frozen=True)
class Palette:
    """Colours of a scene's object and clutter, RGB 0...255."""

    main: Color
    accent: Color
    light: Color
    ink: Color


def balloon(p: Palette) -> list[Part]:
    """A hot-air balloon with gores and a basket."""
    bulb = _mirrored("0,-1 0.5,-0.86 0.74,-0.45 0.62,0 0.24,0.44")
    gore = _mirrored("0,-1 0.2,-0.86 0.3,-0.45 0.25,0 0.1,0.44")
    band = smooth("-0.72,-0.4 -0.3,-0.27 0.3,-0.27 0.72,-0.4", closed=False)
    return [
        Part(outline("-0.2,0.42 -0.14,0.74"), p.ink, 0.05, inked=False),
        Part(outline("0.2,0.42 0.14,0.74"), p.ink, 0.05, inked=False),
        Part(outline("-0.2,0.7 0.2,0.7 0.16,1 -0.16,1"), p.light),
        Part(outline("-0.17,0.84 0.17,0.84"), p.accent, 0.06, inked=False),
        Part(bulb, p.main),
        Part(gore, p.accent),
        Part(band, p.light, 0.1, inked=False),
        Part(outline("-0.24,0.4 0.24,0.4 0.18,0.52 -0.18,0.52"), p.light),
    ]


def butterfly(p: Palette) -> list[Part]:
    """A butterfly from above."""
    upper = smooth("0.05,-0.15 0.3,-0.65 0.75,-0.85 1,-0.6 0.85,-0.1 0.4,0.08")
    lower = smooth("0.05,0.05 0.45,0.05 0.75,0.3 0.68,0.72 0.38,0.82 0.15,0.45")
    feeler = smooth("0,-0.5 0.1,-0.8 0.28,-0.98", closed=False)
    parts = []
    for side in (-1, 1):
        parts += [
            Part(lower * (side, 1), p.accent),
            Part(upper * (side, 1), p.main),
            Part(ellipse((side * 0.66, -0.5), (0.19, 0.17)), p.light, inked=False),
            Part(ellipse((side * 0.66, -0.5), (0.09, 0.08)), p.ink, inked=False),
            Part(ellipse((side * 0.48, 0.42), (0.12, 0.15)), p.light, inked=False),
            Part(feeler * (side, 1), p.ink, 0.05, inked=False),
        ]
    return [*parts, Part(ellipse((0, 0.02), (0.1, 0.56)), p.ink)]


def fish(p: Palette) -> list[Part]:
    """A fish with stripes, seen from the side."""
    body = smooth("-1,0.02 -0.62,-0.38 -0.05,-0.52 0.5,-0.14 0.5,0.14 -0.05,0.5 -0.62,0.4")
    return [
        Part(outline("0.4,0 0.98,-0.52 0.84,0 0.98,0.52"), p.accent),
        Part(smooth("-0.35,-0.4 -0.1,-0.78 0.34,-0.72 0.3,-0.3"), p.accent),
        Part(smooth("-0.2,0.42 0.02,0.74 0.28,0.68 0.2,0.34"), p.accent),
        Part(body, p.main),
        Part(smooth("-0.2,-0.48 -0.06,0 -0.2,0.46", closed=False), p.light, 0.13, False),
        Part(smooth("0.16,-0.38 0.27,0 0.16,0.37", closed=False), p.light, 0.11, False),
        Part(ellipse((-0.6, -0.1), (0.13, 0.13)), p.light),
        Part(ellipse((-0.63, -0.09), (0.06, 0.06)), p.ink, inked=False),
        Part(smooth("-0.9,0.16 -0.78,0.2 -0.68,0.17", closed=False), p.ink, 0.05, False),
    ]


def house(p: Palette) -> list[Part]:
    """A house with a chimney, a door and two windows."""
    parts = [
        Part(outline("0.36,-0.95 0.62,-0.95 0.62,-0.3 0.36,-0.3"), p.light),
        Part(outline("-0.74,-0.15 0.74,-0.15 0.74,0.85 -0.74,0.85"), p.main),
        Part(outline("-1,-0.08 0,-0.98 1,-0.08"), p.accent),
        Part(outline("-0.17,0.26 0.17,0.26 0.17,0.85 -0.17,0.85"), p.accent),
        Part(ellipse((0.09, 0.58), (0.04, 0.04)), p.light, inked=False),
        Part(ellipse((0, -0.42), (0.17, 0.17)), p.light),
    ]
    pane = outline("-0.17,0.1 0.17,0.1 0.17,0.44 -0.17,0.44")
    bars = outline("0,0.1 0,0.44"), outline("-0.17,0.27 0.17,0.27")
    for shift in ((-0.47, 0), (0.47, 0)):
        parts.append(Part(pane + shift, p.light))
        parts += [Part(bar + shift, p.ink, 0.04, inked=False) for bar in bars]
    return parts


def key(p: Palette) -> list[Part]:
    """A stout key with a ring, two collars and teeth."""
    teeth = outline("0.3,0.08 0.3,0.5 0.5,0.5 0.5,0.3 0.6,0.3 0.6,0.46 0.82,0.46 0.82,0.08")
    return [
        Part(teeth, p.accent),
        Part(outline("-0.2,0 0.94,0"), p.main, 0.2),
        Part(ellipse((-0.6, 0), (0.36, 0.36)), p.main, 0.22),
        Part(outline("-0.14,-0.17 -0.14,0.17"), p.light, 0.12),
        Part(outline("0.12,-0.13 0.12,0.13"), p.accent, 0.1),
        Part(ellipse((-0.6, 0), (0.36, 0.36), 190, 300), p.light, 0.06, inked=False),
    ]


def mushroom(p: Palette) -> list[Part]:
    """A mushroom with a spotted cap."""
    stem = smooth("-0.24,0 0.24,0 0.27,0.5 0.42,0.92 0,1 -0.42,0.92 -0.27,0.5")
    cap = smooth(
        "-0.98,0.06 -0.86,-0.5 -0.4,-0.9 0,-0.98 0.4,-0.9 0.86,-0.5 0.98,0.06 "
        "0.5,0.0 0,-0.03 -0.5,0.0"
    )
    parts = [
        Part(stem, p.light),
        Part(smooth("-0.33,0.26 0,0.4 0.33,0.26 0.2,0.16 -0.2,0.16"), p.accent),
        Part(ellipse((0, 0.02), (0.86, 0.16)), p.accent),
        Part(cap, p.main),
    ]
    spots = [(0, -0.66, 0.17), (-0.52, -0.42, 0.15), (0.5, -0.4, 0.16), (-0.1, -0.22, 0.12)]
    spots += [(0.78, -0.12, 0.08), (-0.8, -0.1, 0.08), (0.33, -0.14, 0.08)]
    parts += [Part(ellipse((x, y), (r, 0.85 * r)), p.light, inked=False) for x, y, r in spots]
    return parts


def sailboat(p: Palette) -> list[Part]:
    """A boat with two sails and a pennant."""
    hull = smooth("-0.96,0.5 -0.5,0.53 0.5,0.53 0.98,0.46 0.8,0.8 0.5,0.95 -0.5,0.95 -0.8,0.84")
    return [
        Part(outline("0,-0.96 0,0.5"), p.ink, 0.07, inked=False),
        Part(outline("0.02,-1 -0.34,-0.9 0.02,-0.8"), p.accent),
        Part(smooth("0.08,-0.74 0.5,-0.3 0.82,0.34 0.45,0.4 0.08,0.36"), p.light),
        Part(smooth("-0.08,-0.62 -0.3,-0.2 -0.7,0.34 -0.4,0.4 -0.08,0.36"), p.accent),
        Part(outline("0.12,0.1 0.66,0.1"), p.main, 0.1, inked=False),
        Part(hull, p.main),
        Part(outline("-0.8,0.68 0.82,0.66"), p.light, 0.08, inked=False),
    ]


def snail(p: Palette) -> list[Part]:
    """A snail with a spiral on its shell."""
    turns = np.linspace(0.4, 4.6 * np.pi, 60)
    spiral = (0.22, -0.14) + 0.034 * turns[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
    body = smooth(
        "-0.96,0.02 -0.74,-0.16 -0.5,0.04 -0.3,0.34 0.5,0.38 1,0.62 0.3,0.68 -0.6,0.66 -0.88,0.4"
    )
    return [
        Part(smooth("-0.8,0.0 -0.92,-0.62", closed=False), p.light, 0.07),
        Part(smooth("-0.64,0.0 -0.6,-0.64", closed=False), p.light, 0.07),
        Part(ellipse((-0.93, -0.66), (0.08, 0.08)), p.ink),
        Part(ellipse((-0.6, -0.68), (0.08, 0.08)), p.ink),
        Part(body, p.light),
        Part(ellipse((0.22, -0.14), (0.6, 0.6)), p.main),
        Part(spiral, p.accent, 0.11, inked=False),
        Part(smooth("-0.88,0.24 -0.78,0.3 -0.66,0.26", closed=False), p.ink, 0.05, False),
    ]


def teapot(p: Palette) -> list[Part]:
    """A teapot with a banded belly."""
    spout = smooth("-0.5,0.34 -0.74,0.08 -0.98,-0.42 -0.74,-0.46 -0.62,-0.14 -0.4,-0.06")
    band = smooth("-0.62,0.06 0,0.18 0.62,0.06 0.64,0.28 0,0.42 -0.64,0.28")
    places = (-0.42, -0.14, 0.14, 0.42)
    dots = [ellipse((x, 0.28 - 0.2 * x * x), (0.08, 0.08)) for x in places]
    return [
        Part(ellipse((0.62, 0.08), (0.34, 0.34), -110, 110), p.accent, 0.13),
        Part(spout, p.accent),
        Part(outline("-0.32,0.73 0.32,0.73"), p.accent, 0.12),
        Part(ellipse((0, 0.14), (0.68, 0.6)), p.main),
        Part(band, p.light, inked=False),
        *[Part(dot, p.accent, inked=False) for dot in dots],
        Part(smooth("-0.4,-0.4 -0.2,-0.58 0.2,-0.58 0.4,-0.4 0,-0.32"), p.accent),
        Part(ellipse((0, -0.68), (0.12, 0.12)), p.light),
    ]


def umbrella(p: Palette) -> list[Part]:
    """An open umbrella with a crook."""
    crook = smooth("0,0 0,0.72 0.06,0.92 0.2,0.94 0.27,0.8", closed=False)
    parts = [
        Part(crook, p.light, 0.09),
        Part(outline("0,-0.98 0,-0.8"), p.light, 0.08),
    ]
    for index, (left, right) in enumerate(pairwise((-1.0, -0.5, 0.0, 0.5, 1.0))):
        scallop = ellipse(((left + right) / 2, 0.05), (0.25, 0.14), 180, 360)
        panel = np.vstack([_rib(left), scallop, _rib(right)[::-1]])
        parts.append(Part(panel, p.accent if index % 2 else p.main))
    return parts


def _rib(x: float) -> Points:
    """The curve from the umbrella's top to the rim at `x`."""
    return ellipse((0, 0.05), (x, 0.9), -90, 0) if x else outline("0,-0.85 0,0.05")


def _mirrored(path: str) -> Points:
    """A smooth outline from its right half, which begins on the axis."""
    half = outline(path)
    return smooth(np.vstack([half, half[:0:-1] * (-1, 1)]))


OBJECTS: dict[str, Callable[[Palette], list[Part]]] = {
    "balloon": balloon,
    "butterfly": butterfly,
    "fish": fish,
    "house": house,
    "key": key,
    "mushroom": mushroom,
    "sailboat": sailboat,
    "snail": snail,
    "teapot": teapot,
    "umbrella": umbrella,
}
