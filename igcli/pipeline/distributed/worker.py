"""What a worker does: loads the network, takes images from the coordinator and attributes them."""

import contextlib
import logging
import secrets
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, get_args

import ray

from igcli.errors import IgcliError
from igcli.models.catalog import batch_size_cache
from igcli.outputs.journal import Journal, read
from igcli.outputs.open import output_at
from igcli.outputs.shards import RunLocation
from igcli.pipeline.distributed.messages import Assignment, RunConfig, WorkerConfig
from igcli.pipeline.engine.engine import Engine, Job
from igcli.pipeline.image.context import Context
from igcli.pipeline.image.job import attribute_image
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.runs.prepared import Prepared, context_for, prepare
from igcli.pipeline.runs.summary import EngineFacts
from igcli.records import FileKind, Record

IMAGES_PER_CALL = 8
"""Images taken at a time: more would all be suspects if this worker dies, fewer take more calls."""

FILES: tuple[FileKind, ...] = get_args(FileKind)


class CoordinatorClient:
    """Calls the coordinator for the worker with one ticket.

    Attributes:
        ticket: The ticket.
    """

    def __init__(self, coordinator: Any, ticket: int) -> None:
        self.ticket = ticket
        self._coordinator = coordinator

    def send(self, method: str, *arguments: Any) -> Any:
        """Call a method of `Coordinator` without waiting; `ray.get` returns its result."""
        return getattr(self._coordinator, method).remote(*arguments)

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of `Coordinator` and return its result."""
        return ray.get(self.send(method, *arguments))


def work(
    coordinator: Any, config: WorkerConfig, *, ticket: int, lost: Sequence[Assignment]
) -> None:
    """Load the network and attribute images until none is left; errors go to the coordinator.

    Args:
        coordinator: Actor handle of the coordinator.
        config: What to load.
        ticket: Ticket of this worker.
        lost: The images that the previous worker with this ticket had taken.
    """
    client = CoordinatorClient(coordinator, ticket)
    with _logs_sent_to(client, config.log_level):
        try:
            _attribute_images(client, config, lost)
        except IgcliError as error:
            client.call("fail", error)


def _attribute_images(
    client: CoordinatorClient, config: WorkerConfig, lost: Sequence[Assignment]
) -> None:
    prepared = prepare(config.settings, panels=config.panels, trust_model=config.trust_model)
    run: RunConfig | None = client.call("ready", client.ticket, _facts(prepared, config))
    if run is None:
        return
    if run.calibration.precision is not None:
        prepared.model.network.precision = run.calibration.precision
    folder = output_at(run.output)
    folder.tag = f"{run.tag}-{client.ticket}-{secrets.token_hex(4)}"
    location = RunLocation(folder, run.shard)
    part = f"{run.tag}-{client.ticket}"
    with Journal(location.records, part=part) as journal:
        if lost:
            client.call("report_lost", client.ticket, _recorded(lost, location, part))
        context = context_for(
            config.settings, location, prepared=prepared, earlier=run.earlier, journal=journal
        )
        images = _Images(client, replace(context, scales=run.calibration.scales))
        engine = Engine(prepared.model.network, batch_size=run.batch_size)
        with closing(images.outcomes(engine)) as outcomes:
            _report(client, outcomes)
    client.call("stop", client.ticket)


def _facts(prepared: Prepared, config: WorkerConfig) -> EngineFacts:
    model, size = prepared.model, prepared.engine.batch_size
    if config.settings.batch_size == "auto":
        # As a local run does once the size is measured.
        size = batch_size_cache.recall(batch_size_cache.key(model)) or size
    return prepared.facts(size)


def _recorded(lost: Sequence[Assignment], location: RunLocation, part: str) -> list[Outcome]:
    """Return the outcomes of images that a dead worker recorded but did not report."""
    earlier = {image.source.name: image.earlier for image in lost}
    last = {
        record["image"]: record
        for record in read(location.records, part=part)
        if record["image"] in earlier
    }
    return [_outcome_of(record, earlier[name]) for name, record in last.items()]


def _outcome_of(record: Record, earlier: Record | None) -> Outcome:
    files = tuple(name for kind in FILES if (name := record.get(kind)))
    before = (earlier or record).get("image_sha256")
    return Outcome(record, files, redone=record.get("image_sha256") != before)


def _report(client: CoordinatorClient, outcomes: Iterator[Outcome]) -> None:
    """Report each outcome while the next image is worked on."""
    report: Any = None
    for outcome in outcomes:
        if report is not None:
            ray.get(report)
        report = client.send("done", client.ticket, outcome)
    if report is not None:
        ray.get(report)


class _Images:
    """The images of one worker, and their records of earlier runs."""

    def __init__(self, client: CoordinatorClient, context: Context) -> None:
        self._client = client
        self._context = replace(context, index=self)
        self._earlier: dict[str, Record | None] = {}

    def find(self, image: str) -> Record | None:
        """Return the earlier record of an image that is about to be attributed."""
        return self._earlier.pop(image)

    def outcomes(self, engine: Engine) -> Generator[Outcome]:
        """Attribute images in full batches, then suspects one at a time."""
        with closing(engine.run(self._jobs())) as outcomes:
            yield from outcomes
        while suspect := self._client.call("take_suspect", self._client.ticket):
            with closing(engine.run([self._job(suspect)])) as outcomes:
                yield from outcomes

    def _jobs(self) -> Iterator[Job[Outcome]]:
        while images := self._client.call("take", self._client.ticket, IMAGES_PER_CALL):
            yield from map(self._job, images)

    def _job(self, image: Assignment) -> Job[Outcome]:
        self._earlier[image.source.name] = image.earlier
        return attribute_image(image.source, self._context)


class _LogHandler(logging.Handler):
    """Sends log records to the coordinator."""

    def __init__(self, client: CoordinatorClient) -> None:
        super().__init__()
        self._client = client

    def emit(self, record: logging.LogRecord) -> None:
        self._client.send("log", record.levelno, record.getMessage())


@contextlib.contextmanager
def _logs_sent_to(client: CoordinatorClient, level: int) -> Iterator[None]:
    log = logging.getLogger("igcli")
    log.setLevel(level)
    log.propagate = False
    handler = _LogHandler(client)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
