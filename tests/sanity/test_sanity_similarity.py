import numpy as np
import pytest
from scipy.stats import spearmanr

from igcli.sanity.similarity import Similarity, as_grey, mean_similarity, similarity, ssim


def maps(seed: int = 0, side: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(side, side + 5))
    return first, 0.6 * first + rng.normal(size=first.shape)


def test_correlations_are_scipys_with_and_without_signs() -> None:
    first, second = maps()
    found = similarity(first, second)
    assert found.rank_correlation == pytest.approx(spearmanr(first.ravel(), second.ravel())[0])
    magnitudes = abs(first).ravel(), abs(second).ravel()
    assert found.absolute_rank_correlation == pytest.approx(spearmanr(*magnitudes)[0])
    assert similarity(first, -first).rank_correlation == pytest.approx(-1)
    assert similarity(first, -first).absolute_rank_correlation == pytest.approx(1)
    assert similarity(first, -first).ssim == pytest.approx(1)


@pytest.mark.parametrize("seed", range(3))
def test_ssim_is_scikit_images(seed: int) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    first, second = (np.clip(0.5 + values / 6, 0, 1) for values in maps(seed))
    expected = metrics.structural_similarity(
        first, second, gaussian_weights=True, use_sample_covariance=False, data_range=1.0
    )
    assert ssim(first, second) == pytest.approx(expected, abs=1e-12)


def test_ssim_by_hand_for_constant_images() -> None:
    # Variances and covariance are 0, so only the first factor is left.
    first, second = np.full((12, 12), 0.2), np.full((12, 12), 0.8)
    expected = (2 * 0.2 * 0.8 + 1e-4) / (0.2**2 + 0.8**2 + 1e-4)
    assert ssim(first, second) == pytest.approx(expected)
    assert ssim(first[:4, :4], second[:4, :4]) == pytest.approx(expected)


def test_grey_is_clipped_at_the_99th_percentile() -> None:
    magnitudes = np.arange(101.0).reshape(1, 101) + 7
    np.testing.assert_allclose(as_grey(magnitudes)[0], np.minimum(np.arange(101) / 99, 1))
    sparse = np.zeros((20, 20))
    sparse[0, 0] = 4  # One pixel of 400 is fewer than 1%.
    assert as_grey(sparse)[0, 0] == 1
    assert as_grey(sparse).sum() == 1


def test_flat_maps_are_undefined() -> None:
    first, _ = maps()
    for flat in (np.zeros_like(first), np.full_like(first, 3)):
        assert similarity(first, flat) == similarity(flat, first) == Similarity(None, None, None)
    signs = np.sign(first)
    assert similarity(first, signs).ssim is None
    assert similarity(first, signs).rank_correlation is not None


def test_means_leave_out_what_is_undefined() -> None:
    values = [Similarity(0.5, 0.25, None), Similarity(None, None, None), Similarity(0.1, 0.75, 1)]
    assert mean_similarity(values) == Similarity((0.5 + 0.1) / 2, 0.5, 1)
    assert mean_similarity([]) == Similarity(None, None, None)
