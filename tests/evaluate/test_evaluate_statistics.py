"""Statistics of metrics, against enumeration, SciPy and the normal distribution."""

import itertools
import json
import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from igcli.evaluate.statistics import (
    FEWEST_IMAGES,
    Difference,
    Interval,
    Statistics,
    Summary,
    statistics_of,
)

Column = Sequence[float | None]


def computed(
    columns: Mapping[str, Column], *, higher: bool | None = True, seed: int = 0
) -> Statistics:
    values = {
        name: {f"{i}.png": value for i, value in enumerate(column)}
        for name, column in columns.items()
    }
    return statistics_of(values, ("random", "edges"), higher_is_better=higher, seed=seed)


def difference(found: Statistics, first: str, second: str) -> Difference:
    return next(d for d in found.differences if (d.first, d.second) == (first, second))


def interval(summary: Summary) -> Interval:
    assert summary.interval is not None
    return summary.interval


def test_mean_and_median() -> None:
    column = [0.1, 0.2, 0.4, 0.9]
    summary = computed({"a": column}).summaries["a"]
    assert summary.images == 4
    assert summary.mean == pytest.approx(statistics.fmean(column), rel=1e-15)
    assert summary.median == pytest.approx(statistics.median(column), rel=1e-15)


def test_the_interval_is_that_of_all_possible_resamples() -> None:
    column = [0.0, 1.0, 2.0, 5.0]
    means = sorted(sum(drawn) / 4 for drawn in itertools.product(column, repeat=4))
    low, high = (np.quantile(means, q) for q in (0.025, 0.975))
    found = interval(computed({"a": column}).summaries["a"])
    # The means are multiples of 1/4: a sample of them has the same percentile or its neighbour.
    assert found.low == pytest.approx(low, abs=0.251)
    assert found.high == pytest.approx(high, abs=0.251)


def test_the_interval_is_that_of_scipy_up_to_the_resamples() -> None:
    column = list(np.random.default_rng(1).exponential(size=60))
    expected = stats.bootstrap(
        (column,), np.mean, n_resamples=20_000, method="percentile", rng=2
    ).confidence_interval
    found = interval(computed({"a": column}).summaries["a"])
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.05 * width)
    assert found.high == pytest.approx(expected.high, abs=0.05 * width)


def test_the_interval_of_many_images_is_that_of_the_normal_distribution() -> None:
    column = np.random.default_rng(4).uniform(size=20_000)  # More than fit into a chunk at once.
    found = interval(computed({"a": list(column)}).summaries["a"])
    half = 1.96 * math.sqrt(1 / 12 / 20_000)
    assert found.low == pytest.approx(column.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(column.mean() + half, abs=0.1 * half)


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(2)
    images = rng.normal(0, 100, 30)  # Images differ much more than methods do.
    found = computed({"a": list(images + rng.normal(0.5, 0.1, 30)), "random": list(images)})
    pair = difference(found, "a", "random")
    assert pair.beats is True
    assert pair.summary.mean == pytest.approx(0.5, abs=0.1)
    assert interval(pair.summary).high - interval(pair.summary).low < 0.2
    own = interval(found.summaries["a"])
    assert own.high - own.low > 30


def test_every_method_is_compared_with_every_other_and_every_control() -> None:
    column = [1.0, 2.0]
    found = computed({"random": column, "a": column, "edges": column, "b": column})
    assert {(d.first, d.second) for d in found.differences} == {
        ("a", "b"),
        *itertools.product("ab", ("random", "edges")),
    }


@pytest.mark.parametrize(("higher", "beats"), [(True, True), (False, False), (None, None)])
def test_the_direction_says_what_beats(higher: bool | None, beats: bool | None) -> None:
    column = [1.0, 1.5, 1.25, 1.0, 2.0, 1.5, 1.75]
    found = computed({"a": column, "random": [0.5] * 7}, higher=higher)
    assert difference(found, "a", "random").beats is beats
    assert found.unbeaten == ([difference(found, "a", "random")] if beats is False else [])


def test_methods_get_no_verdict_on_each_other() -> None:
    found = computed({"a": [1.0] * 9, "b": [0.0] * 9})
    assert difference(found, "a", "b").beats is None
    assert difference(found, "a", "b").summary.interval == Interval(1.0, 1.0)


def test_equal_values_do_not_beat() -> None:
    column = [0.1, 0.7, 0.3, 0.3, 0.9, 0.2, 0.6]
    found = computed({"a": column, "edges": column})
    assert difference(found, "a", "edges").summary.interval == Interval(0.0, 0.0)
    assert difference(found, "a", "edges").beats is False


@pytest.mark.parametrize("size", range(FEWEST_IMAGES + 1))
def test_few_images_get_no_verdict(size: int) -> None:
    found = computed({"a": [1.0] * size, "random": [0.0] * size})
    assert difference(found, "a", "random").beats is (True if size >= FEWEST_IMAGES else None)


@pytest.mark.parametrize("size", [2, 3, 7, 1000])
def test_constant_values_have_an_interval_of_no_width(size: int) -> None:
    summary = computed({"a": [0.1] * size}).summaries["a"]
    assert (summary.mean, summary.median) == (0.1, 0.1)
    assert summary.interval == Interval(0.1, 0.1)


def test_one_value_has_no_interval() -> None:
    found = computed({"a": [None, 0.25, None], "b": [None, None, None], "c": []})
    assert found.summaries["a"] == Summary(1, 0.25, 0.25, None)
    assert found.summaries["b"] == found.summaries["c"] == Summary(0, None, None, None)


def test_undefined_values_are_left_out() -> None:
    rng = np.random.default_rng(8)
    first: list[float | None] = list(rng.normal(3, 1, 40))
    second: list[float | None] = list(rng.normal(0, 1, 40))
    gaps = computed({"a": [*first, None, None, 7.0], "random": [*second, 5.0, None, None]})
    whole = computed({"a": first, "random": second})
    pairs = [difference(found, "a", "random").summary for found in (gaps, whole)]
    assert pairs[0].images == 40
    assert pairs[0].mean == pytest.approx(pairs[1].mean, rel=1e-12)
    assert interval(pairs[0]).low == pytest.approx(interval(pairs[1]).low, abs=0.1)
    assert gaps.summaries["a"].images == 41


def test_the_order_of_images_does_not_matter() -> None:
    values = {"a": {f"{i}": float(i * i % 7) for i in range(20)}}
    turned = {"a": dict(reversed(values["a"].items()))}
    found = [statistics_of(v, (), higher_is_better=True, seed=3) for v in (values, turned)]
    assert found[0] == found[1]
    assert found[0] != statistics_of(values, (), higher_is_better=True, seed=4)


def test_nothing_is_no_statistics() -> None:
    assert statistics_of({}, (), higher_is_better=True, seed=0) == Statistics(0, {}, [], ())


def test_records_are_json() -> None:
    found = computed({"a": [1.0, 1.0], "random": [0.5, None]})
    assert json.loads(json.dumps(found.summaries["a"].record())) == {
        "images": 2,
        "mean": 1.0,
        "median": 1.0,
        "interval": [1.0, 1.0],
    }
    assert json.loads(json.dumps(difference(found, "a", "random").record())) == {
        "first": "a",
        "second": "random",
        "images": 1,
        "mean": 0.5,
        "median": 0.5,
        "interval": None,
        "beats": None,
    }
