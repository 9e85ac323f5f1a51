"""Integration by a rule whose points are known beforehand."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from igcli.integration.integral import Integral, Segment, frames
from igcli.integration.quadrature import Quadrature
from igcli.integration.requests import Answer, Computation, Line, LineGradients, Prediction, Request
from igcli.records import Array, Interior

Vector = npt.NDArray[np.float64]


def integrate(segment: Segment, rule: Quadrature) -> Computation[Integral]:
    """Return the integral; a score at an end that is no point of the rule is asked for by itself.

    Args:
        segment: The path.
        rule: Its points and weights.
    """
    direction = segment.direction
    shown = frames(rule.points) if segment.interior else None
    line = Line(
        segment.start,
        direction,
        segment.target,
        rule.points,
        rule.weights,
        slopes=segment.gathered,
        interior=shown,
    )
    asked: list[Request] = [line]
    if rule.points[0] > 0:
        asked.append(Prediction(segment.start))
    if rule.points[-1] < 1:
        asked.append(Prediction(segment.end))
    answers: Sequence[Answer] = yield asked
    found = cast(LineGradients, answers[0])
    ends = iter(cast(Array, answer)[segment.target] for answer in answers[1:])
    interior = None
    if shown is not None and found.interior is not None:
        interior = Interior(rule.points[shown], found.interior)
    start_score = float(next(ends) if rule.points[0] > 0 else found.scores[0])
    return Integral(
        attributions=direction * found.gradients if segment.multiplied else found.gradients,
        start_score=start_score,
        end_score=float(next(ends) if rule.points[-1] < 1 else found.scores[-1]),
        alphas=rule.points,
        scores=found.scores,
        evaluations=len(rule.points),
        interior=interior,
        gathered=None if found.slopes is None else start_score + _up_to_points(rule, found.slopes),
    )


def _up_to_points(rule: Quadrature, slopes: Array) -> Vector:
    """Return the integral of the slopes (P,) from 0 to each point of a rule.

    A point's slope holds for a stretch as long as its weight; the stretches follow one another.
    """
    edges = np.cumsum(np.concatenate([[0.0], rule.weights]))
    integral = np.cumsum(np.concatenate([[0.0], rule.weights * slopes]))
    up_to: Vector = np.interp(rule.points, edges, integral)
    return up_to
