"""Requests that computations make of the network, and the answers, as data.

A method is a generator: it yields requests and is sent their answers once they are computed. The
engine may pack the points of many such generators into the same batch.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from igcli.records import Array

T = TypeVar("T")

CHUNK_SIZE = 48
"""Gradients of one input that a method requests at a time: two CPU batches, in little memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Request for all scores of one input; the answer is float32 (K,), or (P, K) for P pixels.

    Attributes:
        input: Float32, shape of the network's input, in pixel space.
        mask: As in `Line`; the answer is then (K,).
    """

    input: Array
    mask: Array | None = None


class Inputs(Protocol):
    """Inputs that are made as the network takes them: all of them may be large."""

    def __len__(self) -> int:
        """Return their number, at least 1."""
        ...

    def write(self, indices: range, out: Array) -> None:
        """Write successive inputs into `out`, float32 (n, ...); called from any thread."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Request for scores of many inputs; the answer is float32 (N, K), or (N, P, K) for P pixels.

    Attributes:
        inputs: The N inputs, in pixel space.
        target: Index of the only score that is returned, without the last axis; None for all.
        mask: As in `Line`; the answer is then without the axis of the pixels.
    """

    inputs: Inputs
    target: int | None = None
    mask: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Request for gradients of one score at start + alpha * direction.

    Attributes:
        start: Float32, shape of the network's input, in pixel space.
        direction: Float32, the same shape.
        target: Index of the score.
        alphas: Float64 (P,).
        weights: Float64 (P,), to get only the weighted sum of the gradients, which takes the memory
            of one; None to get every gradient.
        slopes: Whether to return the derivatives along the direction.
        interior: Bool (P,), the points whose interior gradients are returned; None for none.
        mask: Float32 (pixels,), which pixels' scores are summed, for networks that score every
            pixel.
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
        gradients: Float32, the weighted sum, in the input's shape; or every gradient, (P, ...).
        slopes: Float32 (P,), the score's derivative along the direction, if requested.
        interior: Float32 (requested points, H, W), channel mean of (start + direction) * gradient,
            if requested.
    """

    scores: Array
    gradients: Array
    slopes: Array | None
    interior: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class LayerGradient:
    """Request for the values at a layer of the network, and the gradient of a score there.

    Attributes:
        input: Float32, shape of the network's input, in pixel space.
        target: Index of the score.
        layer: Name of a layer whose values have height, width and channels; None for the last such
            values before the scores.
        mask: As in `Line`.
    """

    input: Array
    target: int
    layer: str | None = None
    mask: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LayerGradients:
    """The answer to a `LayerGradient`.

    Attributes:
        activations: Float32 (h, w, c), the values at the layer.
        gradients: Float32 (h, w, c), the gradient of the score with respect to them.
        score: The target's score.
        channels_first: Whether the network's input is (C, H, W).
    """

    activations: Array
    gradients: Array
    score: float
    channels_first: bool = False


Request = Prediction | Predictions | Line | LayerGradient
Answer = Array | LineGradients | LayerGradients
Computation = Generator[Sequence[Request], Sequence[Answer], T]
"""A generator that yields requests, is sent their answers, and returns a result."""


def predict(*inputs: Array) -> Computation[list[Array]]:
    """Request the scores of each input, float32 (K,) each."""
    answers = yield [Prediction(pixels) for pixels in inputs]
    return cast(list[Array], answers)


def predict_all(inputs: Inputs) -> Computation[Array]:
    """Request the scores of many inputs, float32 (N, K)."""
    [answer] = yield [Predictions(inputs)]
    return cast(Array, answer)


def predict_target(inputs: Inputs, target: int) -> Computation[Array]:
    """Request one score of many inputs, float32 (N,)."""
    [answer] = yield [Predictions(inputs, target)]
    return cast(Array, answer)


def gradients_along(*lines: Line) -> Computation[list[LineGradients]]:
    """Request the gradients along each line."""
    answers = yield lines
    return cast(list[LineGradients], answers)


def gradients_at(inputs: Sequence[Array], target: int) -> Computation[list[LineGradients]]:
    """Request the score and the gradient at each of a few inputs, all of the same shape."""
    no_direction = np.zeros_like(inputs[0])
    one = np.ones(1)
    lines = [Line(pixels, no_direction, target, one, one) for pixels in inputs]
    return (yield from gradients_along(*lines))


def gradient_at_layer(request: LayerGradient) -> Computation[LayerGradients]:
    """Request the values at a layer, and the gradient there."""
    [answer] = yield [request]
    return cast(LayerGradients, answer)


def concurrently(computations: Sequence[Computation[T]]) -> Computation[list[T]]:
    """Run computations side by side, so that their points share batches; return their results."""
    results: dict[int, T] = {}
    answers: dict[int, Any] = dict.fromkeys(range(len(computations)))
    while answers:
        pending: dict[int, Sequence[Request]] = {}
        for index, answer in answers.items():
            try:
                pending[index] = computations[index].send(answer)
            except StopIteration as stop:
                results[index] = stop.value
        if pending:
            combined = [request for requests in pending.values() for request in requests]
            received = iter((yield combined))
        answers = {index: [next(received) for _ in requests] for index, requests in pending.items()}
    return [results[index] for index in range(len(computations))]


def with_mask(computation: Computation[T], mask: Array) -> Computation[T]:
    """Restrict a computation to the sums of the scores of some pixels.

    Args:
        computation: Its requests get the mask.
        mask: Float32 (P,), 1 for these pixels and 0 for the others.
    """
    answers: Any = None
    while True:
        try:
            requests = computation.send(answers)
        except StopIteration as stop:
            result: T = stop.value
            return result
        answers = yield [replace(request, mask=mask) for request in requests]


def sum_over_pixels(scores: Array, mask: Array | None) -> Array:
    """Return the sums, float32 (..., K), of scores (..., P, K) over the pixels of a mask (P,).

    Scores (..., K), which have no mask, are returned unchanged.
    """
    if mask is None:
        return scores
    total: Array = np.einsum("p,...pk->...k", mask, scores, dtype=np.float64).astype(np.float32)
    return total
