"""The frames of an animation, cut out and laid side by side."""

import io

import numpy as np
import pytest
from PIL import Image

from igcli.errors import ImageError
from igcli.gallery.frames import frame_sheet
from igcli.records import Interior
from igcli.render import animation
from igcli.render.options import GifOptions
from support.runs import animation as small_animation

ALPHAS = np.linspace(0, 1, 11)


def animated(height: int, width: int, factor: int, file_format: str = "gif") -> bytes:
    """Return an animation of a bright image; each frame lights up a band below the last one's."""
    image = np.full((height, width, 3), 250, np.uint8)
    maps = np.zeros((len(ALPHAS), height, width), np.float32)
    for number in range(len(ALPHAS)):
        maps[number, number * height // 12 : (number + 1) * height // 12] = 1
    options = GifOptions.model_validate({"format": file_format})
    return animation.render(image, Interior(ALPHAS, maps), options=options, factor=factor)


@pytest.mark.parametrize("file_format", ["gif", "webp"])
@pytest.mark.parametrize(("height", "width", "factor"), [(24, 32, 1), (32, 24, 7), (240, 260, 1)])
def test_each_step_has_its_gradients(
    file_format: str, height: int, width: int, factor: int
) -> None:
    data = animated(height, width, factor, file_format)
    sheet = frame_sheet(data, ALPHAS, size=(height, width), factor=factor)
    assert sheet.alphas == ALPHAS.tolist()
    assert (sheet.count, sheet.columns, sheet.height, sheet.width) == (11, 8, height, width)
    with Image.open(io.BytesIO(sheet.data)) as file:
        pixels = np.asarray(file.convert("L"), np.float64)
    assert pixels.shape == (2 * height, 8 * width)
    for number in range(11):
        top, left = number // 8 * height, number % 8 * width
        rows = pixels[top : top + height, left : left + width].mean(axis=1)
        band = [*range(number * height // 12, (number + 1) * height // 12)]
        assert np.flatnonzero(rows > rows.max() / 2).tolist() == band
    assert pixels[height:, 3 * width :].max() < 40


def test_large_frames_are_made_smaller() -> None:
    image = np.zeros((600, 8, 3), np.uint8)
    maps = np.zeros((2, 600, 8), np.float32)
    interior = Interior(np.array([0.0, 1.0]), maps)
    data = animation.render(image, interior, options=GifOptions())
    sheet = frame_sheet(data, interior.alphas, size=(600, 8), factor=1)
    assert (sheet.height, sheet.width, sheet.columns) == (300, 4, 2)


def test_alphas_that_are_not_those_of_the_frames_are_left_out() -> None:
    sheet = frame_sheet(animated(24, 24, 1), np.array([0.0, 1.0]), size=(24, 24), factor=1)
    assert sheet.alphas == []


@pytest.mark.parametrize("data", [b"", b"GIF89a", small_animation(300, 60), b"no picture"])
def test_what_is_no_animation_of_the_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match="the animation"):
        frame_sheet(data, ALPHAS, size=(24, 24), factor=1)
