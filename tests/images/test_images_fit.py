from fractions import Fraction
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from igcli.images.fit import Fit, Resample, fit
from igcli.records import Pixels

WAYS: tuple[Fit, ...] = ("crop", "squash", "pad")


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def ramp(height: int, width: int) -> Pixels:
    """Red rises from left to right and green from top to bottom, over the whole range."""
    red, green = (255 * (np.arange(n) + 0.5) / n for n in (width, height))
    image = np.zeros((height, width, 3))
    image[:, :, 0] = red
    image[:, :, 1] = green[:, None]
    return np.rint(image).astype(np.uint8)


@pytest.mark.parametrize("how", WAYS)
def test_an_image_of_the_size_is_left_alone(how: Fit) -> None:
    image = noise(30, 40)
    assert fit(image, (30, 40), how=how) is image


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize(
    "shape", [(1, 1), (10_000, 50), (50, 10_000), (1, 7000), (224, 225), (223, 9)]
)
@pytest.mark.parametrize("size", [(224, 224), (64, 96), (1, 1)])
def test_any_size_becomes_the_size(how: Fit, shape: tuple[int, int], size: tuple[int, int]) -> None:
    fitted = fit(noise(*shape), size, how=how)
    assert fitted.shape == (*size, 3)
    assert fitted.dtype == np.uint8


@pytest.mark.parametrize("how", ["crop", "squash"])
def test_an_even_image_stays_even(how: Fit) -> None:
    even = np.full((313, 57, 3), (10, 130, 250), np.uint8)
    assert np.array_equal(fit(even, (64, 96), how=how), np.broadcast_to(even[0, 0], (64, 96, 3)))


def test_squash_shows_the_whole_image() -> None:
    difference = fit(ramp(300, 500), (100, 50), how="squash").astype(int) - ramp(100, 50)
    assert abs(difference[2:-2, 2:-2]).max() <= 1


@pytest.mark.parametrize("shape", [(200, 300), (300, 200), (200, 200), (90, 31)])
@pytest.mark.parametrize("size", [(100, 100), (50, 100), (128, 96)])
def test_crop_takes_the_largest_part_of_the_centre(
    shape: tuple[int, int], size: tuple[int, int]
) -> None:
    fitted = fit(ramp(*shape), size, how="crop").astype(float)
    scale = max(Fraction(size[0], shape[0]), Fraction(size[1], shape[1]))
    for channel, axis in ((1, 0), (0, 1)):
        pixel = np.arange(size[axis]) + 0.5
        seen = 255 * (0.5 + (pixel - size[axis] / 2) / float(scale) / shape[axis])
        middle = fitted.take(size[1 - axis] // 2, axis=1 - axis)[:, channel]
        assert abs(middle - seen)[3:-3].max() <= 2.0


@pytest.mark.parametrize("shape", [(200, 300), (300, 200), (1, 1000), (7, 7)])
def test_pad_keeps_everything_between_black_bars(shape: tuple[int, int]) -> None:
    fitted = fit(np.full((*shape, 3), 200, np.uint8), (96, 96), how="pad")
    height, width = (max(1, round(96 * n / max(shape))) for n in shape)
    top, left = (96 - height) // 2, (96 - width) // 2
    expected = np.zeros((96, 96, 3), np.uint8)
    expected[top : top + height, left : left + width] = 200
    assert np.array_equal(fitted, expected)


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic", "lanczos", "area"])
@pytest.mark.parametrize("size", [(32, 20), (150, 170)])
@pytest.mark.parametrize("channels", [3, 1])
def test_pixels_are_resampled_as_keras_loads_them(
    resample: Resample, size: tuple[int, int], channels: int, tmp_path: Path
) -> None:
    image = noise(90, 110)[..., :channels]
    Image.fromarray(image.squeeze()).save(tmp_path / "a.png")
    expected = keras.utils.load_img(
        tmp_path / "a.png",
        color_mode="rgb" if channels == 3 else "grayscale",
        target_size=size,
        interpolation="box" if resample == "area" else resample,
    )
    fitted = fit(image, size, how="squash", resample=resample)
    assert fitted.shape == (*size, channels)
    np.testing.assert_array_equal(fitted.squeeze(), np.asarray(expected))


def test_the_area_is_the_mean_of_what_a_pixel_covers() -> None:
    image = noise(60, 40)
    means = image.reshape(20, 3, 10, 4, 3).mean(axis=(1, 3))
    fitted = fit(image, (20, 10), how="squash", resample="area")
    assert np.abs(fitted - means).max() <= 1


@pytest.mark.parametrize("how", WAYS)
def test_nearest_invents_no_colour(how: Fit) -> None:
    image = noise(31, 47)
    known = {tuple(pixel) for pixel in image.reshape(-1, 3).tolist()} | {(0, 0, 0)}
    for size in ((13, 13), (64, 90)):
        fitted = fit(image, size, how=how, resample="nearest")
        assert {tuple(pixel) for pixel in fitted.reshape(-1, 3).tolist()} <= known


def test_shrinking_is_antialiased() -> None:
    board = np.indices((512, 512)).sum(axis=0) % 2 * np.uint8(255)
    fitted = fit(np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8), (64, 64), how="squash")
    assert abs(fitted[2:-2, 2:-2].astype(float) - 127.5).max() <= 2
