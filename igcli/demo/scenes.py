"""The project's own pictures: one object of a class on a varied background, with clutter."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from igcli.demo.backgrounds import Rng, make_clutter, paint_background, pick_palette
from igcli.demo.drawing import Part, Placement, draw, extent
from igcli.demo.objects import OBJECTS, Palette

CLASSES: tuple[str, ...] = tuple(OBJECTS)
AREA = (0.05, 0.25)
MEAN = (80.0, 175.0)
LEAST_DEVIATION = 20.0
SEED_STRIDE = 1_000_000  # a set of scenes of seed s: s * SEED_STRIDE onwards

_FINENESS = 3  # pictures are drawn this much larger, then averaged, for smooth edges
_INK = 1.6 / 224
_MARGIN = 4 / 224


@dataclass(frozen=True)
class Scene:
    """A rendered picture and what is in it.

    Attributes:
        pixels: (H, W, 3) uint8, RGB; mean 80…175, standard deviation at least 20.
        label: index into `CLASSES`.
        mask: (H, W) bool, true on the object, which covers 5 to 25% of the picture.
    """

    pixels: NDArray[np.uint8]
    label: int
    mask: NDArray[np.bool_]


def render_scene(
    seed: int, *, label: int | None = None, size: tuple[int, int] = (224, 224)
) -> Scene:
    """Render the scene of a seed; the same arguments give the same pixels.

    Args:
        seed: at least 0.
        label: index into `CLASSES`; without one the seed chooses.
        size: width and height in pixels, at least 64; lengths follow the shorter side.
    """
    rng = np.random.default_rng(seed)
    if label is None:
        label = int(rng.integers(len(CLASSES)))
    while True:
        scene = _compose(rng, label, size)
        if _is_within_limits(scene):
            return scene


def _is_within_limits(scene: Scene) -> bool:
    brightness = MEAN[0] <= scene.pixels.mean() <= MEAN[1]
    area = AREA[0] <= scene.mask.mean() <= AREA[1]
    return bool(brightness and area and scene.pixels.std() >= LEAST_DEVIATION)


def _compose(rng: Rng, label: int, size: tuple[int, int]) -> Scene:
    """One attempt: background, clutter, object, in this order."""
    large = (size[0] * _FINENESS, size[1] * _FINENESS)
    palette = pick_palette(rng)
    parts = OBJECTS[CLASSES[label]](palette)
    image, mask = paint_background(rng, large), Image.new("L", large)
    ink = (palette.ink, _INK * min(large))
    placement = _place(rng, parts, large)
    _scatter(rng, image, palette, placement)
    draw(parts, placement, image, ink, mask)
    return Scene(
        np.asarray(image.reduce(_FINENESS)),
        label,
        np.asarray(mask.reduce(_FINENESS)) >= 128,
    )


def _place(rng: Rng, parts: Sequence[Part], size: tuple[int, int]) -> Placement:
    """A random pose inside the frame that covers a random share of it, where it fits."""
    angle, stretch = rng.uniform(-0.6, 0.6), rng.uniform(0.88, 1.12) * rng.choice([-1, 1])
    share = rng.uniform(AREA[0] * 1.15, AREA[1] * 0.92)
    probe = Placement(32, 32, 24, angle, stretch)
    stencil, canvas = Image.new("L", (64, 64)), Image.new("RGB", (64, 64))
    draw(parts, probe, canvas, ((0, 0, 0), 0.5), stencil)
    covered = np.count_nonzero(np.asarray(stencil)) / probe.scale**2
    left, top, right, bottom = ((edge - 32) / probe.scale for edge in extent(parts, probe))
    margin = _MARGIN * min(size)
    room = 0.999 * min(
        (size[0] - 2 * margin) / (right - left),
        (size[1] - 2 * margin) / (bottom - top),
    )
    scale = min(math.sqrt(share * size[0] * size[1] / covered), room)
    x = rng.uniform(margin - scale * left, size[0] - margin - scale * right)
    y = rng.uniform(margin - scale * top, size[1] - margin - scale * bottom)
    return Placement(x, y, scale, angle, stretch)


def _scatter(rng: Rng, image: Image.Image, palette: Palette, placement: Placement) -> None:
    """Draw clutter around the object, pieces apart from one another."""
    unit = min(image.size)
    taken = [(placement.x, placement.y, 0.75 * placement.scale)]
    for _ in range(rng.integers(5, 11)):
        radius = rng.uniform(0.035, 0.11) * unit
        x, y = rng.uniform(0, image.width), rng.uniform(0, image.height)
        if any(math.hypot(x - a, y - b) < r + 0.9 * radius for a, b, r in taken):
            continue
        taken.append((x, y, radius))
        pose = Placement(x, y, radius, rng.uniform(0, 2 * math.pi))
        draw(make_clutter(rng, palette), pose, image, (palette.ink, _INK * unit))
