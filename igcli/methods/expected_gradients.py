"""Mean of integrated gradients over baselines drawn from a set of inputs.

Source: Erion, Janizek, Sturmfels, Lundberg and Lee 2021 (arXiv 1906.10670), equation 3; noise
around the baselines as in GradientSHAP of the package shap by Lundberg.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from igcli.integration.options import PathOptions
from igcli.integration.randomness import generator
from igcli.integration.requests import CHUNK_SIZE, Computation, Line, gradients_along, predict
from igcli.methods import References, Task, own_options
from igcli.methods._options import ExpectedGradientsOptions
from igcli.methods._shared import noise_deviation
from igcli.records import Array, Explanation

HEADING = "Expected gradients"
USES_BASELINE = False
INTERIOR = False
REFINABLE = True

ROUND = 48
"""Draws of a round with auto steps."""

Vector = npt.NDArray[np.float64]


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the mean of (image - baseline) * gradient over random baselines and points.

    Completeness holds for the mean: attributions tend to sum to the score minus the baselines' mean
    score as the number of samples grows. With auto steps, rounds of draws are added until the
    completeness error is within the tolerance after two rounds in a row, because after one it may
    be so by accident.

    Raises:
        ValueError: The task has no references.
    """
    if task.references is None:
        raise ValueError("expected_gradients: no baselines to draw from: name a folder of images")
    own = own_options(options, ExpectedGradientsOptions)
    draws = _Draws(task, task.references, own, options.seed)
    warning = None
    if options.steps == "auto":
        warning = yield from _draw_until_complete(draws, options)
    else:
        yield from draws.add(own.samples)
    explanation = draws.result()
    return explanation if warning is None else replace(explanation, warnings=(warning,))


def _draw_until_complete(draws: "_Draws", options: PathOptions) -> Computation[str | None]:
    """Add draws until the tolerance is met; return a warning if it is not."""
    rounds_within = 0
    while (remaining := options.max_steps - draws.count) > 0:
        yield from draws.add(min(ROUND, remaining))
        error = draws.result().completeness_error
        is_within = error is None or error <= options.tolerance
        rounds_within = rounds_within + 1 if is_within else 0
        if rounds_within == 2:
            return None
    return (
        f"steps: auto stopped at max_steps ({options.max_steps:,}): completeness error {error:.1%}"
    )


class _Draws:
    """Random pairs of a baseline and a point, and the sums over them.

    Attributes:
        count: Number of draws so far.
    """

    def __init__(
        self, task: Task, references: References, options: ExpectedGradientsOptions, seed: int
    ) -> None:
        self._task, self._references = task, references
        self._multiply = options.multiply_by_input
        self._deviation = noise_deviation(task, options.noise, options.noise_levels)
        self._is_noisy = bool(np.any(self._deviation))
        self._random = generator(seed, task.image, "expected_gradients")
        self._noise = generator(seed, task.image, "expected_gradients noise")
        self._shuffled: list[int] = []
        self._total = np.zeros(task.image.shape)
        self._baseline, self._baseline_score = np.zeros(task.image.shape), 0.0
        self._alphas: list[Vector] = []
        self._scores: list[Vector] = []
        self.count = 0

    def add(self, samples: int) -> Computation[None]:
        """Add `samples` draws."""
        chosen = self._choose(samples)
        # Stratified: one point in each of equally many parts of the path, for less variance.
        alphas = (np.arange(samples) + self._random.uniform(size=samples)) / samples
        for first in range(0, samples, CHUNK_SIZE):
            chunk = slice(first, first + CHUNK_SIZE)
            starts = [self._start(index) for index in chosen[chunk]]
            yield from self._add_scores(chosen[chunk], starts)
            lines = [self._line(*draw) for draw in zip(starts, alphas[chunk], strict=True)]
            answers = yield from gradients_along(*lines)
            for line, answer in zip(lines, answers, strict=True):
                product = line.direction * answer.gradients
                self._total += product if self._multiply else answer.gradients
                self._baseline += line.start
            self._alphas.append(alphas[chunk])
            self._scores.append(np.array([answer.scores[0] for answer in answers]))
        self.count += samples

    def result(self) -> Explanation:
        """Return the mean over the draws so far."""
        alphas, scores = np.concatenate(self._alphas), np.concatenate(self._scores)
        order = np.argsort(alphas, kind="stable")
        return Explanation(
            method="expected_gradients",
            target=self._task.target,
            baseline=(self._baseline / self.count).astype(np.float32),
            attributions=(self._total / self.count).astype(np.float32),
            score=self._task.score,
            baseline_score=self._baseline_score / self.count,
            alphas=alphas[order],
            scores=scores[order].astype(np.float32),
            evaluations=self.count,
            complete=self._multiply,
        )

    def _choose(self, samples: int) -> list[int]:
        """Return each sample's baseline by index; all are used equally often, give or take one."""
        while len(self._shuffled) < samples:
            order = self._random.permutation(len(self._references.inputs))
            self._shuffled += [int(index) for index in order]
        chosen, self._shuffled = self._shuffled[:samples], self._shuffled[samples:]
        return chosen

    def _start(self, index: int) -> Array:
        start = np.asarray(self._references.inputs[index], np.float32)
        if not self._is_noisy:
            return start
        return start + self._deviation * self._noise.standard_normal(start.shape, np.float32)

    def _line(self, start: Array, alpha: float) -> Line:
        direction = self._task.image - start
        return Line(start, direction, self._task.target, np.array([alpha]), np.ones(1))

    def _add_scores(self, chosen: Sequence[int], starts: Sequence[Array]) -> Computation[None]:
        """Add the baselines' scores, which are known unless there is noise."""
        target = self._task.target
        if self._is_noisy:
            predictions = yield from predict(*starts)
            self._baseline_score += sum(float(scores[target]) for scores in predictions)
        else:
            known = self._references.scores[list(chosen), target]
            self._baseline_score += float(known.sum(dtype=np.float64))
