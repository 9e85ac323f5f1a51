"""The verdict: on the network whose layers are all randomized, and never on what is flat."""

from collections.abc import Sequence

import pytest

from igcli.records import Source
from igcli.sanity import randomization
from igcli.sanity.similarity import UNDEFINED, Similarity
from igcli.sanity.stages import Mode, Stage
from igcli.sanity.summary import Row, Summary

LAYERS = ("top", "middle", "low", "lowest")

FLAT: float | None = None


def summary(
    correlations: Sequence[float | None],
    *,
    mode: Mode = "cascading",
    ssim: float = 0.1,
    images: int = 2,
) -> Summary:
    """Return the summary of a method whose mean rank correlations at the stages are given."""
    rows = []
    for number, value in enumerate(correlations, 1):
        mean = UNDEFINED if value is None else Similarity(value, abs(value), ssim)
        stage = Stage(mode, number, LAYERS[number - 1])
        rows.append(Row("gradients", stage, mean, images, images * (value is None), 0.5))
    return Summary(LAYERS, [randomization.TestedImage(Source("a.png", "a.png"))], rows, {})


def verdict(tested: Summary) -> str:
    """Return the only line, passed or not."""
    [line] = [*tested.findings(), *tested.changes()]
    return line.partition(": ")[2]


def test_what_counts_is_the_network_that_is_random_as_a_whole() -> None:
    passed = summary([0.9, 0.8, 0.7, 0.25])
    assert passed.passed
    assert verdict(passed) == (
        "passed: the attributions depend on the weights: with 4 of 4 layers randomized, rank "
        "correlation is 0.2500 (limit 0.5) and SSIM is 0.1000 (limit 0.5)"
    )
    # Lower on the way: with all layers randomized they are similar again.
    failed = summary([0.1, -0.3, 0.2, 0.75])
    assert not failed.passed
    assert verdict(failed) == (
        "the attributions do not change: with 4 of 4 layers randomized, rank correlation is "
        "0.7500, above 0.5"
    )
    assert failed.record()["findings"] == failed.findings()


def test_both_figures_have_to_stay_within_their_limits() -> None:
    assert verdict(summary([0.2, 0.1, 0.1, 0.0], ssim=0.625)).endswith(
        "layers randomized, SSIM is 0.6250, above 0.5"
    )


@pytest.mark.parametrize(
    ("correlations", "middle", "passes"),
    [
        # A branch beside a shortcut changes little, whichever method is right.
        ([0.1, 0.9, 0.2, 0.95], 0.55, False),
        ([0.1, 0.9, 0.2, 0.3], 0.25, True),
        ([0.9, FLAT, 0.2, 0.3], 0.3, True),
    ],
)
def test_of_layers_one_at_a_time_the_median_counts(
    correlations: Sequence[float | None], middle: float, passes: bool
) -> None:
    tested = summary(correlations, mode="independent")
    assert tested.passed is passes
    assert (
        f"with one layer randomized at a time, median rank correlation is {middle:.4f}"
        in verdict(tested)
    )


def test_a_stage_that_is_flat_is_not_judged_but_named() -> None:
    line = verdict(summary([0.4, 0.3, 0.6, FLAT]))
    assert line == (
        "the attributions do not change: with 3 of 4 layers randomized (with more, the "
        "attributions are flat), rank correlation is 0.6000, above 0.5"
    )


@pytest.mark.parametrize("mode", ["cascading", "independent"])
def test_attributions_that_are_always_flat_do_not_pass(mode: Mode) -> None:
    tested = summary([FLAT] * 4, mode=mode)
    assert not tested.passed
    assert "the attributions are flat (one value everywhere)" in verdict(tested)


def test_images_that_the_randomized_networks_cannot_attribute_are_not_called_flat() -> None:
    tested = summary([FLAT] * 4, images=0)
    assert not tested.passed
    assert verdict(tested).startswith("no image could be attributed by the randomized networks")
