"""What a method asks of the network, as data.

A method is a generator: it yields requests and is sent their answers once they are computed.
Whoever runs it may pack the points of many such generators into the same batch.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from igcli.records import Array

T = TypeVar("T")

MOST_KEPT = 48
"""Gradients of one input that a method keeps at a time: two batches of a CPU, and little memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Asks for all scores of one input; answered by float32 (K,), or (P, K) of each of P pixels.

    Attributes:
        input: Float32, shape of the network's input, in pixel space.
    """

    input: Array


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Asks for gradients of one score at start + alpha * direction.

    Attributes:
        start: Float32, shape of the network's input, in pixel space.
        direction: Float32, the same shape.
        target: Index of the score.
        alphas: Float64 (P,).
        weights: Float64 (P,) to have only the weighted sum of the gradients, which costs the
            memory of one; None to have each of them.
        slopes: Whether the derivatives along the direction are wanted.
        interior: Bool (P,), the points whose interior gradients are wanted; None for none.
        mask: Float32, the pixels whose scores are added up, where each has scores of its own.
    """

    start: Array
    direction: Array
    target: int
    alphas: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64] | None = None
    slopes: bool = False
    interior: npt.NDArray[np.bool_] | None = None
    mask: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LineGradients:
    """The answer to a `Line`.

    Attributes:
        scores: Float32 (P,), the target's score at every point.
        gradients: Float32, in the input's shape: the weighted sum; or (P, ...): each of them.
        slopes: Float32 (P,), the score's derivative along the direction, where asked for.
        interior: Float32 (points wanted, H, W): channel mean of (start + direction) * gradient,
            where asked for.
    """

    scores: Array
    gradients: Array
    slopes: Array | None
    interior: Array | None


Request = Prediction | Line
Answer = Array | LineGradients
Work = Generator[Sequence[Request], Sequence[Answer], T]


def predict(*inputs: Array) -> Work[list[Array]]:
    """Ask for the scores of each input, float32 (K,) each."""
    answers = yield [Prediction(each) for each in inputs]
    return cast(list[Array], answers)


def together(works: Sequence[Work[T]]) -> Work[list[T]]:
    """Run pieces of work side by side, so that their points share batches."""
    results: dict[int, T] = {}
    answers: dict[int, Any] = dict.fromkeys(range(len(works)))
    while answers:
        asked: dict[int, Sequence[Request]] = {}
        for place, answer in answers.items():
            try:
                asked[place] = works[place].send(answer)
            except StopIteration as stop:
                results[place] = stop.value
        if asked:
            found = iter((yield [each for requests in asked.values() for each in requests]))
        answers = {place: [next(found) for _ in requests] for place, requests in asked.items()}
    return [results[place] for place in range(len(works))]


def masked(work: Work[T], mask: Array) -> Work[T]:
    """Have all gradients of a piece of work taken of the scores of some pixels alone.

    Args:
        work: What is to be done.
        mask: Float32 (P,), one for these pixels and zero for the others.
    """
    answers: Any = None
    while True:
        try:
            asked = work.send(answers)
        except StopIteration as stop:
            result: T = stop.value
            return result
        answers = yield [
            replace(each, mask=mask) if isinstance(each, Line) else each for each in asked
        ]


def gradients_at(inputs: Sequence[Array], target: int) -> Work[list[LineGradients]]:
    """Ask for the score and the gradient at each of a few inputs, all of the same shape."""
    still = np.zeros_like(inputs[0])
    once = np.ones(1)
    return (yield from follow(*(Line(each, still, target, once, once) for each in inputs)))


def follow(*lines: Line) -> Work[list[LineGradients]]:
    """Ask for the gradients along each line."""
    answers = yield lines
    return cast(list[LineGradients], answers)
