"""The drawn scenes: one object of a class on a varied background, with clutter around it.

Write the sample images with `python -m igcli.demo.scenes [FOLDER]`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from igcli.demo.backgrounds import Rng, make_clutter, paint_background, pick_palette
from igcli.demo.drawing import Part, Placement, draw, extent
from igcli.demo.objects import OBJECTS, Palette

CLASSES: tuple[str, ...] = tuple(OBJECTS)
SEED_STRIDE = 1_000_000
"""The set of scenes with seed s has the scene seeds from s * SEED_STRIDE on."""

_AREA = (0.05, 0.25)
_MEAN = (80.0, 175.0)
_MIN_DEVIATION = 20.0
_SUPERSAMPLING = 3  # Pictures are drawn this many times larger, then averaged, for smooth edges.
_INK_WIDTH = 1.6 / 224
_MARGIN = 4 / 224


@dataclass(frozen=True)
class Scene:
    """A rendered picture and its contents.

    Attributes:
        pixels: (H, W, 3) uint8, RGB; mean 80...175, standard deviation at least 20.
        label: Index into `CLASSES`.
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
        seed: At least 0.
        label: Index into `CLASSES`; by default the seed chooses it.
        size: Width and height in pixels, at least 64; lengths follow the shorter side.
    """
    rng = np.random.default_rng(seed)
    if label is None:
        label = int(rng.integers(len(CLASSES)))
    while True:
        scene = _compose(rng, label, size)
        if _is_within_limits(scene):
            return scene


def _is_within_limits(scene: Scene) -> bool:
    is_bright_enough = _MEAN[0] <= scene.pixels.mean() <= _MEAN[1]
    is_large_enough = _AREA[0] <= scene.mask.mean() <= _AREA[1]
    has_contrast = scene.pixels.std() >= _MIN_DEVIATION
    return bool(is_bright_enough and is_large_enough and has_contrast)


def _compose(rng: Rng, label: int, size: tuple[int, int]) -> Scene:
    """Draw one attempt: background, clutter and object, in this order."""
    large = (size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING)
    palette = pick_palette(rng)
    parts = OBJECTS[CLASSES[label]](palette)
    image, mask = paint_background(rng, large), Image.new("L", large)
    ink = (palette.ink, _INK_WIDTH * min(large))
    placement = _place(rng, parts, large)
    _scatter(rng, image, palette, placement)
    draw(parts, placement, image, ink, mask)
    return Scene(
        np.asarray(image.reduce(_SUPERSAMPLING)),
        label,
        np.asarray(mask.reduce(_SUPERSAMPLING)) >= 128,
    )


def _place(rng: Rng, parts: Sequence[Part], size: tuple[int, int]) -> Placement:
    """Choose a random pose inside the frame that covers a random share of it, if it fits."""
    angle, stretch = rng.uniform(-0.6, 0.6), rng.uniform(0.88, 1.12) * rng.choice([-1, 1])
    share = rng.uniform(_AREA[0] * 1.15, _AREA[1] * 0.92)
    probe = Placement(32, 32, 24, angle, stretch)
    stencil, canvas = Image.new("L", (64, 64)), Image.new("RGB", (64, 64))
    draw(parts, probe, canvas, ((0, 0, 0), 0.5), stencil)
    covered = np.count_nonzero(np.asarray(stencil)) / probe.scale**2
    left, top, right, bottom = ((edge - 32) / probe.scale for edge in extent(parts, probe))
    margin = _MARGIN * min(size)
    max_scale = 0.999 * min(
        (size[0] - 2 * margin) / (right - left),
        (size[1] - 2 * margin) / (bottom - top),
    )
    scale = min(math.sqrt(share * size[0] * size[1] / covered), max_scale)
    x = rng.uniform(margin - scale * left, size[0] - margin - scale * right)
    y = rng.uniform(margin - scale * top, size[1] - margin - scale * bottom)
    return Placement(x, y, scale, angle, stretch)


def _scatter(rng: Rng, image: Image.Image, palette: Palette, placement: Placement) -> None:
    """Draw clutter around the object, without overlaps."""
    unit = min(image.size)
    occupied = [(placement.x, placement.y, 0.75 * placement.scale)]
    for _ in range(rng.integers(5, 11)):
        radius = rng.uniform(0.035, 0.11) * unit
        x, y = rng.uniform(0, image.width), rng.uniform(0, image.height)
        if any(math.hypot(x - a, y - b) < r + 0.9 * radius for a, b, r in occupied):
            continue
        occupied.append((x, y, radius))
        pose = Placement(x, y, radius, rng.uniform(0, 2 * math.pi))
        draw(make_clutter(rng, palette), pose, image, (palette.ink, _INK_WIDTH * unit))


@dataclass(frozen=True)
class SceneSample:
    """A sample image: a scene whose seed was chosen by eye.

    Attributes:
        path: Folder and name, which starts with the class.
        seed: Seed of the scene.
        size: Width and height in pixels.
    """

    path: str
    seed: int
    size: tuple[int, int] = (224, 224)

    @property
    def label(self) -> int:
        """Index into `CLASSES`."""
        return CLASSES.index(Path(self.path).stem.split("-")[0])


SAMPLES = (
    SceneSample("nature/butterfly.jpg", 106),
    SceneSample("nature/fish.png", 123),
    SceneSample("nature/mushroom.jpg", 109),
    SceneSample("nature/mushroom-violet.png", 122),
    SceneSample("nature/snail.jpg", 116),
    SceneSample("things/balloon.jpg", 102, (480, 320)),
    SceneSample("things/house.png", 105),
    SceneSample("things/key.jpg", 112),
    SceneSample("things/sailboat.jpg", 113),
    SceneSample("things/teapot.png", 114),
    SceneSample("things/umbrella.jpg", 120),
    SceneSample("things/umbrella-striped.jpg", 103),
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="sample_images")
def main(folder: Path) -> None:
    """Write the sample images to FOLDER."""
    for sample in SAMPLES:
        path = folder / sample.path
        path.parent.mkdir(parents=True, exist_ok=True)
        scene = render_scene(sample.seed, label=sample.label, size=sample.size)
        Image.fromarray(scene.pixels).save(path, quality=92, optimize=True)


if __name__ == "__main__":
    main()
