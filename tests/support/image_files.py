"""Image files of random pixels."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from igcli.records import Pixels


def random_pixels(seed: int, height: int = 16, width: int = 16) -> Pixels:
    """Return uint8 (height, width, 3) of a fixed seed."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(seed: int, form: str = "PNG", size: tuple[int, int] = (20, 24)) -> bytes:
    """Return the bytes of an image of this height and width."""
    file = io.BytesIO()
    Image.fromarray(random_pixels(seed, *size)).save(file, form)
    return file.getvalue()


def write_image(
    path: Path, seed: int = 0, size: tuple[int, int] = (16, 16), form: str | None = None
) -> Path:
    """Write an image of this height and width, in the format of its name or in the given one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(random_pixels(seed, *size)).save(path, form)
    return path


def write_images(folder: Path, count: int) -> Path:
    """Write 0.png, 1.png and so on, each with its number as seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        write_image(folder / f"{seed}.png", seed)
    return folder
