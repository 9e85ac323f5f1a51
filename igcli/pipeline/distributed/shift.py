"""What a worker of a fleet does: what a local run does, with images from the ledger."""

import secrets
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray

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
from igcli.pipeline.runs.local import Prepared, context_for, prepare

if TYPE_CHECKING:
    from igcli.pipeline.distributed.worker import Calls

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
    if terms.settled.precision is not None:
        prepared.model.network.precision = terms.settled.precision
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
        context = replace(common, scales=terms.settled.scales)
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
