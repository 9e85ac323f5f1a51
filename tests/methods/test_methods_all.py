"""Every method against a slow calculation of its own, on a closed form and a small network."""

import functools
import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from igcli import methods
from igcli.errors import UsageError
from igcli.integration.randomness import generator
from igcli.methods import METHODS, MethodOptions, Task
from igcli.records import Explanation
from support.networks import ClosedForm
from support.subjects import (
    SHAPE,
    Double,
    Subject,
    assert_close,
    closed_form,
    explain,
    pixels,
    small_network,
    task,
)


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segment images at a size closer to theirs, in less time."""
    monkeypatch.setattr("igcli.methods._segments.SIDE", 24)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_what_all_promise(name: str, subject: Subject) -> None:
    explanation = explain(name, subject)
    assert explanation.method == name
    assert explanation.attributions.shape == explanation.baseline.shape == SHAPE
    assert explanation.attributions.dtype == explanation.baseline.dtype == np.float32
    assert len(explanation.alphas) == len(explanation.scores)
    assert (np.diff(explanation.alphas) >= 0).all()
    assert explanation.score == pytest.approx(task(subject).score, rel=1e-4)
    assert methods.load(name).HEADING
    if not explanation.complete:
        assert explanation.completeness_error is None


@pytest.mark.parametrize("name", METHODS)
def test_no_method_depends_on_the_batch_size(name: str, subject: Subject) -> None:
    first = explain(name, subject, batch_size=7)
    for size in (1, 40):
        other = explain(name, subject, batch_size=size)
        assert_close(other.attributions, first.attributions.astype(np.float64), 1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_counts_its_gradients(name: str) -> None:
    counted = closed_form()
    explanation = explain(name, counted, batch_size=1)
    assert isinstance(counted.network, ClosedForm)
    assert sum(counted.network.batches) == explanation.evaluations


FROM_BASELINE = {name for name in METHODS if methods.load(name).USES_BASELINE}
MEAN_SCORES = {"rise"}
"""Methods whose attributions are scores of changed images, not differences between scores."""


@pytest.mark.parametrize("name", sorted(FROM_BASELINE - MEAN_SCORES))
def test_nothing_is_attributed_where_the_image_is_the_baseline(name: str) -> None:
    subject = closed_form()
    around = {"around": "integrated_gradients", "noise": 0.0}
    explanation = explain(name, subject, at=task(subject, baseline=pixels(1)), smoothgrad=around)
    assert not explanation.attributions.any()


@pytest.mark.parametrize(
    "name", ["integrated_gradients", "blur_integrated_gradients", "guided_integrated_gradients"]
)
def test_the_error_of_complete_methods_shrinks_with_the_steps(name: str) -> None:
    errors = [explain(name, closed_form(), steps=steps).completeness_error for steps in (25, 400)]
    assert errors[0] is not None
    assert errors[1] is not None
    assert errors[1] < min(0.03, errors[0] / 4)


def test_gradients_are_input_times_gradient(subject: Subject) -> None:
    explanation = explain("gradients", subject)
    image = pixels(1).astype(np.float64)
    assert_close(explanation.attributions, image * subject.gradient(image))
    assert explanation.evaluations == 1


@pytest.mark.parametrize("statistic", ["mean", "squared", "variance"])
@pytest.mark.parametrize("multiplied", [True, False])
@pytest.mark.parametrize("noise", [{"noise": 0.1}, {"noise_levels": 9.0}])
@pytest.mark.parametrize("around", ["gradients", "integrated_gradients"])
def test_smoothgrad_is_a_statistic_of_gradients_at_noisy_images(
    around: str, noise: dict[str, float], multiplied: bool, statistic: str, subject: Subject
) -> None:
    own = {"around": around, "samples": 12, "statistic": statistic, "multiply_by_input": multiplied}
    explanation = explain("smoothgrad", subject, smoothgrad={**own, **noise}, steps=4)
    image, baseline = pixels(1).astype(np.float64), pixels(2).astype(np.float64)
    random = generator(5, pixels(1), "smoothgrad")
    gradients = []
    for _ in range(12):
        deviation = noise.get("noise_levels", 0.1 * np.ptp(image))
        noisy = image + deviation * random.standard_normal(SHAPE, np.float32)
        if around == "gradients":
            gradients.append(subject.gradient(noisy))
            continue
        points = [baseline + step / 4 * (noisy - baseline) for step in range(5)]
        weights = [0.125, 0.25, 0.25, 0.25, 0.125]
        gradients.append(np.tensordot(weights, [subject.gradient(point) for point in points], 1))
    start = 0 * image if around == "gradients" else baseline
    factor = image - start if multiplied else np.ones(SHAPE)
    expected = {
        "mean": factor * np.mean(gradients, 0),
        "squared": factor**2 * np.mean(np.square(gradients), 0),
        "variance": factor**2 * np.var(gradients, 0),
    }
    assert_close(explanation.attributions, expected[statistic], 1e-3)
    assert explanation.completeness_error is None


def test_smoothgrad_gives_nothing_to_a_pixel_that_is_zero() -> None:
    network = ClosedForm(SHAPE)
    image = pixels(1)
    image[2, 3] = 0
    at = Task(image, np.zeros_like(image), 0, score=1.0, baseline_score=0.0)
    subject = Subject(network, 0, lambda x: (float((x**2).sum()), 2 * x))
    explanation = explain("smoothgrad", subject, at=at, smoothgrad={"samples": 4000, "noise": 0.1})
    assert not explanation.attributions[2, 3].any()
    # E[x 2 (x + n)] = 2 x**2 of a score that is the sum of squares.
    assert_close(explanation.attributions, 2 * image.astype(np.float64) ** 2, 0.03)


def test_saliency_is_the_magnitude_of_the_gradient(subject: Subject) -> None:
    explanation = explain("saliency", subject)
    expected = np.abs(subject.gradient(pixels(1).astype(np.float64)))
    assert_close(explanation.attributions, expected)
    assert_close(explanation.displayed, expected.max(-1))
    assert explanation.evaluations == 1
    assert explanation.completeness_error is None


@pytest.mark.parametrize("steps", [30, "auto"])
def test_gradients_alone_are_the_means_of_gradients(steps: int | str, subject: Subject) -> None:
    image, baseline = pixels(1).astype(np.float64), pixels(2).astype(np.float64)

    def alone(name: str, **own: Any) -> Explanation:
        groups: dict[str, Any] = {name: {"multiply_by_input": False, **own}}
        explanation = explain(name, subject, steps=steps, tolerance=0.01, **groups)
        assert not explanation.complete
        return explanation

    assert_close(alone("gradients").attributions, subject.gradient(image))
    straight = [baseline + (k + 0.5) / 400 * (image - baseline) for k in range(400)]
    mean = np.mean([subject.gradient(point) for point in straight], 0)
    assert_close(alone("integrated_gradients").attributions, mean, 0.02)
    sigmas = [3 * (1 - (k + 0.5) / 400) for k in range(400)]
    blurred = [ndimage.gaussian_filter(image, (sigma, sigma, 0)) for sigma in sigmas]
    mean = np.mean([subject.gradient(point) for point in blurred], 0)
    blur = alone("blur_integrated_gradients", max_sigma=3.0)
    assert_close(blur.attributions, mean, 0.02)
    starts = [pixels(10 + k % 3).astype(np.float64) for k in range(900)]
    drawn = [start + (k + 0.5) / 900 * (image - start) for k, start in enumerate(starts)]
    mean = np.mean([subject.gradient(point) for point in drawn], 0)
    expected = alone("expected_gradients", samples=900)
    assert_close(expected.attributions, mean, 0.1 if steps == "auto" else 0.03)


def test_gradients_alone_are_had_where_image_and_baseline_agree() -> None:
    subject = closed_form()
    baseline = pixels(2)
    baseline[1:3] = pixels(1)[1:3]
    for steps in (400, "auto"):
        explanation = explain(
            "integrated_gradients",
            subject,
            steps=steps,
            tolerance=0.001,
            at=task(subject, baseline=baseline),
            integrated_gradients={"multiply_by_input": False},
        )
        image, start = pixels(1).astype(np.float64), baseline.astype(np.float64)
        points = [start + (k + 0.5) / 400 * (image - start) for k in range(400)]
        assert_close(
            explanation.attributions,
            np.mean([subject.gradient(point) for point in points], 0),
            2e-3,
        )


def test_expected_gradients_are_the_mean_over_drawn_baselines(subject: Subject) -> None:
    explanation = explain("expected_gradients", subject, expected_gradients={"samples": 60})
    image = pixels(1).astype(np.float64)
    random = generator(5, pixels(1), "expected_gradients")
    chosen = np.concatenate([random.permutation(3) for _ in range(20)])
    total = np.zeros(SHAPE)
    alphas = [(place + chance) / 60 for place, chance in enumerate(random.uniform(size=60))]
    for which, alpha in zip(chosen, alphas, strict=True):
        start = pixels(10 + which).astype(np.float64)
        total += (image - start) * subject.gradient(start + alpha * (image - start))
    assert_close(explanation.attributions, total / 60, 1e-3)


@pytest.mark.parametrize("noise", [{"noise": 0.1}, {"noise_levels": 20.0}])
def test_expected_gradients_with_noise_around_the_baselines(noise: dict[str, float]) -> None:
    subject = closed_form()
    own = {"samples": 60, **noise}
    explanation = explain("expected_gradients", subject, expected_gradients=own)
    image = pixels(1).astype(np.float64)
    deviation = noise.get("noise_levels", 0.1 * np.ptp(image))
    random = generator(5, pixels(1), "expected_gradients")
    noises = generator(5, pixels(1), "expected_gradients noise")
    chosen = np.concatenate([random.permutation(3) for _ in range(20)])
    alphas = [(place + chance) / 60 for place, chance in enumerate(random.uniform(size=60))]
    total, score = np.zeros(SHAPE), 0.0
    for which, alpha in zip(chosen, alphas, strict=True):
        start = pixels(10 + which) + deviation * noises.standard_normal(SHAPE, np.float32)
        start = start.astype(np.float64)
        total += (image - start) * subject.gradient(start + alpha * (image - start))
        score += subject.score(start)
    assert_close(explanation.attributions, total / 60, 1e-3)
    assert explanation.baseline_score == pytest.approx(score / 60, rel=1e-4)


@pytest.mark.parametrize("tolerance", [0.05, 0.005])
def test_draws_are_added_until_expected_gradients_are_complete(tolerance: float) -> None:
    subject = closed_form()
    explanation = explain(
        "expected_gradients", subject, steps="auto", tolerance=tolerance, max_steps=20000
    )
    assert explanation.completeness_error is not None
    assert explanation.completeness_error <= tolerance
    assert not explanation.warnings
    assert explanation.evaluations % 48 == 0
    assert explanation.evaluations >= 96
    few = explain("expected_gradients", subject, steps="auto", tolerance=1e-6, max_steps=100)
    assert few.evaluations == 100
    assert "steps: auto stopped at max_steps (100): completeness error" in few.warnings[0]


def test_expected_gradients_tend_to_the_mean_of_integrated_gradients() -> None:
    network = ClosedForm(SHAPE)
    subject = Subject(network, 0, lambda x: (float((x**2).sum()), 2 * x))
    explanation = explain("expected_gradients", subject, expected_gradients={"samples": 6000})
    exact = [network.integrated(pixels(1), pixels(seed), 0) for seed in range(10, 13)]
    assert_close(explanation.attributions, np.mean(exact, 0), 0.03)
    assert explanation.completeness_error is not None
    assert explanation.completeness_error < 0.05


def test_blur_integrates_along_the_blurred_images(subject: Subject) -> None:
    own = {"max_sigma": 3.0}
    explanation = explain(
        "blur_integrated_gradients", subject, blur_integrated_gradients=own, steps=60
    )
    image = pixels(1).astype(np.float64)
    sigmas = [3.0 * (1 - step / 60) for step in range(61)]
    points = [ndimage.gaussian_filter(image, (s, s, 0)) if s else image for s in sigmas]
    total = np.zeros(SHAPE)
    for one, other in itertools.pairwise(points):
        total += (other - one) * (subject.gradient(one) + subject.gradient(other)) / 2
    assert_close(explanation.attributions, total, 1e-3)
    assert explanation.baseline_score == pytest.approx(subject.score(points[0]), rel=1e-4)


@pytest.mark.parametrize("sigma", [0.4, 1.5, 3.0, 40.0])
def test_blur_may_see_zeros_beyond_the_edges(sigma: float, subject: Subject) -> None:
    own = {"max_sigma": sigma, "edges": "zero"}
    explanation = explain(
        "blur_integrated_gradients", subject, blur_integrated_gradients=own, steps=8
    )
    image = pixels(1).astype(np.float64)
    sigmas = [sigma * (1 - step / 8) for step in range(9)]
    points = [
        ndimage.gaussian_filter(image, (s, s, 0), mode="constant") if s else image for s in sigmas
    ]
    total = np.zeros(SHAPE)
    for one, other in itertools.pairwise(points):
        total += (other - one) * (subject.gradient(one) + subject.gradient(other)) / 2
    assert_close(explanation.attributions, total, 1e-3)
    np.testing.assert_allclose(explanation.baseline, points[0], atol=1e-3)


@functools.cache
def finely_integrated_blur(subject: Subject, edges: str) -> Explanation:
    own = {"max_sigma": 3.0, "edges": edges}
    name = "blur_integrated_gradients"
    return explain(name, subject, batch_size=200, steps=1000, blur_integrated_gradients=own)


@pytest.mark.parametrize("tolerance", [0.05, 0.01, 0.001])
@pytest.mark.parametrize("edges", ["mirror", "zero"])
def test_blur_is_refined_to_the_tolerance(edges: str, tolerance: float, subject: Subject) -> None:
    own = {"max_sigma": 3.0, "edges": edges}
    options: dict[str, Any] = {"blur_integrated_gradients": own}
    explanation = explain(
        "blur_integrated_gradients", subject, steps="auto", tolerance=tolerance, **options
    )
    exact = finely_integrated_blur(subject, edges)
    assert explanation.completeness_error is not None
    assert explanation.completeness_error <= tolerance
    difference = np.linalg.norm(explanation.attributions - exact.attributions)
    assert difference <= 2 * tolerance * np.linalg.norm(exact.attributions)
    assert explanation.evaluations < 1000
    assert (np.diff(explanation.alphas) > 0).all()


def test_a_refined_blur_does_not_depend_on_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = small_network()
    options: dict[str, Any] = {"steps": "auto", "tolerance": 0.0005}
    own = {"max_sigma": 3.0}
    kept = explain("blur_integrated_gradients", subject, blur_integrated_gradients=own, **options)
    monkeypatch.setattr("igcli.integration.curved.KEPT", 2)
    again = explain("blur_integrated_gradients", subject, blur_integrated_gradients=own, **options)
    assert again.evaluations > kept.evaluations == len(kept.alphas)
    np.testing.assert_array_equal(again.alphas, kept.alphas)
    assert_close(again.attributions, kept.attributions.astype(np.float64), 1e-6)


def test_smoothgrad_with_auto_steps_takes_at_most_twice_the_gradients() -> None:
    subject = closed_form()
    own = {"around": "integrated_gradients", "samples": 5, "noise": 0.1}
    fixed = explain("smoothgrad", subject, smoothgrad=own, steps=50)
    auto = explain("smoothgrad", subject, smoothgrad=own, steps="auto", tolerance=0.02)
    assert not auto.warnings
    assert_close(auto.attributions, fixed.attributions.astype(np.float64), 0.04)
    hard = explain("smoothgrad", subject, smoothgrad=own, steps="auto", tolerance=1e-6)
    assert fixed.evaluations < hard.evaluations <= 2 * fixed.evaluations
    assert hard.warnings == ("steps: auto: 5 of 5 noisy copies are not within the tolerance",)


UNREFINED = [name for name in METHODS if methods.load(name).REFINABLE is False]


@pytest.mark.parametrize("name", UNREFINED)
def test_methods_that_cannot_be_refined_refuse_auto_steps(name: str) -> None:
    with pytest.raises(ValueError, match=f"steps: auto: {name} cannot be refined: give a number"):
        explain(name, closed_form(), steps="auto")
    with pytest.raises(UsageError, match=f"steps: auto: {name} cannot be refined; blur_int.* can:"):
        methods.check_steps([name], MethodOptions(steps="auto"))
    methods.check_steps(
        [method for method in METHODS if method not in UNREFINED], MethodOptions(steps="auto")
    )


def test_idgi_shares_out_each_change_by_squared_gradients(subject: Subject) -> None:
    explanation = explain("idgi", subject, steps=30)
    image, baseline = pixels(1).astype(np.float64), pixels(2).astype(np.float64)
    total = np.zeros(SHAPE)
    for step in range(30):
        here, there = (baseline + (step + k) / 30 * (image - baseline) for k in (0, 1))
        gradient = subject.gradient(here)
        change = subject.score(there) - subject.score(here)
        total += change * gradient**2 / (gradient**2).sum()
    assert_close(explanation.attributions, total, 1e-3)
    assert explanation.completeness_error is not None
    assert explanation.completeness_error < 1e-4


@pytest.mark.parametrize(("fraction", "distance"), [(0.25, 0.02), (0.1, 0.3), (1.0, 0.0)])
def test_guided_is_the_authors_algorithm(
    fraction: float, distance: float, subject: Subject
) -> None:
    own = {"fraction": fraction, "max_distance": distance}
    name = "guided_integrated_gradients"
    explanation = explain(name, subject, guided_integrated_gradients=own, steps=20)
    expected = guided(subject, 20, fraction, distance)
    assert_close(explanation.attributions, expected, 2e-3)


def guided(subject: Subject, steps: int, fraction: float, distance: float) -> Double:
    """The trapezoid rule along the path of the published algorithm, pixel by pixel."""
    end, start = (pixels(seed).astype(np.float64).ravel() for seed in (1, 2))
    count = len(end)
    x, points = start.copy(), [start]
    whole = sum(abs(end[i] - start[i]) for i in range(count))
    for step in range(1, steps + 1):
        gradient = subject.gradient(x.reshape(SHAPE)).ravel()
        cost = [abs(float(slope)) for slope in gradient]
        low, high = max(step / steps - distance, 0), min(step / steps + distance, 1)
        wanted = whole * (1 - step / steps)
        ratio = math.inf
        while ratio > 1:
            alpha = [(x[i] - start[i]) / (end[i] - start[i]) for i in range(count)]
            for i in range(count):
                if alpha[i] < low - 1e-12:
                    x[i] = start[i] + low * (end[i] - start[i])
            left = sum(abs(end[i] - x[i]) for i in range(count))
            if math.isclose(left, wanted, rel_tol=1e-9, abs_tol=1e-9 * whole):
                break
            cost = [math.inf if alpha[i] >= high - 1e-12 else cost[i] for i in range(count)]
            threshold = sorted(cost)[int(fraction * (count - 1))]
            least = [i for i in range(count) if cost[i] <= threshold and cost[i] != math.inf]
            aim = {i: start[i] + high * (end[i] - start[i]) for i in least}
            room = sum(abs(x[i] - aim[i]) for i in least)
            ratio = (left - wanted) / room if room else math.inf
            for i in least:
                x[i] = aim[i] if ratio > 1 else x[i] + ratio * (aim[i] - x[i])
        points.append(x.copy())
    total = np.zeros(SHAPE)
    for one, other in itertools.pairwise(point.reshape(SHAPE) for point in points):
        total += (other - one) * (subject.gradient(one) + subject.gradient(other)) / 2
    return total
