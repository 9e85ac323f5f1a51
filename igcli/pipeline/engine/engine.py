"""Runs many pieces of work over one network and keeps its batches full."""

import queue
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from igcli.integration.network import Network
from igcli.integration.requests import Answer, Prediction, Request
from igcli.pipeline.engine.batches import Batches, sizes_for
from igcli.pipeline.engine.oom_backoff import Sparing
from igcli.records import Array

T = TypeVar("T")

UPCOMING = 8
"""Pieces of work started ahead of the network's need, and inputs of one prediction."""

LOST = "a request was left unanswered: neither the network nor a call is under way"

WAITING = 16
"""Calls at a time that mostly wait."""

AHEAD = 1
"""Batches that wait while the network computes others, so that it never waits for us."""


@dataclass(frozen=True, slots=True)
class BackgroundCall:
    """Asks for a function to be called in the background; answered by what it returns.

    Attributes:
        function: What is called.
        waits: Whether it mostly waits, for a store, so that many may be called at a time.
    """

    function: Callable[[], Any]
    waits: bool = False


Job = Generator[Sequence[Request | BackgroundCall], Sequence[Any], T]
"""Work for the network that may also ask for calls in the background."""


def in_background(function: Callable[..., T], *arguments: Any, waits: bool = False) -> Job[T]:
    """Call a function beside the network; an exception comes back to the job that asked."""
    [result] = yield [BackgroundCall(partial(function, *arguments), waits)]
    answer: T = result
    return answer


@dataclass(slots=True, eq=False)
class _Running(Generic[T]):
    """A job under way, with the answers it waits for; its turn is before those begun later."""

    job: Job[T]
    turn: int
    answers: list[Any] = field(default_factory=list)
    missing: int = 0
    upcoming: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Ticket(Generic[T]):
    """Where an answer belongs."""

    owner: _Running[T]
    place: int


class Engine:
    """Runs jobs over one network: a batch on the device, calls on threads beside it."""

    def __init__(self, network: Network, *, batch_size: int, threads: int = 2) -> None:
        self.network = network
        self.sparing = Sparing(network, batch_size=batch_size)
        self._threads = threads

    @property
    def batch_size(self) -> int:
        """Gradient evaluations at a time; less than was asked for once memory ran out."""
        return self.sparing.batch_size

    def run(self, jobs: Iterable[Job[T]]) -> Generator[T]:
        """Yield the result of each job as it is finished; what a job raises ends the run."""
        device = ThreadPoolExecutor(self.network.streams, "igcli-network")
        background = ThreadPoolExecutor(self._threads, "igcli-background")
        waiting = ThreadPoolExecutor(WAITING, "igcli-waiting")
        try:
            yield from _Run[T](self, device, (background, waiting)).results(iter(jobs))
        finally:
            # A batch under way cannot be stopped, and whoever stops the run will not wait for it.
            device.shutdown(wait=False, cancel_futures=True)
            for pool in (background, waiting):
                pool.shutdown(wait=True, cancel_futures=True)


class _Run(Generic[T]):
    """The state of one run: a loop that waits for whatever is done next."""

    def __init__(
        self, engine: Engine, device: Executor, background: tuple[Executor, Executor]
    ) -> None:
        self._sparing = engine.sparing
        self._most_alive = 2 * max(engine.batch_size, 2 * UPCOMING)
        self._device = device
        self._background = background
        self._network = engine.network
        self._batches = Batches(engine.network)
        self._predictions: deque[tuple[_Ticket[T], Array]] = deque()
        self._results: deque[T] = deque()
        self._ahead = engine.network.streams + AHEAD
        self._under_way: deque[Future[Any]] = deque()
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started = self._alive = self._upcoming = 0
        self._reading = self._calls = self._on_device = 0

    def results(self, jobs: Iterator[Job[T]]) -> Iterator[T]:
        more = True
        while more or self._alive:
            while more and self._hungry():
                job = next(jobs, None)
                more = job is not None
                if job is not None:
                    self._start(job)
            self._feed(more=more)
            if self._calls or self._on_device:
                self._events.get()()
            elif self._alive:
                raise RuntimeError(LOST)
            while self._results:
                yield self._results.popleft()

    def _hungry(self) -> bool:
        return (
            self._alive < self._most_alive
            and self._upcoming < UPCOMING
            and self._batches.pending < self._ahead * self._sparing.batch_size
        )

    def _start(self, job: Job[T]) -> None:
        self._started += 1
        self._alive += 1
        self._upcoming += 1
        self._advance(_Running(job, self._started), partial(next, job))

    def _advance(
        self, running: _Running[T], step: Callable[[], Sequence[Request | BackgroundCall]]
    ) -> None:
        try:
            while not (requests := step()):
                step = partial(running.job.send, [])
        except StopIteration as stop:
            self._alive -= 1
            self._upcoming -= running.upcoming
            self._results.append(stop.value)
            return
        running.answers = [None] * len(requests)
        running.missing = len(requests)
        for place, request in enumerate(requests):
            self._queue(_Ticket(running, place), request)

    def _queue(self, ticket: _Ticket[T], request: Request | BackgroundCall) -> None:
        if isinstance(request, BackgroundCall):
            self._calls += 1
            self._reading += ticket.owner.upcoming
            future = self._background[request.waits].submit(request.function)
            self._when_done(future, partial(self._called, ticket))
        elif isinstance(request, Prediction):
            self._predictions.append((ticket, request.input))
        else:
            self._upcoming -= ticket.owner.upcoming
            ticket.owner.upcoming = False
            self._batches.add(request, ticket, turn=ticket.owner.turn)

    def _when_done(self, future: Future[Any], handle: Callable[[Future[Any]], None]) -> None:
        future.add_done_callback(lambda done: self._events.put(partial(handle, done)))

    def _feed(self, *, more: bool) -> None:
        """Keep the device busy; a batch that is not full runs only when none can be filled."""
        while self._on_device < self._ahead:
            asked = len(self._predictions)
            if asked >= UPCOMING or (asked and not self._reading):
                self._submit_predictions()
            elif self._batches.pending >= self._sparing.batch_size:
                self._submit_batch(self._sparing.batch_size)
            elif self._batches.pending and self._starved(more=more):
                for size in self._sizes_left():
                    self._submit_batch(size)
            else:
                return

    def _starved(self, *, more: bool) -> bool:
        waiting = self._reading if not more else self._calls
        return not (waiting or self._on_device or self._predictions)

    def _submit_predictions(self) -> None:
        count = min(UPCOMING, len(self._predictions))
        tickets, inputs = zip(*(self._predictions.popleft() for _ in range(count)), strict=True)
        # Always the same shape: one trace, and the same rounding whatever the company.
        padded = np.stack(inputs + (inputs[-1],) * (UPCOMING - count))
        self._on_device += 1
        future = self._device.submit(self._sparing.predict, padded)
        self._when_done(future, partial(self._predicted, tickets))

    def _sizes_left(self) -> tuple[int, ...]:
        """Return the batches for what does not fill one."""
        full = self._sparing.batch_size
        small = (size for size in self._network.small_batches if size < full)
        return sizes_for(self._batches.pending, (*small, full))

    def _submit_batch(self, size: int) -> None:
        batch = self._batches.take(size)
        self._on_device += 1
        future = self._device.submit(self._sparing.gradients, batch)
        self._under_way.append(future)
        self._when_done(future, self._differentiated)

    def _called(self, ticket: _Ticket[T], done: Future[Any]) -> None:
        self._calls -= 1
        self._reading -= ticket.owner.upcoming
        error = done.exception()
        if error is None:
            self._answer(ticket, done.result())
        else:
            self._advance(ticket.owner, partial(ticket.owner.job.throw, error))

    def _predicted(self, tickets: Sequence[_Ticket[T]], done: Future[Any]) -> None:
        self._on_device -= 1
        for ticket, scores in zip(tickets, done.result()[: len(tickets)], strict=True):
            self._answer(ticket, scores)

    def _differentiated(self, _done: Future[Any]) -> None:
        """Hand out what is done, in the order of the paths, which sums depend on."""
        while self._under_way and self._under_way[0].done():
            self._on_device -= 1
            for batch, found in self._under_way.popleft().result():
                for ticket, answer in self._batches.give(batch, found):
                    self._answer(ticket, answer)

    def _answer(self, ticket: _Ticket[T], answer: Answer | Any) -> None:
        owner = ticket.owner
        owner.answers[ticket.place] = answer
        owner.missing -= 1
        if not owner.missing:
            self._advance(owner, partial(owner.job.send, owner.answers))
