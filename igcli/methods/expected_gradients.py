"""The mean of integrated gradients over baselines drawn from a set of inputs.

Source: Erion, Janizek, Sturmfels, Lundberg and Lee 2021 (arXiv 1906.10670), equation 3.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from igcli.methods import References, Task, own
from igcli.methods._options.expected_gradients import ExpectedGradientsOptions
from igcli.paths.options import PathOptions
from igcli.paths.randomness import generator
from igcli.paths.work import MOST_KEPT, Line, LineGradients, Work, follow
from igcli.records import Explanation

HEADING = "Expected gradients"
FROM_BASELINE = False
INTERIOR = False

Vector = npt.NDArray[np.float64]


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return the mean of (image - baseline) * gradient over drawn baselines and points.

    Its completeness is that of the mean: attributions sum to the score less the baselines' mean
    score as the number of samples grows.

    Raises:
        ValueError: There are no baselines to draw from.
    """
    if task.references is None:
        raise ValueError("expected_gradients: no baselines to draw from: name a folder of images")
    samples = own(options, ExpectedGradientsOptions).samples
    random = generator(options.seed, task.image, "expected_gradients")
    chosen = _chosen(len(task.references.inputs), samples, random)
    # One in each of as many equal parts of the path: less chance, the same expectation.
    alphas = (np.arange(samples) + random.uniform(size=samples)) / samples
    scores = np.empty(samples, np.float32)
    total, baseline = np.zeros(task.image.shape), np.zeros(task.image.shape)
    for first in range(0, samples, MOST_KEPT):
        part = slice(first, first + MOST_KEPT)
        lines = _lines(task, task.references, chosen[part], alphas[part])
        found: Sequence[LineGradients] = yield from follow(*lines)
        for place, (line, each) in enumerate(zip(lines, found, strict=True), first):
            total += line.direction * each.gradients
            baseline += line.start
            scores[place] = each.scores[0]
    rising = np.argsort(alphas)
    return Explanation(
        method="expected_gradients",
        target=task.target,
        baseline=(baseline / samples).astype(np.float32),
        attributions=(total / samples).astype(np.float32),
        score=task.score,
        baseline_score=float(task.references.scores[chosen, task.target].mean(dtype=np.float64)),
        alphas=alphas[rising],
        scores=scores[rising],
        evaluations=samples,
        complete=True,
    )


def _chosen(count: int, samples: int, random: np.random.Generator) -> list[int]:
    """Return which baseline each sample has: every one as often as the others, but for one."""
    rounds = [random.permutation(count) for _ in range(-(-samples // count))]
    return [int(each) for each in np.concatenate(rounds)[:samples]]


def _lines(task: Task, references: References, chosen: Sequence[int], alphas: Vector) -> list[Line]:
    lines = []
    for which, alpha in zip(chosen, alphas, strict=True):
        start = np.asarray(references.inputs[which], np.float32)
        point = np.array([alpha])
        lines.append(Line(start, task.image - start, task.target, point, np.ones(1)))
    return lines
