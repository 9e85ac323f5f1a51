"""RISE against TensorFlow's resizing, mask by mask."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from igcli.integration.randomness import generator
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


def masks(image: Any, count: int, cells: int, probability: float) -> Double:
    """Return masks (count, H, W) as the paper describes them, drawn as the method draws."""
    sides = [-(-side // cells) for side in image.shape[:2]]
    random, shifts = (generator(5, image, name) for name in ("rise", "rise shifts"))
    grids = random.random((count, cells, cells), np.float32) < probability
    corners = shifts.integers(0, sides, (count, 2))
    found = []
    for grid, (down, across) in zip(grids, corners, strict=True):
        size = [(cells + 1) * side for side in sides]
        large = tf.image.resize(grid.astype(np.float64)[..., None], size, method="bilinear")
        found.append(large[down : down + image.shape[0], across : across + image.shape[1], 0])
    return np.stack(found).astype(np.float64)


@pytest.mark.parametrize(
    ("own", "cells", "probability"),
    [
        ({}, 7, 0.5),  # More cells than pixels.
        ({"cells": 2}, 2, 0.5),
        ({"cells": 3, "probability": 0.2}, 3, 0.2),
        ({"cells": 1, "probability": 0.9}, 1, 0.9),
    ],
)
def test_rise_is_the_mean_of_masks_times_the_scores_under_them(
    own: dict[str, Any], cells: int, probability: float, subject: Subject
) -> None:
    explanation = explain("rise", subject, rise={"masks": 50, **own})
    image, baseline = pixels(1), pixels(2).astype(np.float64)
    expected = np.zeros(SHAPE)
    for mask in masks(image, 50, cells, probability)[..., None]:
        score = subject.score(baseline + mask * (image - baseline))
        expected += score * mask / SHAPE[2]
    assert_close(explanation.attributions, expected / (50 * probability))
    assert (explanation.evaluations, explanation.predictions) == (0, 50)


def test_rise_does_not_depend_on_how_many_masks_are_added_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = explain("rise", closed_form(), rise={"masks": 60})
    monkeypatch.setattr("igcli.methods.rise.SUMMED_MASKS", 7)
    parts = explain("rise", closed_form(), rise={"masks": 60})
    assert_close(parts.attributions, whole.attributions.astype(np.float64), 1e-6)


def test_the_seed_chooses_the_masks() -> None:
    first, same = (explain("rise", closed_form(), rise={"masks": 20}) for _ in range(2))
    np.testing.assert_array_equal(first.attributions, same.attributions)
    other = explain("rise", closed_form(), rise={"masks": 20}, seed=6)
    assert not np.array_equal(first.attributions, other.attributions)


@pytest.mark.parametrize("shape", [(28, 28, 1), (1, 1, 1), (3, 40, 3)])
def test_rise_finds_the_only_pixel_that_counts(shape: tuple[int, ...]) -> None:
    place = (shape[0] // 2, shape[1] // 3)
    only = np.zeros(shape)
    only[place] = 1
    network = Separable(shape, lambda x: only * x, lambda x: only + 0 * x)
    image = np.full(shape, 100, np.float32)
    at = Task(image, np.zeros(shape, np.float32), 0, score=100.0 * shape[2])
    subject = Subject(network, 0, lambda x: (float((only * x).sum()), only))
    found = explain("rise", subject, at=at, rise={"masks": 3000, "cells": 4}).attributions.sum(-1)
    assert np.isfinite(found).all()
    if found.size > 1:  # Masks are smooth: its neighbours are about as high.
        highest = np.unravel_index(found.argmax(), found.shape)
        assert np.abs(np.subtract(highest, place)).max() <= 1
    # At the pixel itself: score E[M^2] / E[M], M a mean of Bernoulli variables of variance 1/4.
    assert 50 * shape[2] < found[place] <= 100 * shape[2]
    far = np.abs(found[0, -1] / (50 * shape[2]) - 1)  # Independent of it: the mean score, E[M] 100.
    assert far < 0.1 or found.size == 1


def test_pictures_show_what_is_above_the_smallest_value() -> None:
    explanation = explain("rise", closed_form(), rise={"masks": 30})
    lowest = min(float(value) for value in explanation.attributions.flat)
    assert lowest > 0
    assert_close(explanation.displayed, explanation.attributions.astype(np.float64) - lowest)


def test_masks_fill_batches() -> None:
    subject = closed_form()
    explain("rise", subject, rise={"masks": 128})
    assert isinstance(subject.network, ClosedForm)
    assert subject.network.predictions == 4


def test_everything_is_hidden_in_favour_of_the_baseline() -> None:
    subject = closed_form()
    white = replace(task(subject), baseline=pixels(1))
    explanation = explain("rise", subject, at=white, rise={"masks": 400})
    # The image under any mask is the image: the score times the mean mask over 1/2.
    mean = masks(pixels(1), 400, 7, 0.5).mean(0) * 2
    assert_close(explanation.attributions.sum(-1), mean * subject.score(pixels(1).astype(float)))


@pytest.mark.parametrize("own", [{"masks": 0}, {"cells": 0}, {"probability": 1.0}])
def test_bad_options_are_refused(own: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MethodOptions.model_validate({"rise": own})
