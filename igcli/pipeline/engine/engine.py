"""The engine: runs many jobs over one network and keeps its batches full."""

import queue
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from igcli.integration.network import Network
from igcli.integration.requests import Answer, LayerGradient, Line, Request
from igcli.pipeline.engine.batches import BatchQueue, sizes_for
from igcli.pipeline.engine.layers import LAYER_SIZE, LayerBatch, LayerQueue
from igcli.pipeline.engine.oom_backoff import OomBackoff
from igcli.pipeline.engine.predictions import PREDICTION_SIZE, PredictionBatch, PredictionQueue

T = TypeVar("T")

JOBS_AHEAD = 8
"""Jobs started ahead of the network's need."""

UNANSWERED = "a request was left unanswered: neither the network nor a call is running"

BACKGROUND_THREADS = 2
"""Threads for calls that compute."""

WAITING_THREADS = 16
"""Threads for calls that mostly wait."""

QUEUED_BATCHES = 1
"""Batches submitted beyond those the network computes, so that it never waits for the next one."""


@dataclass(frozen=True, slots=True)
class BackgroundCall:
    """Requests a function call in the background; answered by its return value.

    Attributes:
        function: The function.
        waits: Whether it mostly waits, as for a store, so that many can run at a time.
    """

    function: Callable[[], Any]
    waits: bool = False


Job = Generator[Sequence[Request | BackgroundCall], Sequence[Any], T]
"""A generator that yields requests to the network and calls in the background, and returns T."""


def in_background(function: Callable[..., T], *arguments: Any, waits: bool = False) -> Job[T]:
    """Call a function on a thread; its exceptions are raised in the job that requested it."""
    [answer] = yield [BackgroundCall(partial(function, *arguments), waits)]
    result: T = answer
    return result


@dataclass(slots=True, eq=False)
class _Running(Generic[T]):
    """A job that has been started.

    Attributes:
        job: The generator.
        turn: Order of its start: points of jobs started earlier go first.
        answers: Answers to its last requests, as far as they are known.
        missing: Number of answers that are not known.
        upcoming: Whether it has not requested gradients yet.
    """

    job: Job[T]
    turn: int
    answers: list[Any] = field(default_factory=list)
    missing: int = 0
    upcoming: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Ticket(Generic[T]):
    """The job that waits for an answer, and the position of the answer."""

    owner: _Running[T]
    index: int


class Engine:
    """Runs jobs over one network: batches on the device, calls on background threads.

    Attributes:
        network: The network.
        backoff: Calls it.
    """

    def __init__(self, network: Network, *, batch_size: int) -> None:
        self.network = network
        self.backoff = OomBackoff(network, batch_size=batch_size)

    @property
    def batch_size(self) -> int:
        """Gradient evaluations at a time; less than requested once memory has run out."""
        return self.backoff.batch_size

    def run(self, jobs: Iterable[Job[T]]) -> Generator[T]:
        """Yield the result of each job once it is finished; an exception in a job ends the run."""
        device = ThreadPoolExecutor(self.network.streams, "igcli-network")
        background = ThreadPoolExecutor(BACKGROUND_THREADS, "igcli-background")
        waiting = ThreadPoolExecutor(WAITING_THREADS, "igcli-waiting")
        try:
            yield from _Run[T](self, device, (background, waiting)).results(iter(jobs))
        finally:
            # A running batch cannot be stopped, and whoever stops the run should not wait for it.
            device.shutdown(wait=False, cancel_futures=True)
            for pool in (background, waiting):
                pool.shutdown(wait=True, cancel_futures=True)


class _Run(Generic[T]):
    """The state of one run: an event loop over jobs, batches and calls.

    Only this loop advances jobs. Threads put what they have done into `_events`.
    """

    def __init__(
        self, engine: Engine, device: Executor, background: tuple[Executor, Executor]
    ) -> None:
        self._backoff = engine.backoff
        streams = max(2, engine.network.streams)
        self._max_alive = streams * max(engine.batch_size, 2 * PREDICTION_SIZE)
        self._device = device
        self._background = background
        self._network = engine.network
        self._lines = BatchQueue(engine.network)
        self._predictions = PredictionQueue()
        self._layers = LayerQueue()
        self._results: deque[T] = deque()
        self._max_on_device = engine.network.streams + QUEUED_BATCHES
        self._submitted: deque[Future[Any]] = deque()
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        # Numbers of jobs: started; not finished; without a request for gradients so far.
        self._started = self._alive = self._upcoming = 0
        # Numbers of calls that run; of such calls of upcoming jobs; of predictions and batches.
        self._calls = self._upcoming_calls = self._on_device = 0

    def results(self, jobs: Iterator[Job[T]]) -> Iterator[T]:
        more = True
        while more or self._alive:
            while more and self._needs_jobs():
                job = next(jobs, None)
                more = job is not None
                if job is not None:
                    self._start(job)
            self._feed(more=more)
            if self._calls or self._on_device:
                self._events.get()()
            elif self._alive:
                raise RuntimeError(UNANSWERED)
            while self._results:
                yield self._results.popleft()

    def _needs_jobs(self) -> bool:
        return (
            self._alive < self._max_alive
            and self._upcoming < JOBS_AHEAD
            and self._lines.pending < self._max_on_device * self._backoff.batch_size
        )

    def _start(self, job: Job[T]) -> None:
        self._started += 1
        self._alive += 1
        self._upcoming += 1
        self._advance(_Running(job, self._started), partial(next, job))

    def _advance(
        self, running: _Running[T], step: Callable[[], Sequence[Request | BackgroundCall]]
    ) -> None:
        """Resume a job and queue its requests, or take its result."""
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
        for index, request in enumerate(requests):
            self._queue(_Ticket(running, index), request)

    def _queue(self, ticket: _Ticket[T], request: Request | BackgroundCall) -> None:
        if isinstance(request, BackgroundCall):
            self._calls += 1
            self._upcoming_calls += ticket.owner.upcoming
            future = self._background[request.waits].submit(request.function)
            self._when_done(future, partial(self._called, ticket))
        elif isinstance(request, Line | LayerGradient):
            self._upcoming -= ticket.owner.upcoming
            ticket.owner.upcoming = False
            if isinstance(request, Line):
                self._lines.add(request, ticket, turn=ticket.owner.turn)
            else:
                self._layers.add(request, ticket)
        else:
            self._predictions.add(request, ticket)

    def _when_done(self, future: Future[Any], handle: Callable[[Future[Any]], None]) -> None:
        future.add_done_callback(lambda done: self._events.put(partial(handle, done)))

    def _feed(self, *, more: bool) -> None:
        """Keep the device busy; a batch runs partly filled only if nothing could fill it."""
        while self._on_device < self._max_on_device:
            inputs = self._predictions.pending
            if inputs >= PREDICTION_SIZE or (inputs and not self._upcoming_calls):
                self._submit_predictions()
            elif self._layers.has(self._layer_size) or self._are_last_layers():
                self._submit_layers()
            elif self._lines.pending >= self._backoff.batch_size:
                self._submit_batch(self._backoff.batch_size)
            elif self._lines.pending and self._nothing_comes(more=more):
                for size in self._last_sizes():
                    self._submit_batch(size)
            else:
                return

    def _nothing_comes(self, *, more: bool) -> bool:
        """Tell whether no call, batch or prediction could lead to further points."""
        calls = self._calls if more else self._upcoming_calls
        return not (calls or self._on_device or self._predictions.pending or self._layers.pending)

    @property
    def _layer_size(self) -> int:
        """Inputs of one batch of gradients at a layer."""
        return min(LAYER_SIZE, self._backoff.batch_size)

    def _are_last_layers(self) -> bool:
        """Tell whether gradients at layers wait, and no call or prediction could lead to more."""
        may_come = self._upcoming_calls or self._on_device or self._predictions.pending
        return bool(self._layers.pending) and not may_come

    def _submit_predictions(self) -> None:
        batch = self._predictions.take()
        self._on_device += 1
        shape = self._network.input_shape
        future = self._device.submit(batch.scores, self._backoff.predict, shape)
        self._when_done(future, partial(self._predicted, batch))

    def _submit_layers(self) -> None:
        batch = self._layers.take(self._layer_size)
        self._on_device += 1
        future = self._device.submit(self._backoff.layer_gradients, batch)
        self._when_done(future, partial(self._differentiated_at_layer, batch))

    def _last_sizes(self) -> tuple[int, ...]:
        """Return the sizes of batches for points that do not fill one."""
        full = self._backoff.batch_size
        small = (size for size in self._network.small_batches if size < full)
        return sizes_for(self._lines.pending, (*small, full))

    def _submit_batch(self, size: int) -> None:
        batch = self._lines.take(size)
        self._on_device += 1
        future = self._device.submit(self._backoff.gradients, batch)
        self._submitted.append(future)
        self._when_done(future, self._differentiated)

    def _called(self, ticket: _Ticket[T], done: Future[Any]) -> None:
        self._calls -= 1
        self._upcoming_calls -= ticket.owner.upcoming
        error = done.exception()
        if error is None:
            self._answer(ticket, done.result())
        else:
            self._advance(ticket.owner, partial(ticket.owner.job.throw, error))

    def _predicted(self, batch: PredictionBatch, done: Future[Any]) -> None:
        self._on_device -= 1
        for ticket, scores in self._predictions.collect(batch, done.result()):
            self._answer(ticket, scores)

    def _differentiated_at_layer(self, batch: LayerBatch, done: Future[Any]) -> None:
        self._on_device -= 1
        for ticket, answer in zip(batch.tickets, done.result(), strict=False):
            self._answer(ticket, answer)

    def _differentiated(self, _done: Future[Any]) -> None:
        """Collect finished batches in the order of submission: sums depend on the order."""
        while self._submitted and self._submitted[0].done():
            self._on_device -= 1
            for batch, results in self._submitted.popleft().result():
                for ticket, answer in self._lines.collect(batch, results):
                    self._answer(ticket, answer)

    def _answer(self, ticket: _Ticket[T], answer: Answer | Any) -> None:
        owner = ticket.owner
        owner.answers[ticket.index] = answer
        owner.missing -= 1
        if not owner.missing:
            self._advance(owner, partial(owner.job.send, owner.answers))
