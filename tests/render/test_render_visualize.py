"""Pictures at a scale other than their own, and magnified ones."""

import math

import numpy as np
import pytest

from igcli.records import Array
from igcli.render import styles
from igcli.render.options import GifOptions, PanelOptions
from igcli.render.visualize import magnification, magnified, paint, shared_scale

IMAGE = np.full((4, 5, 3), 200, np.uint8)


def level(value: float) -> Array:
    return np.full((4, 5, 3), value, np.float32)


def green(style: str, value: float, scale: object) -> int:
    options = PanelOptions.model_validate({"style": style, "sign": "positive", "scale": scale})
    return int(paint(IMAGE, level(value), options).picture[0, 0, 1])


@pytest.mark.parametrize(
    ("style", "expected"),
    [("overlay", 149), ("windowing", 100), ("masked_image", 100), ("alpha_scaling", 227)],
)
def test_half_the_scale_is_half_the_strength(style: str, expected: int) -> None:
    # 0.3 * 200 + 0.7 * 127.5 = 149.25; 200 / 2; 255 - 55 / 2 = 227.5.
    full = 0.02 if style in {"overlay", "windowing"} else 0.06
    assert abs(green(style, 0.01, full) - expected) <= 1


def test_clipped_at_a_scale() -> None:
    attributions = level(0.01)
    attributions[0, 0] = 0
    picture = paint(IMAGE, attributions, PanelOptions(style="clipped", scale=0.02)).picture
    assert abs(int(picture[1, 1, 1]) - (140 + 63.75)) <= 1
    assert picture[0, 0, 1] == 140


@pytest.mark.parametrize("style", styles.names())
@pytest.mark.parametrize("scale", [1e-30, 1, 1e30])
@pytest.mark.parametrize("value", [0, 1e-40, -1e-5, 1, 1e30])
def test_any_scale_with_any_value(style: str, scale: float, value: float) -> None:
    options = PanelOptions.model_validate({"style": style, "scale": scale})
    painting = paint(IMAGE, level(value), options)
    assert painting.picture.shape == IMAGE.shape
    assert painting.flat == (value == 0)


def test_a_shared_scale_goes_before_the_options() -> None:
    options = PanelOptions(style="windowing", scale=1.0)
    assert paint(IMAGE, level(0.5), options, scale=2.0).picture[0, 0, 0] == 50
    assert paint(IMAGE, level(0.5), options).picture[0, 0, 0] == 100


def test_a_fixed_scale_shows_single_pixels() -> None:
    attributions = np.zeros((50, 50, 3), np.float32)
    attributions[7, 7] = 1
    image = np.full((50, 50, 3), 80, np.uint8)
    own = paint(image, attributions, PanelOptions(style="windowing"))
    fixed = paint(image, attributions, PanelOptions(style="windowing", scale=1.0))
    assert own.flat
    assert not fixed.flat
    assert fixed.picture.sum() == 3 * 80


def test_shared_scale_is_the_median_of_those_that_show_something() -> None:
    assert shared_scale([(1.0,), (0.0,), (2.0, 5.0), (9.0, 0.0)]) == 5.0
    assert shared_scale([(0.0, 0.0)]) is None
    assert shared_scale([]) is None


def test_pictures_report_their_scales() -> None:
    painting = paint(IMAGE, level(0.25), PanelOptions(style="clipped", polarity="both"))
    assert painting.scales == (0.25, 0.0)
    assert paint(IMAGE, level(0.25), GifOptions()).scales == (0.25,)


@pytest.mark.parametrize(
    ("height", "width", "factor"),
    [
        (28, 28, 6),
        (32, 32, 5),
        (64, 64, 3),
        (80, 80, 2),
        (159, 300, 2),
        (300, 159, 2),
        (160, 160, 1),
        (224, 224, 1),
        (1, 1, 160),
        (20, 160, 8),
        (4, 4000, 1),
    ],
)
def test_the_shorter_side_becomes_160_pixels(height: int, width: int, factor: int) -> None:
    assert magnification(height, width, "auto") == factor


def test_it_is_the_smallest_such_number() -> None:
    for side in range(1, 400):
        factor = magnification(side, side + 7, "auto")
        assert factor * side >= 160
        assert factor == 1 or (factor - 1) * side < 160
        assert factor == math.ceil(160 / side)


@pytest.mark.parametrize("number", [1, 2, 7])
def test_a_number_holds_for_every_size(number: int) -> None:
    assert {magnification(side, side, number) for side in (1, 28, 224)} == {number}


@pytest.mark.parametrize("channels", [1, 3])
def test_each_pixel_becomes_a_block(channels: int) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (5, 7, channels), np.uint8)
    for factor in (2, 3, 6):
        large = magnified(picture, factor)
        assert large.dtype == np.uint8
        blocks = np.kron(picture, np.ones((factor, factor, 1), np.uint8))
        np.testing.assert_array_equal(large, blocks)
    assert magnified(picture, 1) is picture
