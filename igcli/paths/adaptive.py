"""Integration to a tolerance: points are added where the integral is wrong, and no further.

Scores come with gradients, so that the trapezoid rule's error in the attributions' sum is known
exactly on every interval. The sum alone is fooled by errors that cancel, and by attributions whose
errors cancel within an interval: the gaps' magnitudes and the jumps of the gradients are watched
too. Weights that are fitted to the scores would hide the first error and enlarge the second.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from igcli.paths.frames import Frames
from igcli.paths.integral import Integral, Segment
from igcli.paths.mesh import Accuracy, Mesh, Vector
from igcli.paths.options import PathOptions
from igcli.paths.work import Line, Work, follow
from igcli.records import SMALLEST_DIFFERENCE, Array

FIRST = 8
"""Intervals to begin with."""

FEWEST, MOST = 4, 16
"""Points of a round; in between a sixteenth of the intervals there are."""

CAPPED = "steps: auto stopped at max_steps ({size:,})"
STUCK = "steps: auto stopped where the path cannot be cut any finer"
BROKEN = "steps: auto stopped at a gradient that is not finite"
SHORT_OF = (
    "{reason}: the attributions' sum is off by {found.total:.1%}, by {found.parts:.1%} if errors "
    "did not cancel, single attributions by about {found.pixels:.1%}; tolerance {tolerance:g}"
)


def integrate(segment: Segment, options: PathOptions) -> Work[Integral]:
    """Return the integral by a trapezoid rule on intervals of unequal width.

    It ends once the attributions' sum is within the tolerance, the gaps' magnitudes sum to no more
    than four times the tolerance, and the estimated relative L2 error is within the tolerance; or
    where none of them means anything, the scores of both ends being equal. However many points
    there are, no more than `mesh.KEPT` gradients and those of one round are in memory, and 51 maps.

    Args:
        segment: The path.
        options: Tolerance and cap.
    """
    track = _Track(segment)
    first = np.linspace(0.0, 1.0, min(FIRST, options.max_steps) + 1)
    scores, products = yield from track.visit(first)
    mesh = Mesh(first, scores, products)
    del products
    warning = None
    if abs(mesh.difference) >= SMALLEST_DIFFERENCE:
        warning = yield from _refine(mesh, track, options)
    total = mesh.total()
    if mesh.owed:
        total += yield from track.weighted(mesh.owed)
    return Integral(
        attributions=total,
        start_score=float(mesh.scores[0]),
        end_score=float(mesh.scores[-1]),
        alphas=mesh.alphas,
        scores=mesh.scores.astype(np.float32),
        evaluations=track.evaluations,
        interior=track.frames.result() if segment.interior else None,
        gathered=mesh.gathered() if segment.gathered else None,
        warnings=(warning,) if warning else (),
    )


class _Track:
    """Takes gradients along a path.

    Attributes:
        evaluations: How many so far.
        frames: Interior gradients.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._direction = segment.direction
        self.evaluations = 0
        self.frames = Frames()

    def visit(self, alphas: Vector) -> Work[tuple[Array, Array]]:
        """Return scores (P,) and the direction times the gradient at each point (P, ...)."""
        shown = np.ones(len(alphas), np.bool_) if self._segment.interior else None
        [found] = yield from follow(self._line(alphas, interior=shown))
        if found.interior is not None:
            self.frames.add(alphas, found.interior)
        products = found.gradients
        products *= self._direction
        return found.scores, products

    def weighted(self, weights: Mapping[float, float]) -> Work[Array]:
        """Return the direction times the sum of weighted gradients, taken once more."""
        alphas = np.array(sorted(weights))
        values = np.array([weights[alpha] for alpha in alphas])
        [found] = yield from follow(self._line(alphas, weights=values))
        return self._direction * found.gradients

    def _line(self, alphas: Vector, **wanted: Any) -> Line:
        self.evaluations += len(alphas)
        return Line(self._segment.start, self._direction, self._segment.target, alphas, **wanted)


def _refine(mesh: Mesh, track: _Track, options: PathOptions) -> Work[str | None]:
    """Split intervals until the tolerance is met; return a warning where it is not."""
    tolerance = options.tolerance
    while math.isfinite((found := mesh.accuracy()).parts):
        complete, resolved = found.is_complete(tolerance), found.is_resolved(tolerance)
        if complete and resolved:
            return None
        most = min(max(FEWEST, mesh.size // 16), MOST, options.max_steps - mesh.size)
        if not most:
            return _short_of(CAPPED.format(size=mesh.size), found, tolerance)
        chosen = mesh.worst(most, gaps=not complete, variances=not resolved)
        if not len(chosen):
            return _short_of(STUCK, found, tolerance)
        scores, products = yield from track.visit(mesh.middles(chosen))
        mesh.split(chosen, scores, products)
    return BROKEN


def _short_of(reason: str, found: Accuracy, tolerance: float) -> str:
    return SHORT_OF.format(reason=reason, found=found, tolerance=tolerance)
