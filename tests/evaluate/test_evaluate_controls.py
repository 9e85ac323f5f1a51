"""The controls, against slow calculations."""

import math

import numpy as np
import pytest

from igcli.evaluate.controls import CONTROLS, attributions_of
from igcli.records import Array


def picture(height: int = 6, width: int = 9, channels: int = 3) -> Array:
    rng = np.random.default_rng(5)
    return rng.uniform(0, 255, (height, width, channels)).astype(np.float32)


def test_there_are_three() -> None:
    assert CONTROLS == ("random", "edges", "center")


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("shape", [(6, 9, 3), (6, 9, 1), (1, 1, 3), (1, 7, 4)])
def test_channels_have_equal_shares(name: str, shape: tuple[int, int, int]) -> None:
    image = picture(*shape)
    kept = image.copy()
    attributions = attributions_of(name, image, 0)
    assert attributions.shape == shape
    assert attributions.dtype == np.float32
    assert (attributions == attributions[..., :1]).all()
    assert (attributions >= 0).all()
    assert np.isfinite(attributions).all()
    np.testing.assert_array_equal(image, kept)


def test_edges_are_those_of_sobel() -> None:
    image = picture()
    luma = 0.299 * image[..., 0] + 0.587 * image[..., 1] + 0.114 * image[..., 2]
    padded = np.pad(luma.astype(np.float64), 1, "symmetric")
    across, expected = [(-1, 0, 1), (-2, 0, 2), (-1, 0, 1)], np.zeros((6, 9))
    for row in range(6):
        for column in range(9):
            cells = [(i, j) for i in range(3) for j in range(3)]
            x = sum(across[i][j] * padded[row + i, column + j] for i, j in cells)
            y = sum(across[j][i] * padded[row + i, column + j] for i, j in cells)
            expected[row, column] = math.hypot(x, y)
    found = attributions_of("edges", image, 0).sum(-1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_constant_image_has_no_edges() -> None:
    image = np.full((5, 5, 3), 100.0, np.float32)
    assert attributions_of("edges", image, 0).max() < 1e-4


def test_edges_of_other_channels_are_those_of_their_mean() -> None:
    image = np.zeros((3, 4, 2), np.float32)
    image[:, 2:, 0] = 8.0  # A step of 4 in the mean: 4 * (1 + 2 + 1) at both sides of it.
    found = attributions_of("edges", image, 0).sum(-1)
    np.testing.assert_allclose(found, [[0, 16, 16, 0]] * 3)


def test_the_centre_is_a_gaussian_stretched_to_the_image() -> None:
    found = attributions_of("center", picture(5, 8), 0).sum(-1)
    for row in range(5):
        for column in range(8):
            x, y = (column - 3.5) / (0.25 * 8), (row - 2) / (0.25 * 5)
            assert found[row, column] == pytest.approx(math.exp(-(x * x + y * y) / 2), rel=1e-5)


def test_random_depends_on_the_seed_and_the_image_alone() -> None:
    image = picture(40, 50)
    first = attributions_of("random", image, 0)
    np.testing.assert_array_equal(first, attributions_of("random", image.copy(), 0))
    others = (attributions_of("random", image, 1), attributions_of("random", image + 1, 0))
    for other in others:
        assert abs(np.corrcoef(first[..., 0].ravel(), other[..., 0].ravel())[0, 1]) < 0.1
    sums = first.sum(-1)
    assert sums.mean() == pytest.approx(0.5, abs=0.03)
    assert sums.std() == pytest.approx(math.sqrt(1 / 12), abs=0.02)
