import numpy as np
import pytest

from igcli import methods
from igcli.integration.options import PathOptions
from igcli.methods import Task
from igcli.pipeline.engine.engine import Engine
from igcli.records import Array, Explanation
from support.networks import ClosedForm

SHAPE = (4, 3, 3)
METHOD = methods.load("integrated_gradients")


def images(count: int) -> Array:
    return np.random.default_rng(1).uniform(0, 2, (count, *SHAPE)).astype(np.float32)


def explain(
    inputs: Array, *, steps: int = 50, batch_size: int = 7, target: int = 1
) -> tuple[list[Explanation], ClosedForm]:
    network = ClosedForm(SHAPE)
    engine = Engine(network, batch_size=batch_size)
    options = PathOptions(steps=steps)
    tasks = [Task(image, np.zeros_like(image), target) for image in inputs]
    explanations = list(engine.run(METHOD.attribute(task, options) for task in tasks))
    return sorted(
        explanations, key=lambda explanation: float(np.abs(explanation.attributions).sum())
    ), network


def test_a_quadratic_score_is_attributed_exactly() -> None:
    [image] = images(1)
    [explanation], network = explain(image[None], steps=1, target=0)
    np.testing.assert_allclose(
        explanation.attributions, network.integrated(image, np.zeros_like(image), 0), rtol=1e-5
    )


def test_a_cubic_score_is_attributed_within_the_trapezoids_remainder() -> None:
    [image] = images(1)
    [explanation], network = explain(image[None], steps=50)
    exact = network.integrated(image, np.zeros_like(image), 1)
    # The integrand is 3 alpha**2 times a constant: the rule is off by 1 / (2 * 50**2).
    np.testing.assert_allclose(explanation.attributions, exact * (1 + 0.5 / 50**2), rtol=1e-4)


def test_attributions_are_complete() -> None:
    [explanation], _ = explain(images(1), steps=200)
    assert explanation.completeness_error == pytest.approx(0.5 / 200**2, rel=0.05)


def test_a_completeness_error_is_undefined_where_the_scores_agree() -> None:
    [explanation], _ = explain(np.zeros((1, *SHAPE), np.float32))
    assert explanation.completeness_error is None
    assert not explanation.attributions.any()


def test_results_do_not_depend_on_the_batch_size() -> None:
    inputs = images(5)
    first, _ = explain(inputs, batch_size=1)
    for size in (2, 7, 64):
        again, _ = explain(inputs, batch_size=size)
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one.attributions, other.attributions)


def test_batches_are_full_and_span_images() -> None:
    _, network = explain(images(5), steps=50, batch_size=20)
    assert network.batches == [20] * 13  # 5 * 51 points


def test_interior_gradients_are_input_times_gradient() -> None:
    [image] = images(1)
    network = ClosedForm(SHAPE)
    task = Task(image, np.zeros_like(image), 0, interior=True)
    [explanation] = Engine(network, batch_size=4).run(
        [METHOD.attribute(task, PathOptions(steps=10))]
    )
    assert explanation.interior is not None
    np.testing.assert_allclose(explanation.interior.alphas, np.linspace(0, 1, 11))
    for alpha, shown in zip(explanation.interior.alphas, explanation.interior.maps, strict=True):
        np.testing.assert_allclose(shown, (image * 2 * alpha * image).mean(-1), rtol=1e-5)
