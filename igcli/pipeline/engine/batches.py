"""Packs the points of many lines into full batches and hands each line its answer."""

from bisect import insort
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np

from igcli.integration.network import Network, PointGradients, Points
from igcli.integration.requests import Line, LineGradients
from igcli.records import Array

BETWEEN = 0.5
"""Gradients that could be taken in the time which one more batch costs."""

LONG = 4
"""Points from which on the network sums as it likes; a few gradients are as well taken as such."""


@dataclass(slots=True, eq=False)
class _OpenLine:
    """A line under way: what is known of its points so far."""

    line: Line
    ticket: Any
    turn: int
    placed: Any
    scores: Array
    slopes: Array | None
    taken: int = 0
    done: int = 0
    total: Any = None
    kept: Array | None = None
    interior: list[Array] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.line.alphas)

    @property
    def is_summed(self) -> bool:
        """Whether a sum is wanted, of gradients that nobody needs to see."""
        return self.line.weights is not None and self.size >= LONG


@dataclass(frozen=True, slots=True, eq=False)
class PointBatch:
    """Points ready for the network, and which part of which line they are.

    Attributes:
        points: What the network is given.
        parts: For each line its share of the batch, in order: (open line, points).
    """

    points: Points
    parts: list[tuple[_OpenLine, int]]

    @property
    def each(self) -> bool:
        """Whether any line wants gradients one by one."""
        return not all(opened.is_summed for opened, _ in self.parts)

    @property
    def slopes(self) -> bool:
        """Whether any line wants derivatives along its direction."""
        return any(opened.slopes is not None for opened, _ in self.parts)

    @property
    def interior(self) -> bool:
        """Whether any line wants interior gradients."""
        return any(opened.line.interior is not None for opened, _ in self.parts)

    def split(self, size: int) -> "list[PointBatch]":
        """Cut into batches of `size` in the same order; the last repeats its last point."""
        real = sum(count for _, count in self.parts)
        return [self._between(at, min(at + size, real), size) for at in range(0, real, size)]

    def _between(self, first: int, end: int, size: int) -> "PointBatch":
        points, missing = self.points, (0, size - (end - first))
        line = points.line[first:end]
        low, high = int(line[0]), int(line[-1]) + 1
        counts = np.bincount(line - low, minlength=high - low).tolist()
        opened = [part for part, _ in self.parts[low:high]]
        return PointBatch(
            Points(
                points.lines[low:high],
                np.pad(line - low, missing, mode="edge"),
                np.pad(points.alpha[first:end], missing, mode="edge"),
                np.pad(points.target[first:end], missing, mode="edge"),
                None if points.masks is None else points.masks[low:high],
            ),
            list(zip(opened, counts, strict=True)),
        )


class Batches:
    """A queue of lines, cut into batches of one size.

    Attributes:
        pending: Number of points that wait to be put into a batch.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._open: list[_OpenLine] = []
        self.pending = 0

    def add(self, line: Line, ticket: Any, *, turn: int) -> None:
        """Queue a line before those of a later turn; its answer will come back with `ticket`."""
        size = len(line.alphas)
        opened = _OpenLine(
            line,
            ticket,
            turn,
            self._network.place(line.start, line.direction),
            scores=np.empty(size, np.float32),
            slopes=np.empty(size, np.float32) if line.slopes else None,
        )
        if line.weights is None:
            opened.kept = np.empty((size, *line.start.shape), np.float32)
        insort(self._open, opened, key=attrgetter("turn"))
        self.pending += size

    def take(self, size: int) -> PointBatch:
        """Take the next `size` points; a last batch that is not full repeats its last point."""
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

    def give(self, batch: PointBatch, found: PointGradients) -> list[tuple[Any, LineGradients]]:
        """Hand a batch's gradients to its lines; return the lines that are complete."""
        complete = []
        first = 0
        for opened, count in batch.parts:
            self._collect(opened, found, slice(first, first + count))
            first += count
            if opened.done == opened.size:
                complete.append((opened.ticket, self._answer(opened)))
        return complete

    def _collect(self, opened: _OpenLine, found: PointGradients, here: slice) -> None:
        there = slice(opened.done, opened.done + here.stop - here.start)
        fetch, line = self._network.fetch, opened.line
        opened.scores[there] = fetch(found.scores[here])
        if opened.slopes is not None and found.slopes is not None:
            opened.slopes[there] = fetch(found.slopes[here])
        if line.weights is not None:
            summands = found.summands if opened.is_summed else found.gradients
            weights = line.weights[there].astype(np.float32)
            opened.total = self._network.accumulate(opened.total, summands[here], weights)
        if opened.kept is not None:
            opened.kept[there] = fetch(found.gradients[here])
        if line.interior is not None and found.interior is not None:
            opened.interior.append(fetch(found.interior[here])[line.interior[there]])
        opened.done = there.stop

    def _answer(self, opened: _OpenLine) -> LineGradients:
        if opened.kept is not None:
            gradients = opened.kept
        elif opened.is_summed:
            gradients = self._network.gradient_of(opened.total)
        else:
            gradients = self._network.fetch(opened.total)
        return LineGradients(
            scores=opened.scores,
            gradients=gradients,
            slopes=opened.slopes,
            interior=np.concatenate(opened.interior) if opened.interior else None,
        )


@lru_cache
def sizes_for(points: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the batches that hold a number of points in the least time, the largest first.

    Args:
        points: How many.
        sizes: That batches may have.
    """
    costs, chosen = [0.0], [0]
    for left in range(1, points + 1):
        # The largest of equally good ones, which makes the fewest batches.
        cost, size = min((size + BETWEEN + costs[max(left - size, 0)], -size) for size in sizes)
        costs.append(cost)
        chosen.append(-size)
    plan = []
    while points > 0:
        plan.append(chosen[points])
        points -= chosen[points]
    return tuple(sorted(plan, reverse=True))


def _points(parts: list[tuple[_OpenLine, int]], size: int) -> Points:
    line = np.repeat(np.arange(len(parts), dtype=np.int32), [count for _, count in parts])
    alpha = np.concatenate([p.line.alphas[p.taken - n : p.taken] for p, n in parts])
    target = np.array([opened.line.target for opened, _ in parts], np.int32)[line]
    missing = (0, size - len(line))
    masks = [opened.line.mask for opened, _ in parts if opened.line.mask is not None]
    return Points(
        [opened.placed for opened, _ in parts],
        np.pad(line, missing, mode="edge"),
        np.pad(alpha.astype(np.float32), missing, mode="edge"),
        np.pad(target, missing, mode="edge"),
        masks or None,
    )
