"""The mean of the gradients at noisy copies of the image, or of their squares, or their variance.

Sources: Smilkov, Thorat, Kim, Viégas and Wattenberg 2017 (arXiv 1706.03825), section 3.1; squares:
Hooker, Erhan, Kindermans and Kim 2018 (arXiv 1806.10758); variance: Adebayo, Gilmer, Goodfellow and
Kim 2018 (arXiv 1810.03307).
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from igcli import methods
from igcli.integration.options import PathOptions
from igcli.integration.randomness import generator
from igcli.integration.requests import MOST_KEPT, Work, together
from igcli.methods import Task, multiplied, own
from igcli.methods._noise import deviation
from igcli.methods._options.smoothgrad import SmoothGradOptions
from igcli.records import Array, Explanation

HEADING = "SmoothGrad"
FROM_BASELINE = True
INTERIOR = False
REFINED = True

MOST_INTERVALS = 82
"""Intervals of a noisy copy's path with auto steps. Up to 19 of the 83 gradients are taken twice,
for `mesh.KEPT` are in memory: 102 in all, twice the 51 of 50 steps."""

NOT_WITHIN = "steps: auto: {count} of {samples} noisy copies are not within the tolerance"


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return a statistic of the gradients at noisy copies, or on the ways to them.

    Where they are multiplied, it is by the clean image, or its difference from the baseline: the
    noisy copies' own would add the noise's variance to pixels that are zero.
    """
    smooth = own(options, SmoothGradOptions)
    around = methods.load(smooth.around)
    inner = multiplied(options, smooth.around, False)
    capped = inner.model_copy(update={"max_steps": min(options.max_steps, MOST_INTERVALS)})
    noisy = _noisy(task, smooth, options.seed)
    gathered = _Statistics(task.image)
    evaluations = short = 0
    while tasks := list(islice(noisy, MOST_KEPT)):
        found = yield from together([around.attribute(each, capped) for each in tasks])
        for each in found:
            gathered.add(each.attributions)
            evaluations += each.evaluations
            short += bool(each.warnings)
    statistic = gathered.result(smooth.statistic)
    if smooth.multiply_by_input:
        factor = task.image if smooth.around == "gradients" else task.image - task.baseline
        statistic *= factor if smooth.statistic == "mean" else factor.astype(np.float64) ** 2
    warning = NOT_WITHIN.format(count=short, samples=smooth.samples)
    return Explanation(
        method="smoothgrad",
        target=task.target,
        baseline=task.baseline,
        attributions=statistic.astype(np.float32),
        score=task.score,
        baseline_score=task.baseline_score,
        alphas=np.ones(1),
        scores=np.array([task.score], np.float32),
        evaluations=evaluations,
        complete=False,
        warnings=(warning,) if short else (),
    )


class _Statistics:
    """Mean and squared deviations of gradients that come one after the other.

    Source: Welford 1962.
    """

    def __init__(self, image: Array) -> None:
        self._count = 0
        self._mean, self._deviations = np.zeros(image.shape), np.zeros(image.shape)

    def add(self, gradient: Array) -> None:
        self._count += 1
        before = gradient - self._mean
        self._mean += before / self._count
        self._deviations += before * (gradient - self._mean)

    def result(self, statistic: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        variance = self._deviations / self._count
        if statistic == "mean":
            return self._mean
        return variance if statistic == "variance" else self._mean**2 + variance


def _noisy(task: Task, smooth: SmoothGradOptions, seed: int) -> Iterator[Task]:
    random = generator(seed, task.image, "smoothgrad")
    strength = deviation(task, smooth.noise, smooth.noise_levels)
    for _ in range(smooth.samples):
        noise = random.standard_normal(task.image.shape, np.float32)
        yield replace(task, image=task.image + strength * noise, interior=False)
