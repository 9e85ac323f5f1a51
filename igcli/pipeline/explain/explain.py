"""Explaining one input: every method for every target, averaged over baselines, with warnings."""

from dataclasses import replace

import numpy as np

from igcli import methods
from igcli.errors import ImageError
from igcli.integration.requests import (
    Computation,
    concurrently,
    predict,
    sum_over_pixels,
    with_mask,
)
from igcli.methods import Task
from igcli.options import setting
from igcli.pipeline.explain.network_output import (
    NO_PIXELS,
    NetworkOutput,
    references_over,
    segments_of,
)
from igcli.pipeline.explain.spec import AttributionSpec
from igcli.records import LARGE_ERROR, Array, Explanation, Source

UNDEFINED = "completeness error undefined: the score differs from the baseline's by less than 1e-6"
NOTHING = "nothing is attributed"
"""How a warning ends that says why there are no attributions."""

NO_GRADIENT = f"the gradient is zero everywhere: {NOTHING}"
SAME_SCORE = f"the score stays the same whatever is hidden: {NOTHING}"
SATURATED = (
    "the {activation} is saturated (score {score:.3g}) and leaves no gradient: "
    f"{setting('explain', 'logit')} explains the value before it"
)
INCOMPLETE = (
    "completeness error {error:.0%}: the attributions miss that much of the score's difference; "
    f"more steps, or {setting('steps', 'auto')}, may help"
)
CONFIDENT = (
    "the baseline itself is classified with confidence: {score:.3g} for output {top}; "
    "attributions are relative to it, so try another baseline"
)

VANISHING = 1e-6
"""Sum of the attributions' magnitudes below which nothing is attributed."""

CONCURRENT_BASELINES = 8
"""Baselines of one image that are integrated at a time, so that their points share batches."""


def explain(
    image: Array, spec: AttributionSpec, source: Source | None = None
) -> Computation[list[Explanation]]:
    """Explain one input: all targets, each by all methods.

    Args:
        image: Float32, shape of the network's input, in pixel space.
        spec: The attribution settings.
        source: Where the image comes from, which its targets may depend on.

    Returns:
        An explanation for each target and method; the main method for the main target first.

    Raises:
        ImageError: The network's scores or gradients are not finite.
    """
    scores, baseline_scores = yield from _scores(image, spec)
    choice, segments = spec.targets.of(source), segments_of(scores)
    computations: list[Computation[Explanation]] = []
    masks: list[Array] = []
    for target in choice.indices(scores if segments is None else segments.sizes()):
        mask = None if segments is None else segments.mask(target)
        score = float(sum_over_pixels(scores, mask)[target])
        baseline_score = float(sum_over_pixels(baseline_scores, mask)[target])
        for name in spec.methods:
            task = Task(
                image,
                image,  # Replaced by each of the baselines.
                target,
                interior=spec.interior and not computations,
                gathered=spec.gathered,
                score=score,
                baseline_score=baseline_score,
                noise_scale=spec.noise_scale,
                noise_mask=spec.noise_mask,
                references=references_over(spec.references, mask),
            )
            computation = averaged(name, task, spec)
            computations.append(computation if mask is None else with_mask(computation, mask))
            masks += [] if mask is None else [mask]
    explanations = yield from concurrently(computations)
    if not all(np.isfinite(explanation.attributions).all() for explanation in explanations):
        raise ImageError(
            "its attributions are not finite: a score or gradient of the network is NaN or inf"
        )
    if segments is None:
        explanations[0] = _warned(explanations[0], _confident(baseline_scores, spec))
    else:
        explanations = list(map(_of_pixels, explanations, masks))
    return [
        replace(
            explanation,
            is_target_given=choice.is_chosen,
            warnings=(
                *explanation.warnings,
                *_warnings(explanation, image, spec.network_output),
            ),
        )
        for explanation in explanations
    ]


def _of_pixels(explanation: Explanation, mask: Array) -> Explanation:
    pixels = int(mask.sum())
    return replace(_warned(explanation, None if pixels else NO_PIXELS), pixels=pixels)


def _scores(image: Array, spec: AttributionSpec) -> Computation[tuple[Array, Array]]:
    """Return all scores of the image and of its first baseline.

    Float32 (K,), or (P, K) if each of P pixels has scores of its own.
    """
    if spec.baseline_scores is None:
        scores, baseline_scores = yield from predict(image, spec.baselines.of(image))
    else:
        [scores] = yield from predict(image)
        baseline_scores = spec.baseline_scores
    if not (np.isfinite(scores).all() and np.isfinite(baseline_scores).all()):
        raise ImageError("the network's scores of it, or of its baseline, are not finite")
    return scores, baseline_scores


def averaged(name: str, task: Task, spec: AttributionSpec) -> Computation[Explanation]:
    """Return a method's explanation; with several baselines, the mean over them."""
    method = methods.load(name)
    count = spec.baselines.samples if method.USES_BASELINE else 1
    mean = MeanExplanation()
    for first in range(0, count, CONCURRENT_BASELINES):
        computations = []
        for sample in range(first, min(first + CONCURRENT_BASELINES, count)):
            baseline = spec.baselines.of(task.image, sample)
            interior = task.interior and sample == 0
            sample_task = replace(task, baseline=baseline, interior=interior)
            computations.append(method.attribute(sample_task, spec.options))
        explanations = yield from concurrently(computations)
        for explanation in explanations:
            mean.add(explanation)
    return mean.result()


def _warnings(explanation: Explanation, image: Array, output: NetworkOutput) -> list[str]:
    if explanation.pixels == 0:  # NO_PIXELS says why nothing is attributed.
        return []
    warnings, error = [], explanation.completeness_error
    if explanation.complete and error is None:
        warnings.append(UNDEFINED)
    refinement_warned = any(warning.startswith("steps: auto") for warning in explanation.warnings)
    if error is not None and error > LARGE_ERROR and not refinement_warned:
        warnings.append(INCOMPLETE.format(error=error))
    if np.array_equal(image, explanation.baseline):
        return warnings
    magnitude = float(np.abs(explanation.attributions).sum(dtype=np.float64))
    score = explanation.score / (explanation.pixels or 1)
    if not explanation.evaluations:
        return warnings if magnitude else [*warnings, SAME_SCORE]
    if magnitude < VANISHING and output.is_saturated(score):
        warnings.append(SATURATED.format(activation=output.activation, score=score))
    elif not (magnitude or any(one.endswith(NOTHING) for one in explanation.warnings)):
        warnings.append(NO_GRADIENT)
    return warnings


def _confident(baseline_scores: Array, spec: AttributionSpec) -> str | None:
    """Return a warning if the baseline's top probability is above one half.

    None if the classes are not mutually exclusive, or if no method starts at the baseline.
    """
    if not any(methods.load(name).USES_BASELINE for name in spec.methods):
        return None
    probabilities = spec.network_output.probabilities(baseline_scores)
    if probabilities is None or probabilities.max() <= 0.5:
        return None
    return CONFIDENT.format(score=probabilities.max(), top=int(np.argmax(probabilities)))


def _warned(explanation: Explanation, warning: str | None) -> Explanation:
    if warning is None:
        return explanation
    return replace(explanation, warnings=(*explanation.warnings, warning))


_EMPTY = np.empty(0, np.float32)


class MeanExplanation:
    """The mean of explanations that differ in their baselines.

    Path, scores along it, interior gradients and baseline are those of the first; the baseline
    score is the mean, so that the completeness error is that of the mean attributions.
    """

    def __init__(self) -> None:
        self._explanations: list[Explanation] = []
        self._total = np.zeros(())

    def add(self, explanation: Explanation) -> None:
        """Add an explanation; only the arrays of the first one are kept."""
        if not self._explanations:
            self._explanations.append(explanation)
            self._total = explanation.attributions.astype(np.float64)
            return
        self._total = self._total + explanation.attributions
        arrayless = replace(explanation, attributions=_EMPTY, baseline=_EMPTY, interior=None)
        self._explanations.append(arrayless)

    def result(self) -> Explanation:
        """Return the mean; a single explanation is returned unchanged."""
        first, count = self._explanations[0], len(self._explanations)
        if count == 1:
            return first
        warnings = [warning for one in self._explanations for warning in one.warnings]
        return replace(
            first,
            attributions=(self._total / count).astype(np.float32),
            baseline_score=sum(one.baseline_score for one in self._explanations) / count,
            evaluations=sum(one.evaluations for one in self._explanations),
            predictions=sum(one.predictions for one in self._explanations),
            warnings=tuple(dict.fromkeys(warnings)),
        )
