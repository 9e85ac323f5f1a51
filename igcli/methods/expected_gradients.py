"""The mean of integrated gradients over baselines drawn from a set of inputs.

Source: Erion, Janizek, Sturmfels, Lundberg and Lee 2021 (arXiv 1906.10670), equation 3; noise
around the baselines as in GradientSHAP, of Lundberg's package shap.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from igcli.integration.options import PathOptions
from igcli.integration.randomness import generator
from igcli.integration.requests import MOST_KEPT, Line, Work, follow, predict
from igcli.methods import References, Task, own
from igcli.methods._noise import deviation
from igcli.methods._options.expected_gradients import ExpectedGradientsOptions
from igcli.records import Array, Explanation

HEADING = "Expected gradients"
FROM_BASELINE = False
INTERIOR = False
REFINED = True

ROUND = 48
"""Draws of a round with auto steps."""

Vector = npt.NDArray[np.float64]


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return the mean of (image - baseline) * gradient over drawn baselines and points.

    Its completeness is that of the mean: attributions sum to the score less the baselines' mean
    score as the number of samples grows. With auto steps draws are added until it is within the
    tolerance after two rounds one after the other, for once it may be by accident.

    Raises:
        ValueError: There are no baselines to draw from.
    """
    if task.references is None:
        raise ValueError("expected_gradients: no baselines to draw from: name a folder of images")
    own_options = own(options, ExpectedGradientsOptions)
    draws = _Draws(task, task.references, own_options, options.seed)
    warning = None
    if options.steps == "auto":
        warning = yield from _until_complete(draws, options)
    else:
        yield from draws.add(own_options.samples)
    found = draws.result()
    return found if warning is None else replace(found, warnings=(warning,))


def _until_complete(draws: "_Draws", options: PathOptions) -> Work[str | None]:
    """Add draws until the tolerance is met; return a warning where it is not."""
    within = 0
    while (left := options.max_steps - draws.count) > 0:
        yield from draws.add(min(ROUND, left))
        error = draws.result().completeness_error
        within = within + 1 if error is None or error <= options.tolerance else 0
        if within == 2:
            return None
    return (
        f"steps: auto stopped at max_steps ({options.max_steps:,}): completeness error {error:.1%}"
    )


class _Draws:
    """Baselines and points drawn so far, and their sums.

    Attributes:
        count: How many.
    """

    def __init__(
        self, task: Task, references: References, options: ExpectedGradientsOptions, seed: int
    ) -> None:
        self._task, self._references = task, references
        self._multiplied = options.multiply_by_input
        self._strength = deviation(task, options.noise, options.noise_levels)
        self._is_noisy = bool(np.any(self._strength))
        self._random = generator(seed, task.image, "expected_gradients")
        self._noise = generator(seed, task.image, "expected_gradients noise")
        self._waiting: list[int] = []
        self._total = np.zeros(task.image.shape)
        self._baseline, self._baseline_score = np.zeros(task.image.shape), 0.0
        self._alphas: list[Vector] = []
        self._scores: list[Vector] = []
        self.count = 0

    def add(self, samples: int) -> Work[None]:
        """Draw some more."""
        chosen = self._chosen(samples)
        # One in each of as many equal parts of the path: less chance, the same expectation.
        alphas = (np.arange(samples) + self._random.uniform(size=samples)) / samples
        for first in range(0, samples, MOST_KEPT):
            part = slice(first, first + MOST_KEPT)
            starts = [self._start(which) for which in chosen[part]]
            yield from self._score(chosen[part], starts)
            lines = [
                Line(
                    start,
                    self._task.image - start,
                    self._task.target,
                    np.array([alpha]),
                    np.ones(1),
                )
                for start, alpha in zip(starts, alphas[part], strict=True)
            ]
            found = yield from follow(*lines)
            for line, each in zip(lines, found, strict=True):
                product = line.direction * each.gradients
                self._total += product if self._multiplied else each.gradients
                self._baseline += line.start
            self._alphas.append(alphas[part])
            self._scores.append(np.array([each.scores[0] for each in found]))
        self.count += samples

    def result(self) -> Explanation:
        """Return the mean so far."""
        alphas, scores = np.concatenate(self._alphas), np.concatenate(self._scores)
        rising = np.argsort(alphas, kind="stable")
        return Explanation(
            method="expected_gradients",
            target=self._task.target,
            baseline=(self._baseline / self.count).astype(np.float32),
            attributions=(self._total / self.count).astype(np.float32),
            score=self._task.score,
            baseline_score=self._baseline_score / self.count,
            alphas=alphas[rising],
            scores=scores[rising].astype(np.float32),
            evaluations=self.count,
            complete=self._multiplied,
        )

    def _chosen(self, samples: int) -> list[int]:
        """Return which baseline each sample has: every one as often as the others, but for one."""
        while len(self._waiting) < samples:
            order = self._random.permutation(len(self._references.inputs))
            self._waiting += [int(each) for each in order]
        chosen, self._waiting = self._waiting[:samples], self._waiting[samples:]
        return chosen

    def _start(self, which: int) -> Array:
        start = np.asarray(self._references.inputs[which], np.float32)
        if not self._is_noisy:
            return start
        return start + self._strength * self._noise.standard_normal(start.shape, np.float32)

    def _score(self, chosen: Sequence[int], starts: Sequence[Array]) -> Work[None]:
        """Add up the baselines' scores, which are known where there is no noise."""
        target = self._task.target
        if self._is_noisy:
            found = yield from predict(*starts)
            self._baseline_score += sum(float(scores[target]) for scores in found)
        else:
            known = self._references.scores[list(chosen), target]
            self._baseline_score += float(known.sum(dtype=np.float64))
