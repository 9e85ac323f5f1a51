"""The driver of a distributed run: hands out the images that are left to do, and sums up.

The driver does not load TensorFlow.
"""

import hashlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from types import TracebackType

from igcli.config.schema import Settings
from igcli.errors import IgcliError, ImageError, OutputError
from igcli.images.files import read_file
from igcli.outputs.cleanup import sweep
from igcli.outputs.folder import PARTS, OutputFolder
from igcli.outputs.journal import Journal, join
from igcli.outputs.latest_records import RecordIndex
from igcli.outputs.shards import RunLocation
from igcli.pipeline.calibration.recorded import RecordedCalibration
from igcli.pipeline.distributed.coordinator import MAX_DEATHS_ALONE
from igcli.pipeline.distributed.messages import Assignment, RunConfig, Updates
from igcli.pipeline.distributed.pool import Pool
from igcli.pipeline.image import outcome
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.resume.earlier import EarlierResults
from igcli.pipeline.resume.shard_consistency import agreed_batch_size
from igcli.pipeline.resume.up_to_date import (
    Files,
    files_of,
    is_up_to_date,
    requested_files,
)
from igcli.pipeline.runs.base import AttributionRun, Selection
from igcli.pipeline.runs.summary import EngineFacts
from igcli.records import Record, Source
from igcli.render.options import GifOptions

READERS = 8
"""Threads that hash images, to compare them with what earlier runs attributed."""

BLOCK = 64
"""Images checked at a time."""

KILLER = "its worker died {} times while it worked on nothing but this image"


class DistributedRun(AttributionRun):
    """Has Ray workers attribute images into an output."""

    def __init__(
        self,
        pool: Pool,
        location: RunLocation,
        *,
        earlier: EarlierResults,
        calibration: RecordedCalibration,
    ) -> None:
        """Open the records, write the configuration and let the workers start.

        Args:
            pool: The workers; they end with the run.
            location: Where results go.
            earlier: What earlier runs left in the output.
            calibration: What earlier runs settled by their first images.

        Raises:
            OutputError: The output cannot be written.
        """
        settings = pool.config.settings
        super().__init__(settings, location, earlier)
        self._pool, self._location = pool, location
        self._pending = PendingImages(
            settings,
            pool.config.panels,
            earlier,
            location.folder,
            self._recorder.index,
            {
                "model_sha256": pool.facts["model_sha256"],
                "config_sha256": self._recorder.config_sha256,
            },
        )
        self._tag = location.folder.tag
        batch_size = pool.facts["batch_size"]
        if settings.batch_size == "auto":
            batch_size = agreed_batch_size(location, batch_size, pool.facts["device"])
        self._engine_facts: EngineFacts = {
            **pool.facts,
            "batch_size": batch_size,
            "workers": pool.workers,
        }
        if calibration.precision is not None:
            self._engine_facts["precision"] = calibration.precision
        path, shard = location.folder.path, location.shard
        pool.open(RunConfig(earlier, calibration, batch_size, path, shard, self._tag))

    def _attributed(self, images: Selection) -> Generator[Outcome]:
        with (
            closing(self._pending.of(images)) as pending,
            closing(self._exchanged(pending)) as outcomes,
        ):
            yield from outcomes

    def _facts(self) -> EngineFacts:
        return self._engine_facts

    def _exchanged(self, images: Iterator[Assignment | Outcome]) -> Generator[Outcome]:
        """Keep the coordinator's queue full, and pass on outcomes."""
        updates, closed = Updates(room=BLOCK), False
        while not updates.finished:
            block = list(islice(images, min(updates.room, BLOCK)))
            closed = closed or (updates.room > 0 and not block)
            yield from (image for image in block if isinstance(image, Outcome))
            assignments = [image for image in block if isinstance(image, Assignment)]
            updates = self._pool.exchange(assignments, closed=closed)
            yield from updates.outcomes
            yield from map(self._record_killer, updates.killers)
            if updates.error is not None:
                raise updates.error

    def _record_killer(self, image: Assignment) -> Outcome:
        try:
            sha256 = self._pending.sha256(image.source)
        except ImageError:
            sha256 = ""
        error = IgcliError(KILLER.format(MAX_DEATHS_ALONE))
        failure = outcome.failed(image.source, error, sha256)
        with Journal(self._location.records, part=self._tag) as journal:
            journal.append(failure.record)
        return failure

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the workers, join their records and write the summary."""
        try:
            self._pool.stop()
            join(self._location.records)
            self._location.records.remove_empty(PARTS)
            sweep(self._location.folder, [self._tag])
        except OutputError:
            if error is None:
                raise
        finally:
            super().__exit__(kind, error, trace)


@dataclass(frozen=True, slots=True, eq=False)
class PendingImages:
    """Separates images that are left to do from those that are up to date.

    Attributes:
        settings: The resolved configuration.
        panels: Whether the run draws panels.
        earlier: What earlier runs left in the output.
        folder: The output.
        index: The records of earlier runs.
        hashes: model_sha256 and config_sha256 of this run.
    """

    settings: Settings
    panels: bool
    earlier: EarlierResults
    folder: OutputFolder
    index: RecordIndex
    hashes: Mapping[str, str]

    def of(self, sources: Iterable[Source]) -> Generator[Assignment | Outcome]:
        """Yield an assignment for each image that is left to do, else its outcome, in order.

        Raises:
            OutputError: The output cannot be searched.
        """
        remaining = iter(sources)
        with ThreadPoolExecutor(READERS, "igcli-pending") as readers:
            while block := list(islice(remaining, BLOCK)):
                yield from readers.map(self._check, block)

    def _check(self, source: Source) -> Assignment | Outcome:
        record = self.index.find(source.name)
        if record is not None and self._is_up_to_date(source, record):
            return Outcome(record, up_to_date=True)
        return Assignment(source, record)

    def _is_up_to_date(self, source: Source, record: Record) -> bool:
        try:
            hashes = {"image_sha256": self.sha256(source), **self.hashes}
            return is_up_to_date(
                record,
                hashes,
                self._requested_files(source),
                self.folder,
                retry_failed=self.earlier.retry_failed,
            )
        except ImageError:
            return False  # A worker will fail in the same way and record it.

    def _requested_files(self, source: Source) -> Files:
        described = self.earlier.config
        gif_format = (described.gif or GifOptions()).format
        files = files_of(source.name, described.panel.format, gif_format)
        return requested_files(files, self.settings, panels=self.panels)

    def sha256(self, source: Source) -> str:
        """Return the SHA-256 of an image file, hexadecimal.

        Raises:
            ImageError: The file cannot be read.
        """
        return hashlib.sha256(read_file(source.path, max_bytes=self.settings.max_bytes)).hexdigest()
