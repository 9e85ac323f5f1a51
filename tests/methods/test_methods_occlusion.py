"""Occlusion against loops over windows and pixels."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import igcli
from igcli.methods import MethodOptions, Task
from support.networks import ClosedForm, Separable
from support.subjects import (
    SHAPE,
    Double,
    Subject,
    assert_close,
    closed_form,
    explain,
    pixels,
    task,
)


def windows(side: int, size: int, stride: int) -> list[range]:
    """Return windows from 0 on until one reaches the end, by adding one at a time."""
    found = [range(min(size, side))]
    while found[-1].stop < side:
        start = found[-1].start + stride
        found.append(range(start, min(start + size, side)))
    return found


def slow(subject: Subject, hidden: Double, size: int, stride: int) -> Double:
    """Return the mean fall of the score over the windows with each pixel, shared by channels."""
    image = pixels(1).astype(np.float64)
    falls: dict[tuple[int, int], list[float]] = {
        place: [] for place in itertools.product(range(SHAPE[0]), range(SHAPE[1]))
    }
    for rows, columns in itertools.product(*(windows(side, size, stride) for side in SHAPE[:2])):
        occluded = image.copy()
        for place in itertools.product(rows, columns):
            occluded[place] = hidden[place]
        fall = subject.score(image) - subject.score(occluded)
        for place in itertools.product(rows, columns):
            falls[place].append(fall)
    result = np.zeros(SHAPE)
    for place, at_place in falls.items():
        result[place] = sum(at_place) / len(at_place) / SHAPE[2]
    return result


@pytest.mark.parametrize(
    ("own", "size", "stride"),
    [
        ({"size": 3, "stride": 2}, 3, 2),
        ({"size": 3}, 3, 2),
        ({"size": 4, "stride": 3}, 4, 3),
        ({"size": 1}, 1, 1),
        ({}, 15, 8),  # One window, of the whole image.
    ],
)
def test_occlusion_is_the_mean_fall_over_the_windows_of_a_pixel(
    own: dict[str, int], size: int, stride: int, subject: Subject
) -> None:
    explanation = explain("occlusion", subject, occlusion=own)
    expected = slow(subject, pixels(2).astype(np.float64), size, stride)
    assert_close(explanation.attributions, expected)
    assert explanation.evaluations == 0
    counts = [len(windows(side, size, stride)) for side in SHAPE[:2]]
    assert explanation.predictions == 1 + counts[0] * counts[1]
    assert explanation.completeness_error is None


def test_occlusion_by_a_value_does_not_depend_on_the_baseline(subject: Subject) -> None:
    own = {"size": 2, "stride": 1, "value": 90.5}
    explanation = explain("occlusion", subject, occlusion=own)
    assert_close(explanation.attributions, slow(subject, np.full(SHAPE, 90.5), 2, 1))
    white = replace(task(subject), baseline=np.full(SHAPE, 255, np.float32))
    other = explain("occlusion", subject, at=white, occlusion=own)
    np.testing.assert_array_equal(other.attributions, explanation.attributions)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 3), (7, 2, 1)])
def test_single_pixels_of_a_sum_get_what_they_add(shape: tuple[int, ...]) -> None:
    network = Separable(shape, lambda x: 3 * x, lambda x: np.full_like(x, 3))
    image = np.random.default_rng(3).uniform(0, 255, shape).astype(np.float32)
    at = Task(image, np.full_like(image, 10), 0, score=float(3 * image.sum()))
    subject = Subject(network, 0, lambda x: (float(3 * x.sum()), np.full(shape, 3.0)))
    explanation = explain("occlusion", subject, at=at, occlusion={"size": 1})
    expected = 3 * (image.astype(np.float64) - 10)
    assert_close(explanation.attributions.sum(-1), expected.sum(-1), 1e-3)


def test_windows_share_full_batches() -> None:
    subject = closed_form()
    explanation = explain("occlusion", subject, occlusion={"size": 1})
    assert isinstance(subject.network, ClosedForm)
    assert explanation.predictions == 31
    assert subject.network.predictions == 4  # Batches of 8, where fewer than 32 are pending.


@pytest.mark.parametrize("method", ["occlusion", "rise", "xrai"])
def test_inputs_without_height_and_width_are_refused(method: str) -> None:
    with pytest.raises(ValueError, match=rf"^{method}: expected an image \(H, W, C\), got .* \(4,"):
        igcli.attribute(lambda x: x**2, np.ones((2, 4)), method=method)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"size": 3, "stride": 4}, "4 leaves pixels out between windows of 3; use 1 to 3"),
        ({"size": 0}, "greater than or equal to 1"),
        ({"value": float("nan")}, "finite"),
    ],
)
def test_bad_options_are_refused(own: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MethodOptions.model_validate({"occlusion": own})
