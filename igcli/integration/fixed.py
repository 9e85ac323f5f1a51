"""Integration by a quadrature rule, whose points are known in advance."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from igcli.integration.integral import Integral, Segment, choose_frames
from igcli.integration.quadrature import Quadrature
from igcli.integration.requests import Answer, Computation, Line, LineGradients, Prediction, Request
from igcli.records import Array, Interior

Vector = npt.NDArray[np.float64]


def integrate(segment: Segment, rule: Quadrature) -> Computation[Integral]:
    """Return the integral; if an end is not a point of the rule, its score is requested too.

    Source: Sundararajan, Taly and Yan 2017 (arXiv 1703.01365), equation 3, for any rule.

    Args:
        segment: The path.
        rule: Points and weights.
    """
    direction = segment.direction
    shown = choose_frames(rule.points) if segment.interior else None
    line = Line(
        segment.start,
        direction,
        segment.target,
        rule.points,
        rule.weights,
        slopes=segment.gathered,
        interior=shown,
    )
    requests: list[Request] = [line]
    if rule.points[0] > 0:
        requests.append(Prediction(segment.start))
    if rule.points[-1] < 1:
        requests.append(Prediction(segment.end))
    answers: Sequence[Answer] = yield requests
    on_line = cast(LineGradients, answers[0])
    end_scores = iter(cast(Array, answer)[segment.target] for answer in answers[1:])
    interior = None
    if shown is not None and on_line.interior is not None:
        interior = Interior(rule.points[shown], on_line.interior)
    start_score = float(next(end_scores) if rule.points[0] > 0 else on_line.scores[0])
    end_score = float(next(end_scores) if rule.points[-1] < 1 else on_line.scores[-1])
    gathered = None
    if on_line.slopes is not None:
        gathered = start_score + _integral_up_to_points(rule, on_line.slopes)
    return Integral(
        attributions=direction * on_line.gradients if segment.multiplied else on_line.gradients,
        start_score=start_score,
        end_score=end_score,
        alphas=rule.points,
        scores=on_line.scores,
        evaluations=len(rule.points),
        interior=interior,
        gathered=gathered,
    )


def _integral_up_to_points(rule: Quadrature, slopes: Array) -> Vector:
    """Return the integral of the slopes (P,) from 0 to each point of a rule.

    Each point's slope applies to a stretch as long as its weight; the stretches are consecutive.
    """
    edges = np.cumsum(np.concatenate([[0.0], rule.weights]))
    integral = np.cumsum(np.concatenate([[0.0], rule.weights * slopes]))
    up_to_points: Vector = np.interp(rule.points, edges, integral)
    return up_to_points
