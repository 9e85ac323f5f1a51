import numpy as np
import pytest
from scipy.stats import spearmanr

from igcli.compare.agreement import Values, channel_mean, rank_correlation, top_overlap


def maps(seed: int, size: tuple[int, int] = (30, 40)) -> tuple[Values, Values]:
    rng = np.random.default_rng(seed)
    first = rng.normal(size=size)
    return first, first + rng.normal(size=size)


@pytest.mark.parametrize("seed", range(5))
def test_rank_correlation_is_scipys(seed: int) -> None:
    first, second = maps(seed)
    expected = spearmanr(first.ravel(), second.ravel()).statistic
    assert rank_correlation(first, second) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_rank_correlation_with_ties_is_scipys(seed: int) -> None:
    first, second = (np.round(values) for values in maps(seed))
    expected = spearmanr(first.ravel(), second.ravel()).statistic
    assert rank_correlation(first, second) == pytest.approx(expected, abs=1e-12)


def test_rank_correlation_by_hand() -> None:
    # 1 - 6 (1 + 1 + 1 + 1) / (4 (16 - 1))
    first, second = np.array([[1.0, 2, 3, 4]]), np.array([[20.0, 10, 40, 30]])
    assert rank_correlation(first, second) == pytest.approx(0.6)


def test_rank_correlation_sees_order_and_sign_alone() -> None:
    first, _ = maps(1)
    assert rank_correlation(first, np.exp(3 * first)) == pytest.approx(1)
    assert rank_correlation(first, -first) == pytest.approx(-1)


def test_flat_maps_have_no_order() -> None:
    flat = np.zeros((3, 4))
    assert rank_correlation(flat, flat + 5) is None
    assert rank_correlation(flat, maps(1, (3, 4))[0]) == 0
    assert top_overlap(flat, flat) is None
    assert top_overlap(flat, flat + 5) == 0


def test_top_overlap_by_hand() -> None:
    # 5% of 40 pixels are 2.
    first, second = np.zeros((2, 4, 10))
    first[0, :4] = -9, 8, 7, 1
    second[0, :4] = 8, -1, 2, 9
    assert top_overlap(first, second) == 0.5
    assert top_overlap(first, first[::-1]) == 0
    assert top_overlap(first, -first) == 1


def test_top_overlap_of_a_share_that_is_no_whole_number_rounds_up() -> None:
    first, second = np.zeros((2, 3, 7))  # 5% of 21 is 1.05: 2 pixels.
    first[0, :3], second[0, :3] = (3, 2, 1), (3, 1, 2)
    assert top_overlap(first, second) == 0.5


def test_equal_magnitudes_at_the_border_all_count() -> None:
    first, second = np.zeros((2, 4, 10))
    first[0, :6] = 5
    second[0, :3] = 5
    assert top_overlap(first, second) == 0.5


def test_single_pixels_agree_only_where_they_are_the_same() -> None:
    first, second = np.zeros((2, 224, 224))
    first[3, 5] = second[100, 7] = 1e-30
    assert top_overlap(first, first) == 1
    assert top_overlap(first, second) == 0
    assert top_overlap(np.ones((1, 1)), np.ones((1, 1))) == 1


def test_the_channel_mean_is_of_double_precision() -> None:
    attributions = np.full((2, 2, 3), 0.1, np.float32)
    attributions[0, 0] = (1e8, 1, -1e8)
    mean = channel_mean(attributions)
    assert mean.dtype == np.float64
    assert mean[0, 0] == pytest.approx(1 / 3)
