"""Performance information curves, against SciPy's interpolation and a slow loop."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import interpolate

from igcli.integration.randomness import generator
from igcli.metrics._information import SHARES, interpolated
from igcli.records import Array, Pixels
from support.measuring import linear, measured, subject_of
from support.networks import Separable

SHAPE = (16, 21, 3)
NAMES = ("pic_sic", "pic_aic")


class Above(Separable):
    """Two scores: the mean of all values over 255, and a constant level."""

    def __init__(self, shape: tuple[int, ...], level: float) -> None:
        super().__init__(shape, lambda x: x / 255 / np.prod(shape), np.ones_like)
        self._level = level

    def _scores(self, inputs: Array) -> npt.NDArray[np.float64]:
        scores = super()._scores(inputs)
        return np.concatenate([scores, np.full_like(scores, self._level)], 1)


def images(channels: int = 3) -> tuple[Array, Array]:
    """Return a smooth image with bright spots, and attributions that know half of these."""
    rng = np.random.default_rng(4)
    shape = (*SHAPE[:2], channels)
    ramp = np.linspace(0, 60, shape[1])[:, None]
    spots = np.kron(rng.random((shape[0] // 2, shape[1] // 3)) > 0.8, np.ones((2, 3)))[..., None]
    spots[[0, -1]] = spots[:, [0, -1]] = 0  # The corners, which are always seen, are dark.
    image = np.rint(ramp + 150 * spots + rng.uniform(0, 4, shape))
    return image.astype(np.float32), (spots * rng.normal(1, 1, shape)).astype(np.float32)


def filled_by_scipy(pixels: Pixels, shown: npt.NDArray[np.bool_]) -> Pixels:
    known = shown.copy()
    known[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    result = pixels.astype(np.float64)
    for channel in range(pixels.shape[-1]):
        result[..., channel][~known] = interpolate.griddata(
            np.argwhere(known), pixels[..., channel][known], np.argwhere(~known)
        )
    return np.rint(result).astype(np.uint8)


def size_of(pixels: Pixels) -> int:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
    image.save(buffer, format="webp", lossless=True, quality=100)
    return len(buffer.getvalue())


def slow_area(image: Array, attributions: Array, network: Above, *, accuracy: bool) -> float:
    """Return the area as PAIR computes it: quantiles, a point a share, SciPy's interpolation."""
    pixels, saliency = image.astype(np.uint8), attributions.sum(-1, dtype=np.float64)
    seen = np.zeros(saliency.size, np.bool_)
    random = generator(0, image, "pic")
    seen[random.choice(seen.size, int(0.01 * seen.size), replace=False)] = True
    seen = seen.reshape(saliency.shape)

    def performance(of: Pixels) -> float:
        scores = network.predict(of[None].astype(np.float32))[0]
        return float(scores[0] > scores[1]) if accuracy else float(scores[0])

    def between(value: float, low: float, high: float) -> float:
        return min(max((value - low) / (high - low), 0), 1)

    start, end = filled_by_scipy(pixels, seen), pixels
    xs, ys, best = [], [], 0.0
    for share in SHARES:
        blurred = filled_by_scipy(pixels, (saliency >= np.quantile(saliency, 1 - share)) | seen)
        best = max(best, between(performance(blurred), performance(start), performance(end)))
        xs.append(between(size_of(blurred), size_of(start), size_of(end)))
        ys.append(best)
    curve = interpolate.interp1d([*xs, 0, 1], [*ys, 0, 1])
    grid = np.append(np.linspace(0, 1, 1000, endpoint=False), 1)
    return float(np.trapezoid(curve(grid), grid))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_area_of_a_slow_calculation(name: str, channels: int) -> None:
    image, attributions = images(channels)
    network = Above(image.shape, float(image.mean()) / 255 - 0.01)
    expected = slow_area(image, attributions, network, accuracy=name == "pic_aic")
    found = measured(name, subject_of(image, attributions), network)
    assert 0 < expected < 1
    assert found.value == pytest.approx(expected, rel=5e-3)
    assert found.curve is not None
    assert (found.curve.scores[0], found.curve.scores[-1]) == (0, 1)


@pytest.mark.parametrize("name", NAMES)
def test_the_brightest_first_is_better_than_the_darkest_first(name: str) -> None:
    image, _ = images()
    network = Above(SHAPE, float(image.mean()) / 255 - 0.01)
    best, worst = (
        measured(name, subject_of(image, sign * image), network, ties="position").value
        for sign in (np.float32(1), np.float32(-1))
    )
    assert best is not None
    assert worst is not None
    assert worst < best


@pytest.mark.parametrize("shown_share", [0.0, 0.05, 0.3, 0.7, 0.95])
def test_a_plane_is_interpolated_exactly(shown_share: float) -> None:
    rows, columns = np.mgrid[:31, :47]
    plane = np.stack([3 * rows + columns, 200 - 2 * rows - columns], -1).astype(np.uint8)
    shown = np.random.default_rng(6).random((31, 47)) < shown_share
    np.testing.assert_array_equal(interpolated(plane, shown), plane)


@pytest.mark.parametrize("shown_share", [0.01, 0.1, 0.5, 0.9])
def test_interpolated_pixels_are_scipys_but_for_rounding(shown_share: float) -> None:
    rng = np.random.default_rng(6)
    pixels = rng.integers(0, 256, (31, 47, 3)).astype(np.uint8)
    shown = rng.random((31, 47)) < shown_share
    found = interpolated(pixels, shown)
    difference = np.abs(found.astype(int) - filled_by_scipy(pixels, shown))
    assert difference.max() <= 1
    assert np.count_nonzero(difference) < 0.02 * difference.size
    np.testing.assert_array_equal(found[shown], pixels[shown])


def test_a_single_row_is_filled_with_its_mean() -> None:
    row = np.array([[[10], [0], [50], [20]]], np.uint8)
    shown = np.array([[False, False, True, False]])
    np.testing.assert_array_equal(interpolated(row, shown)[0, :, 0], [10, 20, 50, 20])


def test_equal_attributions_come_together_unless_by_position() -> None:
    image, _ = images()
    subject = subject_of(image, np.zeros_like(image))
    network = Above(SHAPE, 0.0)
    # All pixels reach the quantile of zeros: the first point is the image itself.
    curve = measured("pic_sic", subject, network).curve
    assert curve is not None
    np.testing.assert_allclose(curve.scores, np.linspace(0, 1, 1001), atol=1e-12)
    other = measured("pic_sic", subject, network, ties="position").curve
    assert other is not None
    assert not np.allclose(other.scores, curve.scores, atol=0.01)


def test_a_curve_that_may_fall_is_nowhere_above_one_that_may_not() -> None:
    image, attributions = images()
    subject = subject_of(image, -attributions)
    network = Above(SHAPE, 0.0)
    rising = measured("pic_sic", subject, network).curve
    falling = measured("pic_sic", subject, network, monotonic=False).curve
    assert rising is not None
    assert falling is not None
    assert (np.diff(rising.scores) >= -1e-12).all()
    assert (falling.scores <= rising.scores + 1e-12).all()


def test_logits_can_be_turned_into_probabilities() -> None:
    image, attributions = images()
    subject = subject_of(image, attributions)
    level = 0.2

    class Softmax(Above):
        def _scores(self, inputs: Array) -> npt.NDArray[np.float64]:
            powers = np.exp(super()._scores(inputs))
            shares: npt.NDArray[np.float64] = powers / powers.sum(1, keepdims=True)
            return shares

    found = measured("pic_sic", subject, Above(SHAPE, level), scores="softmax")
    expected = measured("pic_sic", subject, Softmax(SHAPE, level))
    assert found.value == pytest.approx(expected.value, rel=1e-4)


CASES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "constant score": ("pic_sic", linear(SHAPE, 0.0), {}),
    "always right": ("pic_aic", Above(SHAPE, -1.0), {}),
    "never right": ("pic_aic", Above(SHAPE, 1.0), {}),
    "low score": ("pic_sic", Above(SHAPE, 0.0), {"min_score": 0.8}),
}


@pytest.mark.parametrize("case", CASES)
def test_there_is_no_curve(case: str) -> None:
    name, network, options = CASES[case]
    found = measured(name, subject_of(*images()), network, **options)
    assert found.value is None
    [warning] = found.warnings
    assert warning.startswith("undefined: ")


@pytest.mark.parametrize("name", NAMES)
def test_images_of_two_channels_have_none(name: str) -> None:
    image = np.ones((*SHAPE[:2], 2), np.float32)
    found = measured(name, subject_of(image, image))
    assert found.value is None
    assert "one channel or three" in found.warnings[0]
