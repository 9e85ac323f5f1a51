"""The coordinator: the actor that hands out images to workers and collects their outcomes."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence

from igcli.errors import IgcliError
from igcli.pipeline.distributed.messages import Assignment, RunConfig, Updates
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.runs.summary import EngineFacts

MAX_DEATHS_ALONE = 2
"""An image fails once this many workers have died while it was their only image."""

MAX_STARTS = 3
"""The run stops if a worker has died this many times in a row before it took an image."""

MAX_KILLERS = 10
"""The run stops once this many images in a row have failed because they kill their worker."""

POLL_SECONDS, MAX_WAIT_SECONDS = 0.05, 0.5

NO_START = (
    "--engine ray: a worker died {} times before its first image: is there enough memory for "
    "{} copies of the network? (--workers)"
)
NO_END = (
    "--engine ray: {} images in a row each killed their worker {} times while it worked on nothing "
    "else: is there enough memory for the network? (--workers, batch_size)"
)


class Coordinator:
    """An asyncio actor that the driver and all workers call.

    Each worker has a ticket, 0 to N-1; the replacement of a dead worker has the same ticket. The
    images that a dead worker had taken are suspects: they are handed out again last, one at a time,
    to tell an image that kills its worker from images that happened to be there.
    """

    def __init__(self, workers: int, capacity: int) -> None:
        """Start with an empty queue.

        Args:
            workers: Number of tickets.
            capacity: Maximum number of images in the queue.
        """
        self._workers, self._capacity = workers, capacity
        self._queue: deque[Assignment] = deque()
        self._closed = False
        self._taken: dict[int, dict[str, Assignment]] = {ticket: {} for ticket in range(workers)}
        self._working: set[int] = set()
        self._suspects: deque[Assignment] = deque()
        self._deaths: dict[str, int] = {}
        self._starts: Counter[int] = Counter()
        self._killers = 0
        self._logged: set[str] = set()
        self._error: IgcliError | None = None
        self._updates = Updates()
        self._run_config: RunConfig | None = None

    # Called by the driver.

    async def open(self, run_config: RunConfig) -> None:
        """Let workers that have loaded their network start."""
        self._run_config = run_config

    async def exchange(self, images: Sequence[Assignment], *, closed: bool) -> Updates:
        """Queue images and return the updates; wait up to half a second for the first one.

        Args:
            images: Images to attribute.
            closed: Whether no more images follow.
        """
        self._queue.extend(images)
        self._closed = closed
        end = time.monotonic() + MAX_WAIT_SECONDS
        while (
            not (self._updates.has_news or self._finished or (images and self._room))
            and time.monotonic() < end
        ):
            await asyncio.sleep(POLL_SECONDS)
        updates, self._updates = self._updates, Updates()
        updates.room, updates.finished = self._room, self._finished
        return updates

    async def start(self, ticket: int) -> list[Assignment] | None:
        """Register a new worker.

        Returns:
            The images that the previous worker with this ticket had taken, for `report_lost`; None
            if there is nothing left to do.
        """
        self._working.discard(ticket)
        lost = list(self._taken[ticket].values())
        self._starts[ticket] += 1
        if self._starts[ticket] > MAX_STARTS:
            await self.fail(IgcliError(NO_START.format(MAX_STARTS, self._workers)))
        idle = self._closed and not (lost or self._queue or self._suspects)
        return None if idle or self._error else lost

    # Called by workers.

    async def ready(self, ticket: int, facts: EngineFacts) -> RunConfig | None:
        """Register that a worker has loaded its network, and wait until the driver opens the run.

        Returns:
            The configuration of the run; None if there is nothing left to do.
        """
        self._updates.facts.append(facts)
        while not (self._run_config or self._error):
            await asyncio.sleep(POLL_SECONDS)
        if self._error or self._finished:
            return None
        self._working.add(ticket)
        return self._run_config

    async def report_lost(self, ticket: int, recorded: Sequence[Outcome]) -> None:
        """Sort the images that the previous worker with this ticket had taken.

        Args:
            ticket: Ticket of the worker.
            recorded: Outcomes of the images that it had recorded but not reported.
        """
        for outcome in recorded:
            await self.done(ticket, outcome)
        for name, lost in self._taken[ticket].items():
            # The first death had other images around; later ones happened to a suspect, alone.
            self._deaths[name] = self._deaths.get(name, -1) + 1
            if self._deaths[name] < MAX_DEATHS_ALONE:
                self._suspects.append(lost)
            else:
                self._updates.killers.append(lost)
                self._killers += 1
        self._taken[ticket] = {}
        if self._killers >= MAX_KILLERS:
            await self.fail(IgcliError(NO_END.format(MAX_KILLERS, MAX_DEATHS_ALONE)))

    async def take(self, ticket: int, count: int) -> list[Assignment]:
        """Hand out up to `count` images; an empty list if only suspects are left, or nothing."""
        while not (self._queue or self._closed or self._error):
            await asyncio.sleep(POLL_SECONDS)
        if self._error:
            return []
        images = [self._queue.popleft() for _ in range(min(count, len(self._queue)))]
        self._hand_out(ticket, *images)
        return images

    async def take_suspect(self, ticket: int) -> Assignment | None:
        """Hand out one suspect, for a worker that has no other image; None if there is none."""
        if self._error or not self._suspects:
            return None
        suspect = self._suspects.popleft()
        self._hand_out(ticket, suspect)
        return suspect

    async def done(self, ticket: int, outcome: Outcome) -> None:
        """Accept the outcome of an image whose record is written."""
        self._taken[ticket].pop(outcome.record["image"], None)
        self._updates.outcomes.append(outcome)
        self._killers = 0

    async def stop(self, ticket: int) -> None:
        """Register that a worker has closed its files."""
        self._working.discard(ticket)

    async def log(self, level: int, message: str) -> None:
        """Accept a log record of a worker; a message of several workers is passed on once."""
        if message not in self._logged and len(self._logged) < self._capacity:
            self._logged.add(message)
            self._updates.logs.append((level, message))

    async def fail(self, error: IgcliError) -> None:
        """Stop the run: hand out nothing more. The first error counts."""
        if self._error is None:
            self._error = self._updates.error = error

    def _hand_out(self, ticket: int, *images: Assignment) -> None:
        self._taken[ticket] |= {image.source.name: image for image in images}
        if images:
            self._starts[ticket] = 0

    @property
    def _room(self) -> int:
        return max(0, self._capacity - len(self._queue))

    @property
    def _finished(self) -> bool:
        pending = self._queue or self._suspects or any(self._taken.values())
        return self._closed and not (pending or self._working)
