"""Integration to a tolerance: points are added where the integral is inaccurate, and only there.

Scores come with gradients, so the trapezoid rule's error in the attributions' sum is known exactly
on every interval. The sum alone misses errors that cancel between intervals, and attributions whose
errors cancel within an interval, so the gaps' magnitudes and the jumps of the gradients are limited
too. Weights fitted to the scores would hide the first error and enlarge the second.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from igcli.integration.integral import FrameCollector, Integral, Segment
from igcli.integration.mesh import Accuracy, Indices, Intervals, Mesh, Vector
from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation, Line, gradients_along
from igcli.records import SMALLEST_DIFFERENCE, Array

FIRST_INTERVALS = 8
"""Intervals before the first refinement."""

MIN_POINTS, MAX_POINTS = 4, 16
"""Points of a round of refinement; in between, a sixteenth of the current intervals."""

TINY = np.float32(1e-20)
"""Replaces zeros in the direction, relative to its largest value, where gradients alone are
requested: products can then be divided by the direction, and their sums stay the same."""

CAPPED = "steps: auto stopped at max_steps ({size:,})"
TOO_NARROW = "steps: auto stopped because no interval can be split any further"
NOT_FINITE = "steps: auto stopped at a gradient that is not finite"
NOT_WITHIN = (
    "{reason}: the attributions' sum is off by {accuracy.total:.1%} ({accuracy.parts:.1%} without "
    "cancellation), single attributions by about {accuracy.pixels:.1%}; tolerance {tolerance:g}"
)


def integrate(segment: Segment, options: PathOptions) -> Computation[Integral]:
    """Return the integral by a trapezoid rule on intervals of unequal width.

    Refinement ends once the attributions' sum is within the tolerance, the gaps' magnitudes sum to
    at most four times the tolerance, and the estimated relative L2 error is within the tolerance;
    or at once if the scores of both ends are equal, because then none of them means anything. At
    most `mesh.KEPT` gradients, those of one round and 51 maps are in memory.

    Args:
        segment: The path.
        options: Tolerance and maximum number of intervals.
    """
    path = _Path(segment)
    alphas = np.linspace(0.0, 1.0, min(FIRST_INTERVALS, options.max_steps) + 1)
    scores, products = yield from path.evaluate(alphas)
    mesh = Mesh(alphas, scores, products)
    del products
    warning = None
    if abs(mesh.difference) >= SMALLEST_DIFFERENCE:

        def split(indices: Indices) -> Computation[None]:
            scores, products = yield from path.evaluate(mesh.middles(indices))
            mesh.split(indices, scores, products)

        warning = yield from refine(mesh, split, options)
    total = mesh.total()
    if mesh.owed:
        total += yield from path.weighted_sum(mesh.owed)
    return Integral(
        attributions=total if segment.multiplied else total / path.direction,
        start_score=float(mesh.scores[0]),
        end_score=float(mesh.scores[-1]),
        alphas=mesh.alphas,
        scores=mesh.scores.astype(np.float32),
        evaluations=path.evaluations,
        interior=path.frames.result() if segment.interior else None,
        gathered=mesh.gathered() if segment.gathered else None,
        warnings=(warning,) if warning else (),
    )


def refine(
    intervals: Intervals, split: Callable[[Indices], Computation[None]], options: PathOptions
) -> Computation[str | None]:
    """Split intervals until the tolerance is met; return a warning if it is not.

    Args:
        intervals: The path.
        split: Splits the intervals with these indices.
        options: Tolerance and maximum number of intervals.
    """
    tolerance = options.tolerance
    while math.isfinite((accuracy := intervals.accuracy()).parts):
        is_complete, is_resolved = accuracy.is_complete(tolerance), accuracy.is_resolved(tolerance)
        if is_complete and is_resolved:
            return None
        size = intervals.size
        limit = min(max(MIN_POINTS, size // 16), MAX_POINTS, options.max_steps - size)
        if not limit:
            return _not_within(CAPPED.format(size=size), accuracy, tolerance)
        chosen = intervals.worst(limit, gaps=not is_complete, variances=not is_resolved)
        if not len(chosen):
            return _not_within(TOO_NARROW, accuracy, tolerance)
        yield from split(chosen)
    return NOT_FINITE


def _not_within(reason: str, accuracy: Accuracy, tolerance: float) -> str:
    return NOT_WITHIN.format(reason=reason, accuracy=accuracy, tolerance=tolerance)


class _Path:
    """Evaluates scores and gradients along a straight path.

    Attributes:
        direction: Float32, in the input's shape, the factor of the gradients.
        evaluations: Number of gradients so far.
        frames: Interior gradients.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._direction = self.direction = segment.direction
        if not segment.multiplied:
            tiny = TINY * (np.abs(self._direction).max() or np.float32(1))
            self.direction = np.where(self._direction == 0, tiny, self._direction)
        self.evaluations = 0
        self.frames = FrameCollector()

    def evaluate(self, alphas: Vector) -> Computation[tuple[Array, Array]]:
        """Return scores (P,) and the direction times the gradient at each point (P, ...)."""
        shown = np.ones(len(alphas), np.bool_) if self._segment.interior else None
        [answer] = yield from gradients_along(self._line(alphas, interior=shown))
        if answer.interior is not None:
            self.frames.add(alphas, answer.interior)
        products = answer.gradients
        products *= self.direction
        return answer.scores, products

    def weighted_sum(self, weights: Mapping[float, float]) -> Computation[Array]:
        """Return the direction times the sum of weighted gradients, which are computed again."""
        alphas = np.array(sorted(weights))
        values = np.array([weights[alpha] for alpha in alphas])
        [answer] = yield from gradients_along(self._line(alphas, weights=values))
        return self.direction * answer.gradients

    def _line(self, alphas: Vector, **requested: Any) -> Line:
        self.evaluations += len(alphas)
        return Line(self._segment.start, self._direction, self._segment.target, alphas, **requested)
