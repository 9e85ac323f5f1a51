"""ROAD: imputed pixels against a dense system, and the scores of a linear network."""

import numpy as np
import numpy.typing as npt
import pytest

from igcli.integration.randomness import seeds
from igcli.metrics._imputation import imputed
from igcli.records import Array
from support.measuring import linear, measured, subject_of
from support.networks import Separable

SHAPE = (6, 9, 3)
SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def images(channels: int = 3) -> tuple[Array, Array]:
    rng = np.random.default_rng(5)
    image = rng.uniform(0, 255, (*SHAPE[:2], channels)).astype(np.float32)
    return image, rng.normal(size=image.shape).astype(np.float32)


def slowly_imputed(image: Array, removed: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the whole image: a dense system of one equation a removed pixel."""
    height, width, _ = image.shape
    pixels = [(int(y), int(x)) for y, x in np.argwhere(removed)]
    left, right = np.zeros((len(pixels),) * 2), np.zeros((len(pixels), image.shape[-1]))
    for number, (y, x) in enumerate(pixels):
        for row in range(max(y - 1, 0), min(y + 2, height)):
            for column in range(max(x - 1, 0), min(x + 2, width)):
                if (row, column) == (y, x):
                    continue
                weight = 1 / 6 if row == y or column == x else 1 / 12
                left[number, number] += weight
                if removed[row, column]:
                    left[number, pixels.index((row, column))] -= weight
                else:
                    right[number] += weight * image[row, column].astype(np.float64)
    result = image.astype(np.float64)
    result[removed] = np.linalg.solve(left, right)
    return result


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("share", SHARES)
def test_removed_pixels_are_means_of_their_neighbours(share: float, channels: int) -> None:
    image, attributions = images(channels)
    removed = attributions.sum(-1) > np.quantile(attributions.sum(-1), 1 - share)
    expected = slowly_imputed(image, removed)[removed]
    np.testing.assert_allclose(imputed(image, removed), expected, rtol=1e-9)


def test_a_constant_image_is_imputed_without_change() -> None:
    removed = np.ones(SHAPE[:2], np.bool_)
    removed[2, 3] = False
    np.testing.assert_allclose(imputed(np.full(SHAPE, 77, np.float32), removed), 77, rtol=1e-9)


@pytest.mark.parametrize("name", ["road", "road_lerf"])
def test_the_score_of_imputed_images_is_averaged(name: str) -> None:
    image, attributions = images()
    sums = attributions.sum(-1, dtype=np.float64) * (-1 if name == "road_lerf" else 1)
    order = sorted(np.ndindex(*SHAPE[:2]), key=lambda at: -float(sums[at]))
    scores = []
    for share in SHARES:
        removed = np.zeros(SHAPE[:2], np.bool_)
        for at in order[: int(share * len(order))]:
            removed[at] = True
        scores.append(slowly_imputed(image, removed).sum())
    found = measured(name, subject_of(image, attributions), measure="score", noise=0)
    assert found.value == pytest.approx(np.mean(scores), rel=1e-5)
    assert found.curve is not None
    np.testing.assert_allclose(found.curve.shares, [0, *SHARES])
    np.testing.assert_allclose(found.curve.scores, [image.sum(), *scores], rtol=1e-5)


def test_noise_is_added_to_imputed_pixels_alone() -> None:
    image, attributions = images()
    subject = subject_of(image, attributions, seed=6)
    without, noisy = (
        measured("road", subject, measure="score", noise=noise).curve for noise in (0, 0.1)
    )
    assert without is not None
    assert noisy is not None
    drawn = seeds(6, image, "road", 10)
    sums = [
        25.5 * np.random.default_rng(seed).standard_normal((int(share * 54), 3)).sum()
        for seed, share in zip(drawn, [0, *SHARES], strict=True)
    ]
    np.testing.assert_allclose(noisy.scores - without.scores, sums, atol=0.05)


class Bright(Separable):
    """Two scores: the sum of all values, and a constant."""

    def __init__(self, level: float) -> None:
        super().__init__(SHAPE, lambda x: x, np.ones_like)
        self._level = level

    def _scores(self, inputs: Array) -> npt.NDArray[np.float64]:
        scores = super()._scores(inputs)
        return np.concatenate([scores, np.full_like(scores, self._level)], 1)


@pytest.mark.parametrize("name", ["road", "road_lerf"])
def test_accuracy_is_how_often_the_target_is_predicted(name: str) -> None:
    image, _ = images()
    subject = subject_of(image, image)
    curve = measured(name, subject, measure="score").curve
    assert curve is not None
    level = float(np.median(curve.scores))
    found = measured(name, subject, Bright(level))
    assert found.value == np.mean(curve.scores[1:] > level)
    assert found.value is not None
    assert 0 < found.value < 1


def test_removing_bright_pixels_darkens_the_image_more() -> None:
    image, _ = images()
    most, least = (
        measured(name, subject_of(image, image), measure="score").value
        for name in ("road", "road_lerf")
    )
    assert most is not None
    assert least is not None
    assert most < image.sum() < least


def test_a_single_score_has_no_accuracy() -> None:
    found = measured("road", subject_of(*images()), linear(SHAPE))
    assert found.value is None
    assert "single score" in found.warnings[0]
