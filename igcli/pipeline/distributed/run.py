"""The driver of a fleet: hands over what is left to do, counts and sums up; no TensorFlow."""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from types import TracebackType
from typing import Self

from igcli.errors import IgcliError, ImageError, ModelError, OutputError
from igcli.outputs.cleanup import sweep
from igcli.outputs.folder import PARTS
from igcli.outputs.journal import Journal, join
from igcli.outputs.shards import RunLocation
from igcli.pipeline.calibration.recorded import RecordedCalibration
from igcli.pipeline.distributed.coordinator import MOST_DEATHS, Assignment, Updates
from igcli.pipeline.distributed.messages import RunConfig
from igcli.pipeline.distributed.pending import BLOCK, Pending
from igcli.pipeline.distributed.pool import Pool
from igcli.pipeline.image import outcome
from igcli.pipeline.image.outcome import Outcome, Record
from igcli.pipeline.resume.earlier import Earlier
from igcli.pipeline.resume.shard_consistency import agreed_batch_size
from igcli.pipeline.runs.recorder import RunRecorder
from igcli.pipeline.runs.selection import Selection

KILLER = "its worker died {} times while it was attributed with no other image beside it"

OTHER_MODEL = (
    "--engine ray: workers have different networks, SHA-256 {:.12}... and {:.12}...: "
    "is the file the same on all machines?"
)

log = logging.getLogger(__name__)


class FleetRun:
    """Has workers attribute images into an output folder; used as `pipeline.run.Run` is.

    Attributes:
        summary: Counts so far.
    """

    def __init__(
        self, pool: Pool, place: RunLocation, *, earlier: Earlier, calibration: RecordedCalibration
    ) -> None:
        """Open the records, describe the results that will be there, and let workers begin.

        Args:
            pool: The workers, ready; they end with the run.
            place: Where results go.
            earlier: What is there already.
            calibration: What earlier runs settled by their first images.

        Raises:
            OutputError: Nothing can be written.
        """
        self._pool, self._place = pool, place
        settings = pool.order.settings
        self._books = RunRecorder(settings, place, earlier)
        self.summary = self._books.summary
        hashes = {
            "model_sha256": pool.facts["model_sha256"],
            "config_sha256": self._books.config_sha256,
        }
        self._pending = Pending(
            settings, pool.order.panels, earlier, place.folder, self._books.index, hashes
        )
        self._tag = place.folder.tag
        size, device = pool.facts["batch_size"], pool.facts["device"]
        if settings.batch_size == "auto":
            size = agreed_batch_size(place, size, device)
        self._facts = {**pool.facts, "batch_size": size, "workers": pool.workers}
        if calibration.precision is not None:
            self._facts["precision"] = calibration.precision
        path, shard = place.folder.path, place.shard
        pool.open(RunConfig(earlier, calibration, size, path, shard, self._tag))

    @property
    def record(self) -> Record:
        """The summary as it was last written."""
        return self._books.record

    def outcomes(self, images: Selection) -> Generator[Outcome]:
        """Have images attributed; each outcome comes once its files and its record are written.

        Raises:
            IgcliError: A worker found that the run cannot go on.
        """
        self._books.begin(images, self._facts)
        with closing(self._pending.of(images)) as pending, closing(self._fed(pending)) as outcomes:
            for each in outcomes:
                self.summary.add(each)
                yield each

    def _fed(self, images: Iterator[Assignment | Outcome]) -> Generator[Outcome]:
        """Keep the workers fed; images that are left as they are pass by."""
        room, closed = BLOCK, False
        while True:
            block = list(islice(images, min(room, BLOCK)))
            closed = closed or (room > 0 and not block)
            yield from (each for each in block if isinstance(each, Outcome))
            # Asked before the news: what was told before the end is heard then.
            is_over = self._pool.is_over
            handed = [each for each in block if isinstance(each, Assignment)]
            news = self._pool.exchange(handed, closed=closed)
            yield from self._heard(news)
            if is_over and not news:
                return
            room = news.room

    def _heard(self, news: Updates) -> Iterator[Outcome]:
        for level, line in news.told:
            log.log(level, "%s", line)
        for facts in news.facts:
            _refuse_other(facts, self._pool.facts)
        yield from news.outcomes
        yield from map(self._given_up, news.killers)
        if news.error is not None:
            raise news.error

    def _given_up(self, killer: Assignment) -> Outcome:
        try:
            sha256 = self._pending.sha256(killer.source)
        except ImageError:
            sha256 = None
        result = outcome.failed(killer.source, IgcliError(KILLER.format(MOST_DEATHS)), sha256)
        with Journal(self._place.records, part=self._tag) as journal:
            journal.append(result.record)
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """End the workers, put their records together and write the summary."""
        try:
            self._pool.stop()
            join(self._place.records)
            self._place.records.remove_empty(PARTS)
            sweep(self._place.folder, [self._tag])
        except OutputError:
            if error is None:
                raise
        finally:
            self._books.close(self._facts, error)


def _refuse_other(facts: Record, first: Record) -> None:
    hashes = first["model_sha256"], facts["model_sha256"]
    if hashes[0] != hashes[1]:
        raise ModelError(OTHER_MODEL.format(*hashes))
