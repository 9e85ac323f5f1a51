"""Methods along a path tell what they gathered up to each point, where asked."""

import numpy as np
import pytest

from igcli import methods
from igcli.methods import MethodOptions, Task
from igcli.pipeline.engine.engine import Engine
from igcli.records import Explanation
from support.networks import ClosedForm

IMAGE = np.random.default_rng(3).uniform(50, 255, (4, 4, 3)).astype(np.float32)
PATHS = ("integrated_gradients", "guided_integrated_gradients", "blur_integrated_gradients")


def explain(name: str, *, gathered: bool, steps: int) -> Explanation:
    task = Task(IMAGE, np.zeros_like(IMAGE), 0, gathered=gathered)
    options = MethodOptions.model_validate({"steps": steps})
    job = methods.load(name).attribute(task, options)
    [explanation] = Engine(ClosedForm(IMAGE.shape), batch_size=5).run([job])
    return explanation


@pytest.mark.parametrize("name", PATHS)
def test_from_the_baseline_s_score_to_the_sum_of_all(name: str) -> None:
    explanation = explain(name, gathered=True, steps=12)
    assert explanation.gathered is not None
    assert explanation.gathered.shape == explanation.alphas.shape
    assert explanation.gathered[0] == explanation.baseline_score
    total = explanation.baseline_score + explanation.attribution_sum
    assert explanation.gathered[-1] == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("name", PATHS)
def test_it_follows_the_score(name: str) -> None:
    # The slope of a sum of squares is linear along straight pieces: trapezoids are exact.
    explanation = explain(name, gathered=True, steps=12)
    assert explanation.gathered is not None
    np.testing.assert_allclose(explanation.gathered, explanation.scores, rtol=1e-4)


@pytest.mark.parametrize("name", PATHS)
def test_attributions_stay_the_same(name: str) -> None:
    alone, asked = (explain(name, gathered=wanted, steps=7) for wanted in (False, True))
    assert alone.gathered is None
    np.testing.assert_array_equal(alone.attributions, asked.attributions)
