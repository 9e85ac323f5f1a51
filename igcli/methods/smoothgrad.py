"""The mean of another method over noisy copies of the image.

Source: Smilkov, Thorat, Kim, Viégas and Wattenberg 2017 (arXiv 1706.03825), section 3.1.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from igcli import methods
from igcli.methods import Task, own
from igcli.methods._options.smoothgrad import SmoothGradOptions
from igcli.paths.options import PathOptions
from igcli.paths.randomness import generator
from igcli.paths.work import MOST_KEPT, Work, together
from igcli.records import Explanation

HEADING = "SmoothGrad"
FROM_BASELINE = True
INTERIOR = False


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return the mean attributions of the image with Gaussian noise added."""
    smooth = own(options, SmoothGradOptions)
    around = methods.load(smooth.around)
    noisy = _noisy(task, smooth, options.seed)
    total = np.zeros(task.image.shape)
    evaluations = 0
    while tasks := list(islice(noisy, MOST_KEPT)):
        found = yield from together([around.attribute(each, options) for each in tasks])
        for each in found:
            total += each.attributions
            evaluations += each.evaluations
    return Explanation(
        method="smoothgrad",
        target=task.target,
        baseline=task.baseline,
        attributions=(total / smooth.samples).astype(np.float32),
        score=task.score,
        baseline_score=task.baseline_score,
        alphas=np.ones(1),
        scores=np.array([task.score], np.float32),
        evaluations=evaluations,
        complete=False,
    )


def _noisy(task: Task, smooth: SmoothGradOptions, seed: int) -> Iterator[Task]:
    random = generator(seed, task.image, "smoothgrad")
    spread = np.ptp(task.image) if task.spread is None else task.spread
    for _ in range(smooth.samples):
        noise = random.standard_normal(task.image.shape, np.float32)
        image = task.image + np.float32(smooth.noise) * spread * noise
        yield replace(task, image=image, interior=False)
