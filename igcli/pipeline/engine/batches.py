"""Batches: packing points of many lines into batches of one size, and collecting the results."""

from bisect import insort
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np

from igcli.integration.network import Network, PointGradients, Points
from igcli.integration.requests import Line, LineGradients
from igcli.records import Array

BATCH_OVERHEAD = 0.5
"""Cost of one more batch, as a number of gradients."""

MIN_SUMMED_POINTS = 4
"""Points of a line from which on the network sums its own summands; a shorter line takes gradients
in pixel space and has them summed."""


@dataclass(slots=True, eq=False)
class _OpenLine:
    """A line whose gradients are being computed, with the results for its points so far.

    Attributes:
        line: The request.
        ticket: Returned with the answer.
        turn: Lines of a smaller turn go first.
        placed: The line, placed where the network computes.
        scores: Float32 (P,), filled from the front.
        slopes: Float32 (P,), likewise; None if not requested.
        taken: Number of points that are in batches.
        done: Number of points with results.
        total: The weighted sum so far, placed where the network computes.
        gradients: Float32 (P, ...), filled from the front; None if only their sum is requested.
        interior: Float32 (requested points, H, W), likewise; None if not requested.
    """

    line: Line
    ticket: Any
    turn: int
    placed: Any
    scores: Array
    slopes: Array | None
    taken: int = 0
    done: int = 0
    total: Any = None
    gradients: Array | None = None
    interior: Array | None = None

    @property
    def size(self) -> int:
        return len(self.line.alphas)

    @property
    def is_summed(self) -> bool:
        """Whether the network may sum up summands of its own instead of gradients."""
        return self.line.weights is not None and self.size >= MIN_SUMMED_POINTS


@dataclass(frozen=True, slots=True, eq=False)
class PointBatch:
    """Points for the network, and the lines they belong to.

    Attributes:
        points: Input of `Network.gradients`.
        parts: The open lines in the batch, in order, and the number of points of each.
    """

    points: Points
    parts: list[tuple[_OpenLine, int]]

    @property
    def needs_per_point(self) -> bool:
        """Whether any line needs gradients in pixel space, one for each point."""
        return not all(open_line.is_summed for open_line, _ in self.parts)

    @property
    def needs_slopes(self) -> bool:
        """Whether any line needs derivatives along its direction."""
        return any(open_line.slopes is not None for open_line, _ in self.parts)

    @property
    def needs_interior(self) -> bool:
        """Whether any line needs interior gradients."""
        return any(open_line.line.interior is not None for open_line, _ in self.parts)

    def split(self, size: int) -> "list[PointBatch]":
        """Split into batches of `size`, in order; the last one is padded with its last point."""
        count = sum(points for _, points in self.parts)
        return [self._slice(at, min(at + size, count), size) for at in range(0, count, size)]

    def _slice(self, first: int, end: int, size: int) -> "PointBatch":
        points, padding = self.points, (0, size - (end - first))
        line = points.line[first:end]
        low, high = int(line[0]), int(line[-1]) + 1
        counts = np.bincount(line - low, minlength=high - low).tolist()
        open_lines = [open_line for open_line, _ in self.parts[low:high]]
        return PointBatch(
            Points(
                points.lines[low:high],
                np.pad(line - low, padding, mode="edge"),
                np.pad(points.alpha[first:end], padding, mode="edge"),
                np.pad(points.target[first:end], padding, mode="edge"),
                None if points.masks is None else points.masks[low:high],
            ),
            list(zip(open_lines, counts, strict=True)),
        )


class BatchQueue:
    """A queue of lines whose points are cut into batches of one size.

    Attributes:
        pending: Number of points that are not in a batch yet.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._open: list[_OpenLine] = []
        self.pending = 0

    def add(self, line: Line, ticket: Any, *, turn: int) -> None:
        """Queue a line.

        Args:
            line: The request.
            ticket: Returned with the answer.
            turn: The line goes before lines of a larger turn, and after others of the same.
        """
        size = len(line.alphas)
        open_line = _OpenLine(
            line,
            ticket,
            turn,
            self._network.place(line.start, line.direction),
            scores=np.empty(size, np.float32),
            slopes=np.empty(size, np.float32) if line.slopes else None,
        )
        if line.interior is not None:
            shape = np.count_nonzero(line.interior), *line.start.shape[:-1]
            open_line.interior = np.empty(shape, np.float32)
        if line.weights is None:
            open_line.gradients = np.empty((size, *line.start.shape), np.float32)
        insort(self._open, open_line, key=attrgetter("turn"))
        self.pending += size

    def take(self, size: int) -> PointBatch:
        """Return the next `size` points as a batch; if there are fewer, pad with the last one."""
        parts: list[tuple[_OpenLine, int]] = []
        room = size
        while room and self._open:
            head = self._open[0]
            count = min(room, head.size - head.taken)
            parts.append((head, count))
            head.taken += count
            room -= count
            if head.taken == head.size:
                del self._open[0]
        self.pending -= size - room
        return PointBatch(_points(parts, size), parts)

    def collect(
        self, batch: PointBatch, results: PointGradients
    ) -> list[tuple[Any, LineGradients]]:
        """Assign the results of a batch to its lines; batches have to come in order.

        Returns:
            Ticket and answer of each line that is complete.
        """
        complete = []
        first = 0
        for open_line, count in batch.parts:
            self._add(open_line, results, slice(first, first + count))
            first += count
            if open_line.done == open_line.size:
                complete.append((open_line.ticket, self._answer(open_line)))
        return complete

    def _add(self, open_line: _OpenLine, results: PointGradients, rows: slice) -> None:
        """Add the results in some rows of a batch to the line that they belong to."""
        points = slice(open_line.done, open_line.done + rows.stop - rows.start)
        line = open_line.line

        def fetch(placed: Any) -> Array:
            return self._network.fetch(self._network.rows(placed, rows))

        open_line.scores[points] = fetch(results.scores)
        if open_line.slopes is not None and results.slopes is not None:
            open_line.slopes[points] = fetch(results.slopes)
        if line.weights is not None:
            summands = results.summands if open_line.is_summed else results.gradients
            weights = line.weights[points].astype(np.float32)
            terms = self._network.rows(summands, rows)
            open_line.total = self._network.accumulate(open_line.total, terms, weights)
        if open_line.gradients is not None:
            open_line.gradients[points] = fetch(results.gradients)
        maps = results.interior
        if line.interior is not None and open_line.interior is not None and maps is not None:
            first, end = (
                np.count_nonzero(line.interior[:at]) for at in (points.start, points.stop)
            )
            wanted, shown = np.flatnonzero(line.interior[points]), open_line.interior[first:end]
            # Any mode but the default writes into `out` at once, instead of by way of a copy.
            np.take(fetch(maps), wanted, axis=0, out=shown, mode="clip")
        open_line.done = points.stop

    def _answer(self, open_line: _OpenLine) -> LineGradients:
        if open_line.gradients is not None:
            gradients = open_line.gradients
        elif open_line.is_summed:
            gradients = self._network.gradient_of(open_line.total)
        else:
            gradients = self._network.fetch(open_line.total)
        return LineGradients(
            scores=open_line.scores,
            gradients=gradients,
            slopes=open_line.slopes,
            interior=open_line.interior,
        )


@lru_cache
def sizes_for(points: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the batch sizes that take a number of points in the least time, largest first.

    Args:
        points: Number of points.
        sizes: The sizes to choose from.
    """
    # Dynamic programming: the least cost for each number of points, and the batch it begins with.
    costs, chosen = [0.0], [0]
    for count in range(1, points + 1):
        # Of equal costs the larger size wins, which makes fewer batches.
        cost, size = min(
            (size + BATCH_OVERHEAD + costs[max(count - size, 0)], -size) for size in sizes
        )
        costs.append(cost)
        chosen.append(-size)
    batches = []
    while points > 0:
        batches.append(chosen[points])
        points -= chosen[points]
    return tuple(sorted(batches, reverse=True))


def _points(parts: list[tuple[_OpenLine, int]], size: int) -> Points:
    """Return the points that were just taken of some lines, padded to `size`."""
    lines = [open_line.line for open_line, _ in parts]
    line = np.repeat(np.arange(len(parts), dtype=np.int32), [count for _, count in parts])
    alphas = [
        open_line.line.alphas[open_line.taken - count : open_line.taken]
        for open_line, count in parts
    ]
    targets = np.array([request.target for request in lines], np.int32)
    padding = (0, size - len(line))
    masks = [request.mask for request in lines if request.mask is not None]
    return Points(
        [open_line.placed for open_line, _ in parts],
        np.pad(line, padding, mode="edge"),
        np.pad(np.concatenate(alphas).astype(np.float32), padding, mode="edge"),
        np.pad(targets[line], padding, mode="edge"),
        masks or None,
    )
