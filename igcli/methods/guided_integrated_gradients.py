"""Integrated gradients along a path that moves the pixels of the smallest gradients first.

Source: Kapishnikov, Venugopalan, Avci, Wedin, Terry and Bolukbasi 2021 (arXiv 2106.09788),
algorithm 1, with the corridor around the straight path of the authors' implementation.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igcli.integration.options import PathOptions
from igcli.integration.requests import Work, gradients_at
from igcli.methods import Task, own
from igcli.methods._options.guided_integrated_gradients import GuidedOptions
from igcli.methods._steps import whole_steps
from igcli.records import Explanation

HEADING = "Guided integrated gradients"
FROM_BASELINE = True
INTERIOR = False
REFINED = False
CLOSE = 1e-9
"""How near, relative to the whole way, a step has to come to its end."""

Vector = npt.NDArray[np.float64]


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return the integral of the gradients along the guided path, by the trapezoid rule.

    The authors take the gradient at the start of each step alone, which on photos was off by the
    size of the score itself. One gradient at a time, because it decides on the next point; batches
    are filled by other images.
    """
    steps = whole_steps(options, "guided_integrated_gradients")
    guide = _Guide(
        task.baseline.astype(np.float64).ravel(),
        task.image.astype(np.float64).ravel(),
        own(options, GuidedOptions),
    )
    here = guide.start
    total, before = np.zeros(here.shape), np.zeros(here.shape)
    scores = np.empty(steps + 1, np.float32)
    gathered = np.zeros(steps + 1)
    for step in range(steps + 1):
        point = here.astype(np.float32).reshape(task.image.shape)
        [found] = yield from gradients_at([point], task.target)
        scores[step] = found.scores[0]
        gradient = found.gradients.astype(np.float64).ravel()
        there = guide.moved(here, np.abs(gradient), (step + 1) / steps) if step < steps else here
        if task.gathered:
            gathered[step] = (total + gradient * before / 2).sum()
        total += gradient * (before + there - here) / 2
        before, here = there - here, there
    return Explanation(
        method="guided_integrated_gradients",
        target=task.target,
        baseline=task.baseline,
        attributions=total.reshape(task.image.shape).astype(np.float32),
        score=float(scores[-1]),
        baseline_score=float(scores[0]),
        alphas=np.linspace(0.0, 1.0, steps + 1),
        scores=scores,
        evaluations=steps + 1,
        complete=True,
        gathered=scores[0] + gathered if task.gathered else None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Guide:
    """Chooses the way from the start to the end."""

    start: Vector
    end: Vector
    options: GuidedOptions

    def moved(self, here: Vector, magnitudes: Vector, progress: float) -> Vector:
        """Return the next point, at `progress` of the whole way in the sum of all pixels."""
        whole = self.end - self.start
        distance = self.options.max_distance
        behind = self.start + max(progress - distance, 0.0) * whole
        ahead = self.start + min(progress + distance, 1.0) * whole
        left = np.abs(whole).sum() * (1 - progress)
        there = np.where((behind - here) * whole > 0, behind, here)
        free = (ahead - there) * whole > 0
        while (excess := np.abs(self.end - there).sum() - left) > CLOSE * np.abs(whole).sum():
            chosen = self._least(magnitudes, free)
            room = np.abs(ahead - there)[chosen].sum()
            if not room:
                break
            share = min(excess / room, 1.0)
            there[chosen] += share * (ahead - there)[chosen]
            free &= ~chosen
        return self.end if progress == 1 else there

    def _least(self, magnitudes: Vector, free: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return which free pixels have the smallest gradients, a fraction of all pixels."""
        costs = np.where(free, magnitudes, np.inf)
        place = int(self.options.fraction * (len(costs) - 1))
        least: npt.NDArray[np.bool_] = costs <= np.partition(costs, place)[place]
        return free & least
