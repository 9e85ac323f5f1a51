"""Write the sample images: `python -m igcli.demo.samples [FOLDER]`."""

from dataclasses import dataclass
from pathlib import Path

import click
from PIL import Image

from igcli.demo.scenes import CLASSES, render_scene


@dataclass(frozen=True)
class SceneSample:
    """A file of one scene, whose seed was chosen by eye.

    Attributes:
        path: folder and name, which begins with the class.
        seed: of the scene.
        size: width and height in pixels.
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


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path), default="sample_images")
def main(folder: Path) -> None:  # noqa: D103
    for sample in SAMPLES:
        path = folder / sample.path
        path.parent.mkdir(parents=True, exist_ok=True)
        scene = render_scene(sample.seed, label=sample.label, size=sample.size)
        Image.fromarray(scene.pixels).save(path, quality=92, optimize=True)


if __name__ == "__main__":
    main()
