"""Mu-fidelity and sensitivity-n: a linear network's exact attributions correlate perfectly."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from igcli.integration.randomness import seeds
from igcli.metrics._subsets import RandomSubsets, features_of
from igcli.records import Array
from support.measuring import linear, measured, subject_of
from support.networks import Separable

SHAPE = (6, 9, 3)


def images(channels: int = 3) -> tuple[Array, Array, Array]:
    """Return an image, a baseline and factors of a linear network."""
    rng = np.random.default_rng(8)
    shape = (*SHAPE[:2], channels)
    image, baseline = rng.uniform(0, 255, (2, *shape)).astype(np.float32)
    return image, baseline, rng.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("features", ["cells", "pixels", "values"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["mu_fidelity", "sensitivity_n"])
@pytest.mark.parametrize("correlation", ["pearson", "spearman"])
def test_exact_attributions_of_a_linear_network_correlate_perfectly(
    name: str, channels: int, features: str, correlation: str
) -> None:
    image, baseline, factors = images(channels)
    options: dict[str, Any] = {"features": features, "grid": 4, "correlation": correlation}
    exact = factors * (image - baseline)
    network = linear(image.shape, factors)
    right = measured(name, subject_of(image, exact, baseline=baseline), network, **options)
    assert right.value == pytest.approx(1, abs=1e-3)
    wrong = measured(name, subject_of(image, -exact, baseline=baseline), network, **options)
    assert wrong.value == pytest.approx(-1, abs=1e-3)


def test_mu_fidelity_is_the_correlation_of_sums_with_falls() -> None:
    image, baseline, factors = images()
    network = Separable(image.shape, lambda x: factors * x**2, lambda x: 2 * factors * x)
    attributions = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    share, samples = 0.3, 50
    found = measured(
        "mu_fidelity",
        subject_of(image, attributions, baseline=baseline, seed=4),
        network,
        features="pixels",
        share=share,
        samples=samples,
    )
    sums, falls = [], []
    for seed in seeds(4, image, "mu_fidelity", samples):
        random = np.random.default_rng(seed)
        chosen = random.choice(54, round(share * 54), replace=False, shuffle=False)
        sums.append(sum(float(attributions.reshape(54, 3)[i].sum()) for i in chosen))
        x, y, c = (each.reshape(54, 3).astype(np.float64) for each in (image, baseline, factors))
        falls.append(sum(float((c[i] * (x[i] ** 2 - y[i] ** 2)).sum()) for i in chosen))
    assert found.value == pytest.approx(stats.pearsonr(sums, falls)[0], abs=1e-4)


def test_sensitivity_n_has_a_correlation_for_each_size() -> None:
    image, baseline, factors = images()
    exact = factors * (image - baseline)
    found = measured(
        "sensitivity_n",
        subject_of(image, exact, baseline=baseline),
        linear(SHAPE, factors),
        sizes=4,
        max_share=0.5,
    )
    assert found.curve is not None
    # 1 to half of 54 pixels in geometric steps of 3.
    np.testing.assert_allclose(found.curve.shares, np.array([1, 3, 9, 27]) / 54)
    np.testing.assert_allclose(found.curve.scores, 1, atol=1e-3)


def test_unrelated_attributions_hardly_correlate() -> None:
    image, baseline, factors = images()
    other = np.random.default_rng(2).permutation((factors * (image - baseline)).reshape(-1))
    for name in ("mu_fidelity", "sensitivity_n"):
        subject = subject_of(image, other.reshape(SHAPE), baseline=baseline)
        value = measured(name, subject, linear(SHAPE, factors), features="pixels").value
        assert value is not None
        assert abs(value) < 0.5


@pytest.mark.parametrize("name", ["mu_fidelity", "sensitivity_n"])
@pytest.mark.parametrize("which", ["scores", "attributions", "equal"])
def test_what_does_not_vary_has_no_correlation(name: str, which: str) -> None:
    image, baseline, factors = images()
    attributions = {
        "scores": factors,
        "attributions": np.zeros_like(image),
        "equal": np.full_like(image, 0.1),
    }[which]
    network = linear(SHAPE, 0.0 if which == "scores" else factors)
    subject = subject_of(image, attributions, baseline=baseline)
    found = measured(name, subject, network, features="pixels")
    assert found.value is None
    assert len(found.warnings) == 1
    assert "the same for all subsets" in found.warnings[0]


def test_cells_cover_the_image_evenly() -> None:
    found = features_of((4, 5, 2), "cells", 3)
    rows, columns = [0, 0, 1, 2], [0, 0, 1, 1, 2]
    expected = [[[3 * row + column] * 2 for column in columns] for row in rows]
    np.testing.assert_array_equal(found, expected)
    assert features_of((2, 3, 1), "cells", 9).max() == 5


def test_a_subset_is_the_same_whenever_it_is_drawn() -> None:
    image, baseline, _ = images()
    features = features_of(SHAPE, "pixels", 1)
    subsets = RandomSubsets(image, baseline, features, [5] * 3, seeds(0, image, "x", 3))
    every, again = np.empty((3, *SHAPE), np.float32), np.empty((1, *SHAPE), np.float32)
    subsets.write(range(3), every)
    subsets.write(range(2, 3), again)
    first, _, last = every
    np.testing.assert_array_equal(again[0], last)
    assert not np.array_equal(first, last)
    assert np.count_nonzero((last != image).any(-1)) == 5
