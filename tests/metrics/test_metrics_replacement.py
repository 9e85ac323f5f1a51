"""Deletion and insertion, where the curves are known."""

from typing import Any

import numpy as np
import pytest

from igcli import metrics
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._shared import ReplacedPixels, positions_in_order
from igcli.pipeline.engine.engine import Engine
from igcli.records import Array
from support.networks import Separable

SHAPE = (5, 8, 3)


def linear() -> Separable:
    """A network whose score is the sum of all values."""
    return Separable(SHAPE, lambda x: x, np.ones_like)


def subject(image: Array, attributions: Array) -> Subject:
    zero = np.zeros_like(image)
    return Subject(image, zero, attributions, 0, float(image.sum()), 0.0, complete=True)


def measured(name: str, one: Subject, options: MetricOptions | None = None) -> Measurement:
    job = metrics.measure(name, one, options or MetricOptions())
    return next(Engine(linear(), batch_size=4).run([job]))


def images() -> tuple[Array, Array]:
    rng = np.random.default_rng(3)
    image = rng.uniform(0, 255, SHAPE).astype(np.float32)
    return image, rng.normal(size=SHAPE).astype(np.float32)


@pytest.mark.parametrize("steps", [1, 7, 50])
def test_deletion_is_the_area_under_what_is_left(steps: int) -> None:
    image, attributions = images()
    order = sorted(range(40), key=lambda i: -float(attributions.reshape(40, 3)[i].sum()))
    counts = [round(step * 40 / steps) for step in range(steps + 1)]
    pixels = image.reshape(40, 3).astype(np.float64)
    left = [pixels[order[count:]].sum() for count in counts]
    expected = sum(
        (left[i] + left[i + 1]) / 2 * (counts[i + 1] - counts[i]) / 40 for i in range(steps)
    )
    options = MetricOptions.model_validate({"deletion": {"steps": steps}})
    found = measured("deletion", subject(image, attributions), options)
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert found.curve is not None
    np.testing.assert_allclose(found.curve.scores, left, rtol=1e-6, atol=1e-3)


def test_of_all_orders_that_by_value_deletes_a_linear_score_fastest() -> None:
    image, attributions = images()
    best = measured("deletion", subject(image, image)).value
    others = [measured("deletion", subject(image, other)).value for other in (attributions, -image)]
    assert best is not None
    assert all(other is not None and best < other for other in others)


def test_insertion_into_black_is_the_mirror_of_deletion() -> None:
    image, attributions = images()
    options: Any = MetricOptions.model_validate({"insertion": {"fill": "black"}})
    one = subject(image, attributions)
    deletion, insertion = measured("deletion", one), measured("insertion", one, options)
    assert deletion.value is not None
    assert insertion.value == pytest.approx(float(image.sum()) - deletion.value, rel=1e-6)


def test_insertion_starts_from_the_blurred_image() -> None:
    image, attributions = images()
    # Weights of a Gaussian of 10 pixels, cut off at 40, borders reflected: by hand.
    offsets = np.arange(-40, 41)
    weights = np.exp(-0.5 * (offsets / 10.0) ** 2)
    weights /= weights.sum()

    def reflected(index: int, size: int) -> int:
        index %= 2 * size
        return index if index < size else 2 * size - 1 - index

    def blurred(values: Any, axis: int) -> Any:
        size = values.shape[axis]
        rows = [
            sum(
                weight * np.take(values, reflected(i + int(offset), size), axis)
                for offset, weight in zip(offsets, weights, strict=True)
            )
            for i in range(size)
        ]
        return np.stack(rows, axis)

    expected = blurred(blurred(image.astype(np.float64), 0), 1).sum()
    curve = measured("insertion", subject(image, attributions)).curve
    assert curve is not None
    assert curve.scores[0] == pytest.approx(expected, rel=1e-6)
    assert curve.scores[-1] == pytest.approx(float(image.sum(dtype=np.float64)), rel=1e-6)


def test_equal_attributions_are_taken_in_the_order_of_positions() -> None:
    image, _ = images()
    options = MetricOptions.model_validate({"deletion": {"steps": 40}})
    curve = measured("deletion", subject(image, np.zeros_like(image)), options).curve
    assert curve is not None
    removed = np.cumsum(image.reshape(40, 3).sum(1, dtype=np.float64))
    np.testing.assert_allclose(
        curve.scores[1:], image.sum(dtype=np.float64) - removed, rtol=1e-5, atol=1e-2
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("indices", [range(5), range(3, 5), range(4, 5)])
def test_variants_are_the_same_wherever_a_batch_begins(channels: int, indices: range) -> None:
    rng = np.random.default_rng(4)
    image, replacement = rng.uniform(0, 255, (2, 5, 8, channels)).astype(np.float32)
    order, counts = rng.permutation(40), np.array([0, 0, 7, 7, 40])
    variants = ReplacedPixels(image, replacement[::-1], order, counts)
    out = np.full((len(indices), *image.shape), np.nan, np.float32)
    variants.write(indices, out)
    for index, variant in zip(indices, out, strict=True):
        is_replaced = np.isin(np.arange(40), order[: counts[index]]).reshape(5, 8, 1)
        np.testing.assert_array_equal(variant, np.where(is_replaced, replacement[::-1], image))


def test_the_order_is_stable_and_of_all_bits() -> None:
    rng = np.random.default_rng(5)
    tiny = np.nextafter(1.0, 2.0)
    for values in (
        rng.normal(size=1000) * 10.0 ** rng.integers(-300, 300, 1000),
        rng.integers(-2, 3, 70_000).astype(np.float64),
        np.array([0.0, -0.0, 1.0, tiny, -1.0, -tiny, np.inf, -np.inf, 5e-324, -5e-324, -0.0, 0.0]),
        np.zeros(7),
    ):
        expected = sorted(range(values.size), key=lambda at: (values[at], at))
        np.testing.assert_array_equal(positions_in_order(values), expected)
