"""From one input to its explanations, whatever the method."""

from dataclasses import replace

import numpy as np

from igcli import methods
from igcli.errors import ImageError
from igcli.methods import Task
from igcli.paths.work import Work, predict, together
from igcli.pipeline.mean import Mean
from igcli.pipeline.plan import Plan
from igcli.records import Array, Explanation, Source

UNDEFINED = "completeness error undefined: the score differs from the baseline's by less than 1e-6"
NO_GRADIENT = "the gradient is zero everywhere: nothing is attributed"
CONFIDENT = (
    "the baseline itself is classified with confidence: {score:.3g} for output {top}; "
    "attributions are relative to it, so try another baseline"
)

SIDE_BY_SIDE = 8
"""Baselines of one image that are under way at a time: their points share batches."""


def explain(image: Array, plan: Plan, source: Source | None = None) -> Work[list[Explanation]]:
    """Explain one input: every target by every method, the main one first.

    Args:
        image: Float32, shape of the network's input, in pixel space.
        plan: What is asked.
        source: Where the image comes from, for targets of its own.

    Raises:
        ImageError: The network's scores, or its gradients, are not finite.
    """
    scores, baseline_scores = yield from _scores(image, plan)
    wanted = plan.targets.of(source)
    works: list[Work[Explanation]] = []
    for target in wanted.of(scores):
        for name in plan.methods:
            task = Task(
                image,
                image,
                target,
                interior=plan.interior and not works,
                gathered=plan.gathered,
                score=float(scores[target]),
                baseline_score=float(baseline_scores[target]),
                spread=plan.spread,
                noisy=plan.noisy,
                references=plan.references,
            )
            works.append(_averaged(name, task, plan))
    found = yield from together(works)
    if not all(np.isfinite(each.attributions).all() for each in found):
        raise ImageError("its attributions are not finite: the network's gradient is NaN or inf")
    confident = _confident(baseline_scores, plan)
    return [
        replace(each, chosen=wanted.is_chosen, warnings=(*each.warnings, *_warnings(each, image)))
        for each in (_warned(found[0], confident), *found[1:])
    ]


def _scores(image: Array, plan: Plan) -> Work[tuple[Array, Array]]:
    """Return all scores of the image and of its baseline, the first where there are several."""
    if plan.fixed_scores is None:
        scores, baseline_scores = yield from predict(image, plan.starts.of(image))
    else:
        [scores] = yield from predict(image)
        baseline_scores = plan.fixed_scores
    if not (np.isfinite(scores).all() and np.isfinite(baseline_scores).all()):
        raise ImageError("the network's scores of it, or of its baseline, are not finite")
    return scores, baseline_scores


def _averaged(name: str, task: Task, plan: Plan) -> Work[Explanation]:
    """Return a method's explanation, the mean over the baselines where there are several."""
    method = methods.load(name)
    count = plan.starts.samples if method.FROM_BASELINE else 1
    mean = Mean()
    for first in range(0, count, SIDE_BY_SIDE):
        works = []
        for sample in range(first, min(first + SIDE_BY_SIDE, count)):
            baseline = plan.starts.of(task.image, sample)
            each = replace(task, baseline=baseline, interior=task.interior and sample == 0)
            works.append(method.attribute(each, plan.options))
        found = yield from together(works)
        for explanation in found:
            mean.add(explanation)
    return mean.result()


def _warnings(found: Explanation, image: Array) -> list[str]:
    warnings = []
    if found.complete and found.completeness_error is None:
        warnings.append(UNDEFINED)
    if not found.attributions.any() and not np.array_equal(image, found.baseline):
        warnings.append(NO_GRADIENT)
    return warnings


def _confident(baseline_scores: Array, plan: Plan) -> str | None:
    """Return a warning where the baseline's top probability is above one half.

    None where the scores are no probabilities, or where no method starts at the baseline.
    """
    if not any(methods.load(name).FROM_BASELINE for name in plan.methods):
        return None
    values = baseline_scores.astype(np.float64)
    if plan.activation == "softmax":
        values = np.exp(values - values.max())
        values /= values.sum()
    elif plan.activation == "sigmoid":
        values = 1 / (1 + np.exp(-values))
    top = int(np.argmax(values))
    if values.min() < 0 or not 0.5 < values[top] <= 1:
        return None
    return CONFIDENT.format(score=values[top], top=top)


def _warned(found: Explanation, warning: str | None) -> Explanation:
    return replace(found, warnings=(*found.warnings, warning)) if warning else found
