"""An actor of the fleet: holds a ticket, and lives as long as its network."""

import contextlib
import logging
import os
import secrets
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import ray

from igcli.errors import IgcliError
from igcli.models.catalog import batch_size_cache
from igcli.outputs.journal import Journal, read
from igcli.outputs.open import output_at
from igcli.outputs.shards import RunLocation
from igcli.pipeline.distributed.coordinator import Assignment
from igcli.pipeline.distributed.messages import RunConfig, WorkerConfig
from igcli.pipeline.engine.engine import Engine, Job
from igcli.pipeline.image.context import Context
from igcli.pipeline.image.job import attribute_image
from igcli.pipeline.image.outcome import Outcome, Record
from igcli.pipeline.runs.prepared import Prepared, context_for, prepare

Rows = dict[str, npt.NDArray[np.int64]]


class Calls:
    """The ledger, for the holder of one ticket.

    Attributes:
        ticket: Its number.
    """

    def __init__(self, ledger: Any, ticket: int) -> None:
        self.ticket = ticket
        self._ledger = ledger

    def begin(self, method: str, *arguments: Any) -> Any:
        """Call a method; `ray.get` waits for its answer."""
        return getattr(self._ledger, method).remote(*arguments)

    def __call__(self, method: str, *arguments: Any) -> Any:
        """Call a method and return its answer."""
        return ray.get(self.begin(method, *arguments))


class Worker:
    """Loads the network once, and takes images until none is left."""

    def __init__(self, ledger: Any, order: WorkerConfig, *, cpus: int, gpus: int) -> None:
        """Go where the driver is.

        Args:
            ledger: The actor that hands out images.
            order: What is to be done.
            cpus: Threads for the network.
            gpus: Number of GPUs; where it is 0, those of the machine are left alone.
        """
        # TensorFlow reads it when it is imported; else each worker would use all cores.
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(cpus))
        with contextlib.suppress(OSError):  # On a machine without it paths have to be absolute.
            os.chdir(order.current)
        device = {"device": "gpu" if gpus else "cpu"}
        self._order = replace(order, settings=order.settings.model_copy(update=device))
        self._ledger = ledger

    def __call__(self, rows: Rows) -> Rows:
        """Work until nothing is left, for the ticket in `rows`."""
        [ticket] = rows["ticket"].tolist()
        calls = Calls(self._ledger, ticket)
        lost = calls("begin", ticket)
        if lost is not None:
            try:
                with _logs_to(calls, self._order.level):
                    work(calls, self._order, lost)
            except IgcliError as error:
                calls("fail", error)
        return rows


class _Handler(logging.Handler):
    """Sends what is logged to the driver."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls

    def emit(self, record: logging.LogRecord) -> None:
        self._calls.begin("tell", record.levelno, record.getMessage())


@contextlib.contextmanager
def _logs_to(calls: Calls, level: int) -> Iterator[None]:
    log = logging.getLogger("igcli")
    log.setLevel(level)
    log.propagate = False
    handler = _Handler(calls)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


TAKEN = 8
"""Images taken at a time: more would be suspects where this worker dies, fewer more calls."""

FILES = ("panel", "gif", "arrays")


def work(calls: "Calls", order: WorkerConfig, lost: Sequence[Assignment]) -> None:
    """Load the network and attribute images until none is left.

    Args:
        calls: The ledger.
        order: The run.
        lost: What a dead worker with this ticket had in hand.

    Raises:
        IgcliError: The run cannot go on.
    """
    prepared = prepare(order.settings, panels=order.panels, trust_model=order.trust_model)
    terms: RunConfig | None = calls("ready", _facts(prepared, order))
    if terms is None:
        return
    if terms.calibration.precision is not None:
        prepared.model.network.precision = terms.calibration.precision
    folder = output_at(terms.output)
    folder.tag = f"{terms.tag}-{calls.ticket}-{secrets.token_hex(4)}"
    place = RunLocation(folder, terms.shard)
    part = f"{terms.tag}-{calls.ticket}"
    with Journal(place.records, part=part) as journal:
        if lost:
            calls("lose", calls.ticket, _finished(lost, place, part))
        common = context_for(
            order.settings, place, prepared=prepared, earlier=terms.earlier, journal=journal
        )
        context = replace(common, scales=terms.calibration.scales)
        engine = Engine(prepared.model.network, batch_size=terms.batch_size)
        with closing(_Images(calls, context).outcomes(engine)) as outcomes:
            _report(calls, outcomes)


def _facts(prepared: Prepared, order: WorkerConfig) -> Record:
    model, size = prepared.model, prepared.engine.batch_size
    if order.settings.batch_size == "auto":
        size = (
            batch_size_cache.recall(batch_size_cache.key(model)) or size
        )  # As a local run takes, once it is measured.
    return prepared.facts(size)


def _finished(lost: Sequence[Assignment], place: RunLocation, part: str) -> list[Outcome]:
    """Return what became of images that a dead worker recorded and had no time to tell of."""
    earlier = {each.source.name: each.earlier for each in lost}
    last = {
        record["image"]: record
        for record in read(place.records, part=part)
        if record["image"] in earlier
    }
    return [_told(record, earlier[name]) for name, record in last.items()]


def _told(record: Record, earlier: Record | None) -> Outcome:
    hashes = [each.get("image_sha256") for each in (record, earlier or record)]
    files = tuple(record[kind] for kind in FILES if record.get(kind))
    return Outcome(record, files, redone=hashes[0] != hashes[1])


def _report(calls: "Calls", outcomes: Iterator[Outcome]) -> None:
    """Tell of each image while the next is worked on."""
    told: Any = None
    for outcome in outcomes:
        if told is not None:
            ray.get(told)
        told = calls.begin("done", calls.ticket, outcome)
    if told is not None:
        ray.get(told)


class _Images:
    """The images of one worker, and their records of earlier runs."""

    def __init__(self, calls: "Calls", context: Context) -> None:
        self._calls = calls
        self._context = replace(context, index=self)
        self._earlier: dict[str, Record | None] = {}

    def find(self, image: str) -> Record | None:
        """Return the earlier record of an image that is about to begin."""
        return self._earlier.pop(image)

    def outcomes(self, engine: Engine) -> Generator[Outcome]:
        """Attribute images in full batches, then suspects each alone."""
        with closing(engine.run(self._taken())) as outcomes:
            yield from outcomes
        while alone := self._calls("take_alone", self._calls.ticket):
            with closing(engine.run([self._job(alone)])) as outcomes:
                yield from outcomes

    def _taken(self) -> Iterator[Job[Outcome]]:
        while handed := self._calls("take", self._calls.ticket, TAKEN):
            yield from map(self._job, handed)

    def _job(self, handed: Assignment) -> Job[Outcome]:
        self._earlier[handed.source.name] = handed.earlier
        return attribute_image(handed.source, self._context)
