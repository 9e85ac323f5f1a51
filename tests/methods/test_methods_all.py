"""Every method against a slow calculation of its own, on a closed form and a small network."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from scipy import ndimage

from igcli import methods
from igcli.methods import METHODS, MethodOptions, References, Task
from igcli.models.network import TensorFlowNetwork
from igcli.paths.network import Network
from igcli.paths.randomness import generator
from igcli.pipeline.engine import Engine
from igcli.records import Array, Explanation
from support.networks import ClosedForm

SHAPE = (6, 5, 3)
Double = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A network, and its score and gradient by other means."""

    network: Network
    target: int
    plain: Callable[[Double], tuple[float, Double]]

    def score(self, x: Double) -> float:
        return self.plain(x)[0]

    def gradient(self, x: Double) -> Double:
        return self.plain(x)[1]


def closed_form() -> Subject:
    network = ClosedForm(SHAPE)
    factors = network.factors.astype(np.float64) / 100

    def plain(x: Double) -> tuple[float, Double]:
        u = float((factors * x).sum()) * 100
        return u**3, 3 * u**2 * factors * 100

    return Subject(network, 1, plain)


def small_network() -> Subject:
    keras.utils.set_random_seed(4)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )

    def plain(x: Double) -> tuple[float, Double]:
        inputs = tf.constant(x[None], tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            score = model(inputs / 255, training=False)[0, 2]
        return float(score), np.asarray(tape.gradient(score, inputs)[0], np.float64)

    return Subject(TensorFlowNetwork(lambda x: model(x / 255, training=False), SHAPE), 2, plain)


@pytest.fixture(scope="module", params=[closed_form, small_network])
def subject(request: pytest.FixtureRequest) -> Subject:
    made: Subject = request.param()
    return made


def pixels(seed: int) -> Array:
    return np.random.default_rng(seed).uniform(0, 255, SHAPE).astype(np.float32)


def task(subject: Subject, **changes: Any) -> Task:
    image, baseline = pixels(1), pixels(2)
    inputs = [pixels(seed) for seed in range(10, 13)]
    scores = np.zeros((3, 3), np.float32)
    scores[:, subject.target] = [subject.score(each.astype(np.float64)) for each in inputs]
    known = {
        "score": subject.score(image.astype(np.float64)),
        "baseline_score": subject.score(baseline.astype(np.float64)),
        "references": References(inputs, scores),
    }
    return Task(image, changes.pop("baseline", baseline), subject.target, **known, **changes)  # type: ignore[arg-type]


def explain(
    name: str, subject: Subject, *, batch_size: int = 7, at: Task | None = None, **own: Any
) -> Explanation:
    options = MethodOptions.model_validate({"steps": own.pop("steps", 30), "seed": 5, **own})
    job = methods.load(name).attribute(at or task(subject), options)
    [found] = Engine(subject.network, batch_size=batch_size).run([job])
    return found


def assert_close(found: Array, expected: Double, tolerance: float = 1e-4) -> None:
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_what_all_promise(name: str, subject: Subject) -> None:
    found = explain(name, subject)
    assert found.method == name
    assert found.attributions.shape == found.baseline.shape == SHAPE
    assert found.attributions.dtype == found.baseline.dtype == np.float32
    assert len(found.alphas) == len(found.scores)
    assert (np.diff(found.alphas) >= 0).all()
    assert found.score == pytest.approx(task(subject).score, rel=1e-4)
    assert methods.load(name).HEADING
    if not found.complete:
        assert found.completeness_error is None


@pytest.mark.parametrize("name", METHODS)
def test_no_method_depends_on_the_batch_size(name: str, subject: Subject) -> None:
    first = explain(name, subject, batch_size=7)
    for size in (1, 40):
        other = explain(name, subject, batch_size=size)
        assert_close(other.attributions, first.attributions.astype(np.float64), 1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_counts_its_gradients(name: str) -> None:
    counted = closed_form()
    found = explain(name, counted, batch_size=1)
    assert isinstance(counted.network, ClosedForm)
    assert sum(counted.network.batches) == found.evaluations


@pytest.mark.parametrize("name", [n for n in METHODS if methods.load(n).FROM_BASELINE])
def test_nothing_is_attributed_where_the_image_is_the_baseline(name: str) -> None:
    subject = closed_form()
    around = {"around": "integrated_gradients", "noise": 0.0}
    found = explain(name, subject, at=task(subject, baseline=pixels(1)), smoothgrad=around)
    assert not found.attributions.any()


@pytest.mark.parametrize(
    "name", ["integrated_gradients", "blur_integrated_gradients", "guided_integrated_gradients"]
)
def test_the_error_of_complete_methods_shrinks_with_the_steps(name: str) -> None:
    errors = [explain(name, closed_form(), steps=steps).completeness_error for steps in (25, 400)]
    assert errors[0] is not None
    assert errors[1] is not None
    assert errors[1] < min(0.03, errors[0] / 4)


def test_gradients_are_input_times_gradient(subject: Subject) -> None:
    found = explain("gradients", subject)
    image = pixels(1).astype(np.float64)
    assert_close(found.attributions, image * subject.gradient(image))
    assert found.evaluations == 1


@pytest.mark.parametrize("around", ["gradients", "integrated_gradients"])
def test_smoothgrad_is_the_mean_over_noisy_images(around: str, subject: Subject) -> None:
    own = {"around": around, "samples": 30, "noise": 0.1}
    found = explain("smoothgrad", subject, smoothgrad=own, steps=4)
    image, baseline = pixels(1).astype(np.float64), pixels(2).astype(np.float64)
    random = generator(5, pixels(1), "smoothgrad")
    total = np.zeros(SHAPE)
    for _ in range(30):
        noisy = image + 0.1 * np.ptp(image) * random.standard_normal(SHAPE, np.float32)
        if around == "gradients":
            total += noisy * subject.gradient(noisy)
            continue
        for step in range(5):
            weight = (0.5 if step in (0, 4) else 1) / 4
            point = baseline + step / 4 * (noisy - baseline)
            total += weight * (noisy - baseline) * subject.gradient(point)
    assert_close(found.attributions, total / 30, 1e-3)


def test_smoothgrad_has_the_expectation_of_a_quadratic() -> None:
    network = ClosedForm(SHAPE)
    subject = Subject(network, 0, lambda x: (float((x**2).sum()), 2 * x))
    found = explain("smoothgrad", subject, smoothgrad={"samples": 3000, "noise": 0.1})
    image = pixels(1).astype(np.float64)
    deviation = 0.1 * np.ptp(image)
    # E[(x + n) 2 (x + n)] for noise n of that deviation.
    assert_close(found.attributions, 2 * image**2 + 2 * deviation**2, 0.03)


def test_expected_gradients_are_the_mean_over_drawn_baselines(subject: Subject) -> None:
    found = explain("expected_gradients", subject, expected_gradients={"samples": 60})
    image = pixels(1).astype(np.float64)
    random = generator(5, pixels(1), "expected_gradients")
    chosen = np.concatenate([random.permutation(3) for _ in range(20)])
    total = np.zeros(SHAPE)
    alphas = [(place + chance) / 60 for place, chance in enumerate(random.uniform(size=60))]
    for which, alpha in zip(chosen, alphas, strict=True):
        start = pixels(10 + which).astype(np.float64)
        total += (image - start) * subject.gradient(start + alpha * (image - start))
    assert_close(found.attributions, total / 60, 1e-3)


def test_expected_gradients_tend_to_the_mean_of_integrated_gradients() -> None:
    network = ClosedForm(SHAPE)
    subject = Subject(network, 0, lambda x: (float((x**2).sum()), 2 * x))
    found = explain("expected_gradients", subject, expected_gradients={"samples": 6000})
    exact = [network.integrated(pixels(1), pixels(seed), 0) for seed in range(10, 13)]
    assert_close(found.attributions, np.mean(exact, 0), 0.03)
    assert found.completeness_error is not None
    assert found.completeness_error < 0.05


def test_blur_integrates_along_the_blurred_images(subject: Subject) -> None:
    own = {"max_sigma": 3.0}
    found = explain("blur_integrated_gradients", subject, blur_integrated_gradients=own, steps=60)
    image = pixels(1).astype(np.float64)
    sigmas = [3.0 * (1 - step / 60) for step in range(61)]
    points = [ndimage.gaussian_filter(image, (s, s, 0)) if s else image for s in sigmas]
    total = np.zeros(SHAPE)
    for one, other in itertools.pairwise(points):
        total += (other - one) * (subject.gradient(one) + subject.gradient(other)) / 2
    assert_close(found.attributions, total, 1e-3)
    assert found.baseline_score == pytest.approx(subject.score(points[0]), rel=1e-4)


def test_idgi_shares_out_each_change_by_squared_gradients(subject: Subject) -> None:
    found = explain("idgi", subject, steps=30)
    image, baseline = pixels(1).astype(np.float64), pixels(2).astype(np.float64)
    total = np.zeros(SHAPE)
    for step in range(30):
        here, there = (baseline + (step + k) / 30 * (image - baseline) for k in (0, 1))
        gradient = subject.gradient(here)
        change = subject.score(there) - subject.score(here)
        total += change * gradient**2 / (gradient**2).sum()
    assert_close(found.attributions, total, 1e-3)
    assert found.completeness_error is not None
    assert found.completeness_error < 1e-4


@pytest.mark.parametrize(("fraction", "distance"), [(0.25, 0.02), (0.1, 0.3), (1.0, 0.0)])
def test_guided_is_the_authors_algorithm(
    fraction: float, distance: float, subject: Subject
) -> None:
    own = {"fraction": fraction, "max_distance": distance}
    name = "guided_integrated_gradients"
    found = explain(name, subject, guided_integrated_gradients=own, steps=20)
    expected = guided(subject, 20, fraction, distance)
    assert_close(found.attributions, expected, 2e-3)


def guided(subject: Subject, steps: int, fraction: float, distance: float) -> Double:
    """The trapezoid rule along the path of the published algorithm, pixel by pixel."""
    end, start = (pixels(seed).astype(np.float64).ravel() for seed in (1, 2))
    count = len(end)
    x, points = start.copy(), [start]
    whole = sum(abs(end[i] - start[i]) for i in range(count))
    for step in range(1, steps + 1):
        gradient = subject.gradient(x.reshape(SHAPE)).ravel()
        cost = [abs(float(each)) for each in gradient]
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
