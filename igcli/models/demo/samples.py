"""Write the sample images: `python -m igcli.models.demo.samples [FOLDER]`."""

from dataclasses import dataclass
from pathlib import Path

import click
from PIL import Image

from igcli.models.demo.scenes import CLASSES, render_scene


@dataclass(frozen=True)
class Sample:
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
    Sample("nature/butterfly.jpg", 106),
    Sample("nature/fish.png", 123),
    Sample("nature/mushroom.jpg", 109),
    Sample("nature/mushroom-violet.png", 122),
    Sample("nature/snail.jpg", 116),
    Sample("things/balloon.jpg", 102, (480, 320)),
    Sample("things/house.png", 105),
    Sample("things/key.jpg", 112),
    Sample("things/sailboat.jpg", 113),
    Sample("things/teapot.png", 114),
    Sample("things/umbrella.jpg", 120),
    Sample("things/umbrella-striped.jpg", 103),
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
