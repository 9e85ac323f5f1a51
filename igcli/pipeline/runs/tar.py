"""A run over tar archives: of each, one archive of results."""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from types import TracebackType
from typing import IO, Any, Self

from igcli.config.schema import Settings
from igcli.images.archives.tar_stream import TarStream
from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import Journal
from igcli.outputs.shards import RunLocation
from igcli.outputs.tar import (
    END,
    Group,
    encode_group,
    files_in,
    read_groups,
    read_range,
    read_records,
    tar_name,
)
from igcli.pipeline.explain.target_file import RowMatcher
from igcli.pipeline.image.job import attribute_image
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.resume.earlier import Earlier
from igcli.pipeline.resume.up_to_date import Files
from igcli.pipeline.runs.prepared import Prepared, context_for
from igcli.pipeline.runs.recorder import RunRecorder
from igcli.pipeline.runs.selection import Selection
from igcli.records import Source
from igcli.urls import shown

MAX_WAITING = 64
"""Images that wait for an earlier one before no further ones are taken."""

UP_TO_DATE, REDONE = 1, 2

Record = dict[str, Any]


@dataclass(slots=True, eq=False)
class _Image:
    """An image on its way: what the archive holds of it, and what became of it."""

    group: Group | None
    outcome: Outcome | None = None


class TarResults:
    """Stands for folder, records and earlier records of the images of one tar archive.

    Images leave in the order they came in, whatever order they are finished in. The archive that
    is there is replaced once one of them differs; what is right in it is taken over.

    Attributes:
        name: Of the archive that the results go to.
        is_through: Whether there are no more images.
        flags: `UP_TO_DATE` and `REDONE` of each image that left.
    """

    is_remote = False

    def __init__(
        self,
        folder: OutputFolder,
        tar: Source,
        *,
        formats: tuple[str, str],
        is_known: Callable[[str], bool],
    ) -> None:
        """Open the archive of earlier results.

        Args:
            folder: The output.
            tar: The archive that the images come from.
            formats: Of panels and of animations.
            is_known: Tells whether an image has a record of an earlier run.

        Raises:
            OutputError: The archive that is there cannot be read.
        """
        self.name = tar_name(tar.name)
        self.is_through = False
        self.flags = bytearray()
        self._before = f"{tar.name}/"
        self._formats = formats
        there = folder.has(self.name)
        self._old: IO[bytes] | None = folder.open_to_read(self.name) if there else None
        self._groups = read_groups(self._old) if self._old else iter(())
        self._next = next(self._groups, None)
        self._kept = 0
        self._gap = False
        self._is_known = is_known
        self._changed = self._old is None
        self._images: dict[str, _Image] = {}
        self._waiting = 0
        self._there: set[str] = set()
        self._written: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._old is not None:
            self._old.close()

    def files(self, image: str) -> Files:
        """Return where the files of an image lie: behind the name of the archive."""
        return files_in(self.name, image.removeprefix(self._before), *self._formats)

    def admitted(self, images: Iterator[Source]) -> Iterator[Source]:
        """Yield images until there are no more, or too many wait for the first."""
        while self._waiting < MAX_WAITING:
            image = next(images, None)
            if image is None:
                self.is_through = True
                return
            group = self._group_of(image.name)
            if group is not None:
                self._there.update(f"{self.name}/{member}" for member in group.files)
            self._images[image.name] = _Image(group)
            yield image

    def _group_of(self, image: str) -> Group | None:
        """Return what is there of an image; what lies before it is of images that are gone."""
        while self._next is not None and self._next.record["image"] != image:
            if not self._is_known(image):
                return None
            self._next, self._gap = next(self._groups, None), True
        found, self._next = self._next, next(self._groups, None)
        return found

    def find(self, image: str) -> Record | None:
        """Return the record of an image in the archive that is there."""
        group = self._images[image].group
        return None if group is None else group.record

    def has(self, name: str) -> bool:
        """Tell whether the archive that is there holds a file of an image under way."""
        return name in self._there

    def write(self, name: str, data: bytes) -> None:
        """Keep a file until its image leaves."""
        self._written[name] = data

    def remove(self, name: str) -> None:
        """Do nothing: what a record does not name is not taken over."""

    def append(self, record: Mapping[str, object]) -> None:
        """Do nothing: an image's record comes with its outcome."""

    def put(self, outcome: Outcome) -> Iterator[bytes]:
        """Take an outcome; yield the parts of the archive that are settled by it."""
        outcome.record.setdefault("tar", self._before.removesuffix("/"))
        self._images[outcome.record["image"]].outcome = outcome
        self._waiting += 1
        while self._images:
            name, first = next(iter(self._images.items()))
            if first.outcome is None:
                return
            del self._images[name]
            self._waiting -= 1
            yield from self._left(first.outcome, first.group)

    def end(self, *, damaged: bool) -> Iterator[bytes]:
        """Yield the end of the archive, nothing if it stays as it is.

        Args:
            damaged: Whether images may be missing: then what is there of them stays.
        """
        if damaged and not self.flags:
            return
        left = [] if self._next is None else chain([self._next], self._groups)
        if self._gap or (self._next is not None and not damaged):
            yield from self._change()
        if self._changed:
            for group in left if damaged else ():
                yield from read_range(self._open(), group.start, group.end)
            yield END

    def _left(self, outcome: Outcome, group: Group | None) -> Iterator[bytes]:
        record = outcome.record
        self.flags.append(UP_TO_DATE * outcome.up_to_date | REDONE * outcome.redone)
        names = self.files(record["image"])
        written = {name: self._written.pop(name, None) for name in names.values()}
        self._there.difference_update(written)
        if group is not None and record == group.record:
            if not self._changed and not self._gap:
                self._kept = group.end
                return
            yield from self._change()
            yield from read_range(self._open(), group.start, group.end)
            return
        yield from self._change()
        files = {}
        for kind, name in names.items():
            if record.get(kind) == name:
                member = name.removeprefix(f"{self.name}/")
                data = written[name]
                files[member] = self._taken(group, member) if data is None else data
        yield encode_group(files, record["image"].removeprefix(self._before), record)

    def _change(self) -> Iterator[bytes]:
        """Begin another archive, with what is right of the one that is there."""
        if not self._changed:
            self._changed = True
            yield from read_range(self._open(), 0, self._kept)

    def _taken(self, group: Group | None, member: str) -> bytes:
        start, end = group.files[member] if group else (0, 0)
        return b"".join(read_range(self._open(), start, end))

    def _open(self) -> IO[bytes]:
        if self._old is None:
            raise ValueError("no archive is there")
        return self._old


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
        self._rows: RowMatcher | None = None

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
            self._rows.match_archive(tar, is_read=True)
        formats = settings.panel.format, self._context.gif_format
        with TarResults(self._folder, tar, formats=formats, is_known=self._is_known) as results:
            with closing(self._parts(archive, results)) as parts:
                first = next(parts, None)
                if first is not None:
                    self._folder.write_parts(results.name, chain([first], parts))
            yield from self._recorded(results, is_new=first is not None)
        if archive.trouble:
            log.warning("%s: %s", shown(tar.path), archive.trouble)
            self.summary.damage(tar.name, archive.trouble)

    def _parts(self, archive: TarStream, results: TarResults) -> Generator[bytes]:
        """Yield the parts of the archive of results, none if the one that is there stays."""
        context = replace(
            self._context, folder=results, journal=results, index=results, naming=results.files
        )
        images = map(self._noticed, archive)
        while not results.is_through:
            jobs = (attribute_image(image, context) for image in results.admitted(images))
            with closing(self._prepared.engine.run(jobs)) as outcomes:
                for outcome in outcomes:
                    self.seen()
                    yield from results.put(outcome)
        yield from results.end(damaged=bool(archive.trouble))

    def _recorded(self, results: TarResults, *, is_new: bool) -> Iterator[Outcome]:
        """Record the images of an archive that is whole, where that was not done before."""
        files = (results.name,) if is_new else ()
        records = read_records(self._folder, results.name) if results.flags else iter(())
        for flags, record in zip(results.flags, records, strict=False):
            if self._books.index.find(record["image"]) != record:
                self._journal.append(record)
            up_to_date, redone = bool(flags & UP_TO_DATE), bool(flags & REDONE)
            yield Outcome(record, files, up_to_date=up_to_date, redone=redone)
            files = ()

    def _noticed(self, image: Source) -> Source:
        if self._rows is not None:
            self._rows.match(image)
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
