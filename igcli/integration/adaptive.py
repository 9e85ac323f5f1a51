"""Integration to a tolerance: points are added where the integral is wrong, and no further.

Scores come with gradients, so that the trapezoid rule's error in the attributions' sum is known
exactly on every interval. The sum alone is fooled by errors that cancel, and by attributions whose
errors cancel within an interval: the gaps' magnitudes and the jumps of the gradients are watched
too. Weights that are fitted to the scores would hide the first error and enlarge the second.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from igcli.integration.integral import Frames, Integral, Segment
from igcli.integration.mesh import Accuracy, Mesh, Places, Vector
from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation, Line, gradients_along
from igcli.records import SMALLEST_DIFFERENCE, Array

FIRST = 8
"""Intervals to begin with."""

FEWEST, MOST = 4, 16
"""Points of a round; in between a sixteenth of the intervals there are."""

VANISHING = np.float32(1e-20)
"""Part of the largest change of a pixel that stands for none where gradients alone are wanted: by
it products can be divided, and their sums are what they were."""

CAPPED = "steps: auto stopped at max_steps ({size:,})"
STUCK = "steps: auto stopped where the path cannot be cut any finer"
BROKEN = "steps: auto stopped at a gradient that is not finite"
SHORT_OF = (
    "{reason}: the attributions' sum is off by {found.total:.1%}, by {found.parts:.1%} if errors "
    "did not cancel, single attributions by about {found.pixels:.1%}; tolerance {tolerance:g}"
)


def integrate(segment: Segment, options: PathOptions) -> Computation[Integral]:
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

        def split(places: Places) -> Computation[None]:
            scores, products = yield from track.visit(mesh.middles(places))
            mesh.split(places, scores, products)

        warning = yield from refine(mesh, split, options)
    total = mesh.total()
    if mesh.owed:
        total += yield from track.weighted(mesh.owed)
    return Integral(
        attributions=total if segment.multiplied else total / track.direction,
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
        direction: What gradients are multiplied by.
        evaluations: How many so far.
        frames: Interior gradients.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._direction = self.direction = segment.direction
        if not segment.multiplied:
            least = VANISHING * (np.abs(self._direction).max() or np.float32(1))
            self.direction = np.where(self._direction == 0, least, self._direction)
        self.evaluations = 0
        self.frames = Frames()

    def visit(self, alphas: Vector) -> Computation[tuple[Array, Array]]:
        """Return scores (P,) and the direction times the gradient at each point (P, ...)."""
        shown = np.ones(len(alphas), np.bool_) if self._segment.interior else None
        [found] = yield from gradients_along(self._line(alphas, interior=shown))
        if found.interior is not None:
            self.frames.add(alphas, found.interior)
        products = found.gradients
        products *= self.direction
        return found.scores, products

    def weighted(self, weights: Mapping[float, float]) -> Computation[Array]:
        """Return the direction times the sum of weighted gradients, taken once more."""
        alphas = np.array(sorted(weights))
        values = np.array([weights[alpha] for alpha in alphas])
        [found] = yield from gradients_along(self._line(alphas, weights=values))
        return self.direction * found.gradients

    def _line(self, alphas: Vector, **wanted: Any) -> Line:
        self.evaluations += len(alphas)
        return Line(self._segment.start, self._direction, self._segment.target, alphas, **wanted)


class Refined(Protocol):
    """A path cut into intervals that can be split."""

    @property
    def size(self) -> int:
        """Number of intervals."""
        ...

    def accuracy(self) -> Accuracy:
        """Return how far the integral is off."""
        ...

    def worst(self, most: int, *, gaps: bool, variances: bool) -> Places:
        """Return the places of the intervals to split next, up to `most`, in rising order.

        Args:
            most: How many.
            gaps: Whether the attributions' sum is still to be improved.
            variances: Whether single attributions are.
        """
        ...


def refine(
    mesh: Refined, split: Callable[[Places], Computation[None]], options: PathOptions
) -> Computation[str | None]:
    """Split intervals until the tolerance is met; return a warning where it is not.

    Args:
        mesh: The path.
        split: Splits intervals of it.
        options: Tolerance and cap.
    """
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
        yield from split(chosen)
    return BROKEN


def _short_of(reason: str, found: Accuracy, tolerance: float) -> str:
    return SHORT_OF.format(reason=reason, found=found, tolerance=tolerance)
