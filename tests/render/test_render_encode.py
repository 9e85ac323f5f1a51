"""Encoded pictures are read back as they were."""

from io import BytesIO
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from igcli.render.encoders import encode_image


def gradient() -> np.ndarray:
    steps = np.arange(64, dtype=np.uint8) * 4
    return np.stack([np.tile(steps, (48, 1))] * 3, axis=-1)


def test_png_is_exact() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    with Image.open(BytesIO(encode_image(picture, format="png", quality=1))) as read:
        assert read.format == "PNG"
        np.testing.assert_array_equal(np.asarray(read), picture)


def test_jpeg_is_near() -> None:
    with Image.open(BytesIO(encode_image(gradient(), format="jpg", quality=95))) as read:
        assert read.format == "JPEG"
        assert np.abs(np.asarray(read).astype(int) - gradient()).max() <= 4


def test_quality_is_a_matter_of_bytes() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    sizes = [len(encode_image(picture, format="jpg", quality=level)) for level in (1, 50, 95, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_single_green_pixels_keep_their_colour() -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[::4, ::4, 1] = 178
    with Image.open(BytesIO(encode_image(picture, format="jpg", quality=95))) as read:
        found = np.asarray(read).astype(int)
    assert (found[::4, ::4, 1] - found[::4, ::4, 0]).min() > 120


@pytest.mark.parametrize("size", [(1, 1), (1, 3000)])
def test_extreme_sizes(size: tuple[int, int]) -> None:
    picture = np.zeros((*size, 3), np.uint8)
    formats: tuple[Literal["jpg", "png"], ...] = ("jpg", "png")
    for name in formats:
        with Image.open(BytesIO(encode_image(picture, format=name, quality=95))) as read:
            assert read.size == (size[1], size[0])
