"""Metrics that need no network, against slow loops and closed forms."""

import math

import numpy as np
import pytest

from igcli.records import Array
from support.measuring import measured, subject_of

SHAPE = (9, 12, 3)
MASKED = ("mass_inside", "pointing_game", "rank_inside")


def attributions(seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32)


def mask() -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
    inside = np.zeros(SHAPE[:2], np.bool_)
    inside[2:6, 3:9] = True
    inside[5, 8] = False
    return inside


def value_of(name: str, values: Array, **changes: float | str) -> float | None:
    image = np.ones(SHAPE, np.float32)
    found = measured(name, subject_of(image, values, mask=mask()), **changes)
    assert (found.value is None) == bool(found.warnings)
    return found.value


def sums_of(values: Array) -> dict[tuple[int, int], float]:
    return {
        (row, column): math.fsum(float(value) for value in values[row, column])
        for row in range(SHAPE[0])
        for column in range(SHAPE[1])
    }


@pytest.mark.parametrize("seed", range(4))
def test_mass_inside(seed: int) -> None:
    values = attributions(seed)
    sums, inside = sums_of(values), mask()
    positive = {at: value for at, value in sums.items() if value > 0}
    expected = math.fsum(v for at, v in positive.items() if inside[at]) / math.fsum(
        positive.values()
    )
    assert value_of("mass_inside", values) == pytest.approx(expected, rel=1e-12)
    within, total = 0.0, 0.0  # As in Quantus, with abs=True.
    for at, value in sums.items():
        total += abs(value)
        within += abs(value) if inside[at] else 0.0
    found = value_of("mass_inside", values, part="absolute")
    assert found == pytest.approx(within / total, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_rank_inside(seed: int) -> None:
    values = attributions(seed)
    sums, inside = sums_of(values), mask()
    size = int(inside.sum())
    best = sorted(sums, key=lambda at: sums[at])[-size:]  # As in Quantus: ascending, the last K.
    assert value_of("rank_inside", values) == pytest.approx(sum(inside[at] for at in best) / size)


def test_rank_inside_takes_equal_attributions_by_position() -> None:
    values = np.zeros(SHAPE, np.float32)
    values[8, 11] = 1.0  # The first, outside; then 22 of the pixels that are all 0, from the top.
    inside = mask()
    expected = inside.reshape(-1)[:22].sum() / 23
    assert value_of("rank_inside", values) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("point", "tolerance", "hits"),
    [
        ((3, 4), 0, True),
        ((1, 4), 0, False),
        ((1, 4), 1, True),
        ((6, 8), 1, False),  # The corner of the object is missing.
        ((6, 8), 1.42, True),
        ((8, 11), 15, True),
        ((0, 0), 3.6, False),  # sqrt(13) = 3.606
        ((0, 0), 3.61, True),
    ],
)
def test_pointing_game(point: tuple[int, int], tolerance: float, *, hits: bool) -> None:
    values = np.abs(attributions())
    values[point] = 50.0
    assert value_of("pointing_game", values, tolerance=tolerance) == float(hits)


def test_the_pointing_game_allows_15_pixels() -> None:
    inside = np.zeros((40, 40), np.bool_)
    inside[5, 5] = True
    image = np.ones((40, 40, 1), np.float32)
    for column, expected in ((20, 1.0), (21, 0.0)):
        values = np.zeros_like(image)
        values[5, column] = 1.0
        found = measured("pointing_game", subject_of(image, values, mask=inside))
        assert found.value == expected


def test_a_pixel_of_opposed_channels_does_not_count() -> None:
    values = np.zeros(SHAPE, np.float32)
    values[3, 4] = (100.0, -100.0, 0.5)  # Inside, of sum 0.5.
    values[0, 0, 1] = 0.75
    assert value_of("pointing_game", values, tolerance=0) == 0.0
    assert value_of("mass_inside", values) == pytest.approx(0.5 / 1.25)


@pytest.mark.parametrize("name", MASKED)
def test_metrics_of_masks_are_undefined_without_an_inside_and_outside(name: str) -> None:
    image = np.ones(SHAPE, np.float32)
    empty = np.zeros(SHAPE[:2], np.bool_)
    reasons = set()
    for masked in (empty, ~empty):
        found = measured(name, subject_of(image, attributions(), mask=masked))
        assert found.value is None
        reasons |= {*found.warnings}
    zero = np.zeros(SHAPE, np.float32)
    found = measured(name, subject_of(image, zero, mask=mask()))
    assert found.value is None
    assert len(reasons | {*found.warnings}) == 3
    found = measured(name, subject_of(image, attributions()))
    assert (found.value, found.warnings) == (None, ())


def test_mass_inside_is_undefined_without_positive_attributions() -> None:
    values = -np.abs(attributions())
    assert value_of("mass_inside", values) is None
    assert value_of("mass_inside", values, part="absolute") is not None


@pytest.mark.parametrize("seed", range(4))
def test_sparseness_is_the_gini_index(seed: int) -> None:
    values = attributions(seed)
    magnitudes = [abs(value) for value in sums_of(values).values()]
    # The mean difference of all pairs, over twice the mean: the definition.
    pairs = math.fsum(abs(a - b) for a in magnitudes for b in magnitudes)
    expected = pairs / (2 * len(magnitudes) * math.fsum(magnitudes))
    assert value_of("sparseness", values) == pytest.approx(expected, rel=1e-12)
    # Quantus's, which adds 1e-7 to magnitudes of at most 1.
    shifted = sorted(value / max(magnitudes) + 1e-7 for value in magnitudes)
    size = len(shifted)
    quantus = sum((2 * i - size - 1) * a for i, a in enumerate(shifted, 1)) / size / sum(shifted)
    assert value_of("sparseness", values) == pytest.approx(quantus, rel=1e-5)


def test_sparseness_of_equal_attributions_and_of_a_single_one() -> None:
    values = np.full(SHAPE, -0.125, np.float32)
    assert value_of("sparseness", values) == pytest.approx(0.0, abs=1e-12)
    values[:] = 0.0
    assert value_of("sparseness", values) is None
    values[4, 5, 1] = 3e-30
    assert value_of("sparseness", values) == pytest.approx(1 - 1 / 108, rel=1e-12)


def test_completeness_is_the_gap_between_sum_and_change() -> None:
    values = attributions() + 1
    total = math.fsum(sums_of(values).values())
    image = np.ones(SHAPE, np.float32)
    for score, baseline_score in ((total, 0.0), (0.5, -0.25), (-2.0, 7.0)):
        known = {"score": score, "baseline_score": baseline_score}
        change = score - baseline_score
        found = measured("completeness", subject_of(image, values, **known))
        assert found.value == pytest.approx(abs(total / change - 1), rel=1e-9, abs=1e-9)
        assert measured("completeness", subject_of(image, 2 * values, **known)).value == (
            pytest.approx(abs(2 * total / change - 1), rel=1e-9)
        )


def test_completeness_is_undefined_without_a_change_or_a_promise() -> None:
    image = np.ones(SHAPE, np.float32)
    for gap, is_defined in ((0.0, False), (9e-7, False), (1.1e-6, True)):
        known = {"score": gap, "baseline_score": 0.0}
        found = measured("completeness", subject_of(image, attributions(), **known))
        assert (found.value is not None) == is_defined
        assert len(found.warnings) == (0 if is_defined else 1)
    found = measured("completeness", subject_of(image, attributions(), complete=False))
    assert found.value is None
    assert found.warnings == ()
