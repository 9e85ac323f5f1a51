"""Predictions: inputs of many requests, made when a batch takes them and computed in few sizes."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from igcli.integration.requests import Inputs, Prediction, Predictions, sum_over_pixels
from igcli.records import Array, Pixels

PREDICTION_SIZE = 8
"""Inputs of one prediction."""

LARGE_SIZE = 32
"""Inputs of one prediction where so many are pending; in multiples of eight, rounding is the same.

On two cores 32 give 8% more scores a second than 8 (a MobileNet of width 0.25).
"""


@dataclass(frozen=True, slots=True, eq=False)
class _OneInput:
    """The only input of a `Prediction`."""

    input: Array

    def __len__(self) -> int:
        return 1

    def write(self, _indices: range, out: Array) -> None:
        out[...] = self.input


@dataclass(slots=True, eq=False)
class _OpenPrediction:
    """A request whose scores are being computed.

    Attributes:
        request: What is requested.
        inputs: What is predicted.
        ticket: Returned with the answer.
        taken: Number of inputs that are in batches.
        done: Number of inputs with scores.
        scores: The answers so far, (N, ...); None before the first.
    """

    request: Prediction | Predictions
    inputs: Inputs
    ticket: Any
    taken: int = 0
    done: int = 0
    scores: Any = None

    @property
    def answer(self) -> Array:
        """The answer to the request once it is complete."""
        answer: Array = self.scores[0] if isinstance(self.request, Prediction) else self.scores
        return answer

    def add(self, indices: range, scores: Array) -> None:
        """Keep what is requested of the scores, (n, K) or (n, P, K), of some inputs."""
        target = self.request.target if isinstance(self.request, Predictions) else None
        chosen = scores if target is None else scores[..., target : target + 1]
        requested = sum_over_pixels(chosen, self.request.mask)
        if target is not None:
            requested = requested[..., 0]
        if self.scores is None:
            self.scores = np.empty((len(self.inputs), *requested.shape[1:]), np.float32)
        self.scores[indices.start : indices.stop] = requested
        self.done += len(indices)


@dataclass(frozen=True, slots=True, eq=False)
class PredictionBatch:
    """Inputs that are predicted together.

    Attributes:
        size: Number of inputs, the last one repeated.
        buffers: Arrays (size, ...) that no batch uses, to be used again: fresh memory costs 4 ms.
        parts: The open requests in the batch, with the indices of their inputs.
    """

    size: int
    buffers: list[Array]
    parts: list[tuple[_OpenPrediction, range]]

    def scores(self, predict: Callable[[Array], Array], shape: tuple[int, ...]) -> Array:
        """Make the inputs and return their scores, (N, ...).

        Args:
            predict: Returns the scores of inputs (N, ...).
            shape: Shape of one input.
        """
        try:
            batch = self.buffers.pop()
        except IndexError:
            batch = np.empty((self.size, *shape), np.float32)
        row = 0
        for part, indices in self.parts:
            part.inputs.write(indices, batch[row : row + len(indices)])
            row += len(indices)
        batch[row:] = batch[row - 1]
        scores = predict(batch)
        self.buffers.append(batch)
        return scores


class PredictionQueue:
    """A queue of requests for scores, first in, first out.

    Attributes:
        pending: Number of inputs that are not in a batch yet.
    """

    def __init__(self) -> None:
        self._open: deque[_OpenPrediction] = deque()
        self.pending = 0
        self._buffers: dict[int, list[Array]] = {PREDICTION_SIZE: [], LARGE_SIZE: []}

    def add(self, request: Prediction | Predictions, ticket: Any) -> None:
        """Queue a request; its ticket comes back with the answer."""
        inputs = _OneInput(request.input) if isinstance(request, Prediction) else request.inputs
        self._open.append(_OpenPrediction(request, inputs, ticket))
        self.pending += len(inputs)

    def take(self) -> PredictionBatch:
        """Return the next inputs as a batch."""
        size = LARGE_SIZE if self.pending >= LARGE_SIZE else PREDICTION_SIZE
        parts: list[tuple[_OpenPrediction, range]] = []
        room = size
        while room and self._open:
            head = self._open[0]
            indices = range(head.taken, min(head.taken + room, len(head.inputs)))
            parts.append((head, indices))
            head.taken = indices.stop
            room -= len(indices)
            if head.taken == len(head.inputs):
                self._open.popleft()
        self.pending -= size - room
        return PredictionBatch(size, self._buffers[size], parts)

    def collect(self, batch: PredictionBatch, scores: Array) -> list[tuple[Any, Array]]:
        """Assign scores to the requests in a batch; batches may come in any order.

        Returns:
            Ticket and answer of each request that is complete.
        """
        complete = []
        row = 0
        for part, indices in batch.parts:
            part.add(indices, scores[row : row + len(indices)])
            row += len(indices)
            if part.done == len(part.inputs):
                complete.append((part.ticket, part.answer))
        return complete


def padded(inputs: Sequence[Array | Pixels]) -> Array:
    """Return up to `PREDICTION_SIZE` inputs as a batch of that size, the last one repeated.

    Always one shape: it is traced once, and rounding does not depend on the other inputs.
    """
    return np.stack([*inputs, *[inputs[-1]] * (PREDICTION_SIZE - len(inputs))])
