"""Mean of the gradients at noisy copies of the image, or of their squares, or their variance.

Sources: Smilkov, Thorat, Kim, Viégas and Wattenberg 2017 (arXiv 1706.03825), section 3.1; squares:
Hooker, Erhan, Kindermans and Kim 2018 (arXiv 1806.10758); variance: Adebayo, Gilmer, Goodfellow and
Kim 2018 (arXiv 1810.03307).
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from igcli import methods
from igcli.integration.options import PathOptions
from igcli.integration.randomness import generator
from igcli.integration.requests import CHUNK_SIZE, Computation, concurrently
from igcli.methods import Task, own_options, with_multiply_by_input
from igcli.methods._options import SmoothGradOptions
from igcli.methods._shared import noise_deviation
from igcli.records import Array, Explanation

HEADING = "SmoothGrad"
USES_BASELINE = True
INTERIOR = False
REFINABLE = True

MAX_INTERVALS = 82
"""Maximum intervals of a noisy copy's path with auto steps. Up to 19 of the 83 gradients are
computed twice, because memory holds `mesh.KEPT` of them: 102 in all, twice the 51 of 50 steps."""

NOT_WITHIN = "steps: auto: {count} of {samples} noisy copies are not within the tolerance"


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return a statistic of the gradients at noisy copies, or along the paths to them.

    Gradients are multiplied by the clean image, or its difference from the baseline, if at all: the
    noisy copies would add the variance of the noise to pixels that are zero.
    """
    own = own_options(options, SmoothGradOptions)
    around = methods.load(own.around)
    without_factor = with_multiply_by_input(options, own.around, False)
    max_steps = min(options.max_steps, MAX_INTERVALS)
    inner = without_factor.model_copy(update={"max_steps": max_steps})
    copies = _noisy_copies(task, own, options.seed)
    statistics = _Statistics(task.image)
    evaluations = unfinished = 0
    while chunk := list(islice(copies, CHUNK_SIZE)):
        explanations = yield from concurrently([around.attribute(copy, inner) for copy in chunk])
        for explanation in explanations:
            statistics.add(explanation.attributions)
            evaluations += explanation.evaluations
            unfinished += bool(explanation.warnings)
    attributions = statistics.result(own.statistic)
    if own.multiply_by_input:
        factor = task.image if own.around == "gradients" else task.image - task.baseline
        attributions *= factor if own.statistic == "mean" else factor.astype(np.float64) ** 2
    warning = NOT_WITHIN.format(count=unfinished, samples=own.samples)
    return Explanation(
        method="smoothgrad",
        target=task.target,
        baseline=task.baseline,
        attributions=attributions.astype(np.float32),
        score=task.score,
        baseline_score=task.baseline_score,
        alphas=np.ones(1),
        scores=np.array([task.score], np.float32),
        evaluations=evaluations,
        complete=False,
        warnings=(warning,) if unfinished else (),
    )


class _Statistics:
    """Running mean and squared deviations of gradients.

    Source: Welford 1962, "Note on a method for calculating corrected sums of squares and products".
    """

    def __init__(self, image: Array) -> None:
        self._count = 0
        self._mean, self._deviations = np.zeros(image.shape), np.zeros(image.shape)

    def add(self, gradient: Array) -> None:
        self._count += 1
        deviation = gradient - self._mean
        self._mean += deviation / self._count
        self._deviations += deviation * (gradient - self._mean)

    def result(self, statistic: str) -> npt.NDArray[np.float64]:
        """Return the "mean", "squared" (mean of squares) or "variance", in the image's shape."""
        variance = self._deviations / self._count
        if statistic == "mean":
            return self._mean
        return variance if statistic == "variance" else self._mean**2 + variance


def _noisy_copies(task: Task, own: SmoothGradOptions, seed: int) -> Iterator[Task]:
    random = generator(seed, task.image, "smoothgrad")
    deviation = noise_deviation(task, own.noise, own.noise_levels)
    for _ in range(own.samples):
        noise = random.standard_normal(task.image.shape, np.float32)
        yield replace(task, image=task.image + deviation * noise, interior=False)
