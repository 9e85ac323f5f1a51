"""A run over tar archives: of each, one archive of results."""

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from types import TracebackType
from typing import Any, Self

from igcli.config.schema import Settings
from igcli.images.archives.tar_stream import TarStream
from igcli.outputs.journal import Journal
from igcli.outputs.shards import RunLocation
from igcli.outputs.tar import read_records
from igcli.pipeline.explain.target_file import Matching
from igcli.pipeline.image.job import attribute_image
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.resume.earlier import Earlier
from igcli.pipeline.runs.local import Prepared, context_for
from igcli.pipeline.runs.packing import REDONE, STANDING, Packing
from igcli.pipeline.runs.recorder import RunRecorder
from igcli.pipeline.runs.selection import Selection
from igcli.records import Source
from igcli.urls import shown

log = logging.getLogger(__name__)


class TarRun:
    """Attributes the images in tar archives, one archive after another, in the order they lie in.

    What `LocalRun` does for single files, with the same network and the same jobs.

    Attributes:
        summary: Counts so far, of whole archives.
        seen: Called as each image is finished, long before its archive is.
    """

    def __init__(
        self, settings: Settings, place: RunLocation, *, prepared: Prepared, earlier: Earlier
    ) -> None:
        """Open the records; arguments and errors as in `Run`."""
        self._prepared = prepared
        self._folder = place.folder
        self._books = RunRecorder(settings, place, earlier)
        self._journal = Journal(place.records)
        self._context = context_for(
            settings, place, prepared=prepared, earlier=earlier, journal=self._journal
        )
        self.summary = self._books.summary
        self.seen: Callable[[], None] = lambda: None
        self._rows: Matching | None = None

    @property
    def record(self) -> dict[str, Any]:
        """The summary as it was last written."""
        return self._books.record

    def outcomes(self, tars: Selection) -> Generator[Outcome]:
        """Attribute images; each outcome comes once the archive that holds it is written.

        Raises:
            OutputError: Nothing can be written any more.
        """
        self._rows = tars.rows
        self._books.begin(tars, self._facts())
        for tar in tars:
            for outcome in self._archive(tar):
                self.summary.add(outcome)
                yield outcome

    def _archive(self, tar: Source) -> Iterator[Outcome]:
        settings = self._context.settings
        archive = TarStream(
            tar,
            most=settings.max_bytes,
            tally=self._books.members,
            labelled=settings.target == "folder",
        )
        if self._rows is not None:
            self._rows.see_archive(tar, is_read=True)
        formats = settings.panel.format, self._context.gif_format
        with Packing(self._folder, tar, formats=formats, is_known=self._is_known) as packing:
            with closing(self._parts(archive, packing)) as parts:
                first = next(parts, None)
                if first is not None:
                    self._folder.write_parts(packing.name, chain([first], parts))
            yield from self._recorded(packing, is_new=first is not None)
        if archive.trouble:
            log.warning("%s: %s", shown(tar.path), archive.trouble)
            self.summary.damage(tar.name, archive.trouble)

    def _parts(self, archive: TarStream, packing: Packing) -> Generator[bytes]:
        """Yield the parts of the archive of results, none if the one that is there stays."""
        context = replace(
            self._context, folder=packing, journal=packing, index=packing, naming=packing.files
        )
        images = map(self._noticed, archive)
        while not packing.is_through:
            jobs = (attribute_image(image, context) for image in packing.admitted(images))
            with closing(self._prepared.engine.run(jobs)) as outcomes:
                for outcome in outcomes:
                    self.seen()
                    yield from packing.put(outcome)
        yield from packing.end(damaged=bool(archive.trouble))

    def _recorded(self, packing: Packing, *, is_new: bool) -> Iterator[Outcome]:
        """Record the images of an archive that is whole, where that was not done before."""
        files = (packing.name,) if is_new else ()
        records = read_records(self._folder, packing.name) if packing.flags else iter(())
        for flags, record in zip(packing.flags, records, strict=False):
            if self._books.index.find(record["image"]) != record:
                self._journal.append(record)
            standing, redone = bool(flags & STANDING), bool(flags & REDONE)
            yield Outcome(record, files, standing=standing, redone=redone)
            files = ()

    def _noticed(self, image: Source) -> Source:
        if self._rows is not None:
            self._rows.see(image)
        return image

    def _is_known(self, image: str) -> bool:
        return self._books.index.find(image) is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Write the summary, whatever ended the run."""
        with self._journal:
            self._books.close(self._facts(), error)

    def _facts(self) -> dict[str, Any]:
        return self._prepared.facts(self._prepared.engine.batch_size)
