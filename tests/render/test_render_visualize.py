import math

import numpy as np
import pytest

from igcli.render.visualize import magnification, magnified


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
