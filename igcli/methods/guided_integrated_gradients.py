"""Integrated gradients along a path that moves the pixels with the smallest gradients first.

Source: Kapishnikov, Venugopalan, Avci, Wedin, Terry and Bolukbasi 2021 (arXiv 2106.09788),
algorithm 1, with the corridor around the straight path of the authors' implementation.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation, gradients_at
from igcli.methods import Task, own_options
from igcli.methods._options import GuidedOptions
from igcli.methods._shared import fixed_steps
from igcli.records import Explanation

HEADING = "Guided integrated gradients"
USES_BASELINE = True
INTERIOR = False
REFINABLE = False
TOLERANCE = 1e-9
"""Distance from a step's end at which it is reached, relative to the whole path."""

Vector = npt.NDArray[np.float64]


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the integral of the gradients along the guided path, by the trapezoid rule.

    The authors use the gradient at the start of each step alone, which on photos was off by as much
    as the score itself. Gradients are requested one at a time, because each decides on the next
    point; other images fill the batches.

    Raises:
        ValueError: The steps are "auto".
    """
    steps = fixed_steps(options, "guided_integrated_gradients")
    path = _GuidedPath(
        task.baseline.astype(np.float64).ravel(),
        task.image.astype(np.float64).ravel(),
        own_options(options, GuidedOptions),
    )
    point = path.start
    total, previous_move = np.zeros(point.shape), np.zeros(point.shape)
    scores = np.empty(steps + 1, np.float32)
    gathered = np.zeros(steps + 1)
    for step in range(steps + 1):
        pixels = point.astype(np.float32).reshape(task.image.shape)
        [at_point] = yield from gradients_at([pixels], task.target)
        scores[step] = at_point.scores[0]
        gradient = at_point.gradients.astype(np.float64).ravel()
        following = point
        if step < steps:
            following = path.next_point(point, np.abs(gradient), (step + 1) / steps)
        if task.gathered:
            gathered[step] = (total + gradient * previous_move / 2).sum()
        total += gradient * (previous_move + following - point) / 2
        previous_move, point = following - point, following
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
class _GuidedPath:
    """A path from `start` to `end`, each float64 (pixels,), decided step by step."""

    start: Vector
    end: Vector
    options: GuidedOptions

    def next_point(self, point: Vector, magnitudes: Vector, progress: float) -> Vector:
        """Return the next point of the path, float64 (pixels,).

        Args:
            point: Float64 (pixels,), the current point.
            magnitudes: Float64 (pixels,), of the gradient there.
            progress: How much of the whole path, in the L1 norm, the next point has covered; 0...1.
        """
        direction = self.end - self.start
        length = np.abs(direction).sum()
        distance = self.options.max_distance
        lower = self.start + max(progress - distance, 0.0) * direction
        upper = self.start + min(progress + distance, 1.0) * direction
        remaining = length * (1 - progress)
        moved = np.where((lower - point) * direction > 0, lower, point)
        movable = (upper - moved) * direction > 0
        while (excess := np.abs(self.end - moved).sum() - remaining) > TOLERANCE * length:
            chosen = self._smallest(magnitudes, movable)
            room = np.abs(upper - moved)[chosen].sum()
            if not room:
                break
            share = min(excess / room, 1.0)
            moved[chosen] += share * (upper - moved)[chosen]
            movable &= ~chosen
        return self.end if progress == 1 else moved

    def _smallest(
        self, magnitudes: Vector, movable: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Return which movable pixels have the smallest gradients, a fraction of all pixels."""
        costs = np.where(movable, magnitudes, np.inf)
        rank = int(self.options.fraction * (len(costs) - 1))
        smallest: npt.NDArray[np.bool_] = costs <= np.partition(costs, rank)[rank]
        return movable & smallest
