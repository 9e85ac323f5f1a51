"""From one input to its explanations, whatever the method."""

from dataclasses import replace

import numpy as np

from igcli import methods
from igcli.errors import ImageError
from igcli.integration.requests import Computation, concurrently, predict, with_mask
from igcli.methods import Task
from igcli.pipeline.explain.network_output import (
    NO_PIXELS,
    Ending,
    added_up,
    references_of,
    segments,
)
from igcli.pipeline.explain.spec import AttributionSpec
from igcli.pipeline.runs.summary import LARGE_ERROR
from igcli.records import Array, Explanation, Source

UNDEFINED = "completeness error undefined: the score differs from the baseline's by less than 1e-6"
NO_GRADIENT = "the gradient is zero everywhere: nothing is attributed"
SATURATED = (
    "the {activation} is saturated (score {score:.3g}) and leaves no gradient: explain: logit "
    "(--explain logit) explains the value before it"
)
INCOMPLETE = (
    "completeness error {error:.0%}: the attributions miss that much of the score's difference; "
    "more steps, or steps: auto, may help"
)
CONFIDENT = (
    "the baseline itself is classified with confidence: {score:.3g} for output {top}; "
    "attributions are relative to it, so try another baseline"
)

VANISHING = 1e-6
"""Sum of the attributions' magnitudes below which nothing is attributed."""

SIDE_BY_SIDE = 8
"""Baselines of one image that are under way at a time: their points share batches."""


def explain(
    image: Array, plan: AttributionSpec, source: Source | None = None
) -> Computation[list[Explanation]]:
    """Explain one input: every target by every method, the main one first.

    Args:
        image: Float32, shape of the network's input, in pixel space.
        plan: What is asked.
        source: Where the image comes from, for targets of its own.

    Raises:
        ImageError: The network's scores, or its gradients, are not finite.
    """
    scores, baseline_scores = yield from _scores(image, plan)
    wanted, parts = plan.targets.of(source), segments(scores)
    works: list[Computation[Explanation]] = []
    masks: list[Array] = []
    for target in wanted.of(scores if parts is None else parts.sizes()):
        mask = None if parts is None else parts.mask(target)
        own, baseline_own = added_up(scores, mask), added_up(baseline_scores, mask)
        for name in plan.methods:
            task = Task(
                image,
                image,
                target,
                interior=plan.interior and not works,
                gathered=plan.gathered,
                score=float(own[target]),
                baseline_score=float(baseline_own[target]),
                noise_scale=plan.spread,
                noise_mask=plan.noisy,
                references=references_of(plan.references, mask),
            )
            work = _averaged(name, task, plan)
            works.append(work if mask is None else with_mask(work, mask))
            masks += [] if mask is None else [mask]
    found = yield from concurrently(works)
    if not all(np.isfinite(each.attributions).all() for each in found):
        raise ImageError("its attributions are not finite: the network's gradient is NaN or inf")
    if parts is not None:
        found = [_of_pixels(*each) for each in zip(found, masks, strict=True)]
    confident = _confident(baseline_scores, plan) if parts is None else None
    return [
        replace(
            each,
            is_target_given=wanted.is_chosen,
            warnings=(*each.warnings, *_warnings(each, image, plan.ending)),
        )
        for each in (_warned(found[0], confident), *found[1:])
    ]


def _of_pixels(found: Explanation, mask: Array) -> Explanation:
    pixels = int(mask.sum())
    return replace(_warned(found, None if pixels else NO_PIXELS), pixels=pixels)


def _scores(image: Array, plan: AttributionSpec) -> Computation[tuple[Array, Array]]:
    """Return all scores of the image and of its baseline, the first where there are several.

    Float32 (K,), or (P, K) where each of P pixels has its own.
    """
    if plan.fixed_scores is None:
        scores, baseline_scores = yield from predict(image, plan.starts.of(image))
    else:
        [scores] = yield from predict(image)
        baseline_scores = plan.fixed_scores
    if not (np.isfinite(scores).all() and np.isfinite(baseline_scores).all()):
        raise ImageError("the network's scores of it, or of its baseline, are not finite")
    return scores, baseline_scores


def _averaged(name: str, task: Task, plan: AttributionSpec) -> Computation[Explanation]:
    """Return a method's explanation, the mean over the baselines where there are several."""
    method = methods.load(name)
    count = plan.starts.samples if method.USES_BASELINE else 1
    mean = Mean()
    for first in range(0, count, SIDE_BY_SIDE):
        works = []
        for sample in range(first, min(first + SIDE_BY_SIDE, count)):
            baseline = plan.starts.of(task.image, sample)
            each = replace(task, baseline=baseline, interior=task.interior and sample == 0)
            works.append(method.attribute(each, plan.options))
        found = yield from concurrently(works)
        for explanation in found:
            mean.add(explanation)
    return mean.result()


def _warnings(found: Explanation, image: Array, ending: Ending) -> list[str]:
    if found.pixels == 0:  # Said already, and why.
        return []
    warnings, error = [], found.completeness_error
    if found.complete and error is None:
        warnings.append(UNDEFINED)
    is_said = any(each.startswith("steps: auto") for each in found.warnings)
    if error is not None and error > LARGE_ERROR and not is_said:
        warnings.append(INCOMPLETE.format(error=error))
    if np.array_equal(image, found.baseline):
        return warnings
    magnitude = float(np.abs(found.attributions).sum(dtype=np.float64))
    score = found.score / (found.pixels or 1)
    if magnitude < VANISHING and ending.is_saturated(score):
        warnings.append(SATURATED.format(activation=ending.activation, score=score))
    elif not magnitude:
        warnings.append(NO_GRADIENT)
    return warnings


def _confident(baseline_scores: Array, plan: AttributionSpec) -> str | None:
    """Return a warning where the baseline's top probability is above one half.

    None where the classes do not exclude each other, or where no method starts at the baseline.
    """
    if not any(methods.load(name).USES_BASELINE for name in plan.methods):
        return None
    values = plan.ending.probabilities(baseline_scores)
    if values is None or values.max() <= 0.5:
        return None
    return CONFIDENT.format(score=values.max(), top=int(np.argmax(values)))


def _warned(found: Explanation, warning: str | None) -> Explanation:
    return replace(found, warnings=(*found.warnings, warning)) if warning else found


_NONE = np.empty(0, np.float32)


class Mean:
    """Adds explanations in order.

    Path, scores along it, interior gradients and baseline are those of the first; the baseline's
    score is the mean, so that completeness is that of the mean attributions.
    """

    def __init__(self) -> None:
        self._found: list[Explanation] = []
        self._total = np.zeros(())

    def add(self, explanation: Explanation) -> None:
        """Add one; of all but the first the arrays are let go."""
        if self._found:
            before = self._found[0].attributions if len(self._found) == 1 else self._total
            self._total = before.astype(np.float64) + explanation.attributions
        lean = replace(explanation, attributions=_NONE, baseline=_NONE, interior=None)
        self._found.append(lean if self._found else explanation)

    def result(self) -> Explanation:
        """Return the mean; a single one is returned as it is."""
        first, count = self._found[0], len(self._found)
        if count == 1:
            return first
        warnings = [warning for each in self._found for warning in each.warnings]
        return replace(
            first,
            attributions=(self._total / count).astype(np.float32),
            baseline_score=sum(each.baseline_score for each in self._found) / count,
            evaluations=sum(each.evaluations for each in self._found),
            warnings=tuple(dict.fromkeys(warnings)),
        )
