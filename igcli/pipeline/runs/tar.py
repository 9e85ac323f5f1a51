"""A run over tar archives: for each of them, one archive of results."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from typing import IO, Self

from igcli.images.archives.tar_stream import TarStream
from igcli.outputs.folder import OutputFolder
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
from igcli.pipeline.resume.up_to_date import Files
from igcli.pipeline.runs.base import Selection
from igcli.pipeline.runs.prepared import PreparedRun
from igcli.records import Record, Source
from igcli.urls import shown

MAX_WAITING = 64
"""Finished images that may wait for an earlier one before no further ones are started."""

UP_TO_DATE, REDONE = 1, 2

log = logging.getLogger(__name__)


class TarRun(PreparedRun):
    """Attributes the images in tar archives, one archive after another, in their order there.

    An image's outcome is yielded once the archive that holds its results is written.
    """

    def _attributed(self, images: Selection) -> Generator[Outcome]:
        for tar in images:
            yield from self._archive(tar, images.rows)

    def _archive(self, tar: Source, rows: RowMatcher | None) -> Iterator[Outcome]:
        settings = self._context.settings
        archive = TarStream(
            tar,
            max_bytes=settings.max_bytes,
            statistics=self._recorder.members,
            labelled=settings.target == "folder",
        )
        if rows is not None:
            rows.match_archive(tar, is_read=True)
        folder, formats = self._location.folder, (settings.panel.format, self._context.gif_format)
        with TarResults(folder, tar, formats=formats, is_known=self._is_known) as results:
            with closing(self._parts(archive, rows, results)) as parts:
                first = next(parts, None)
                if first is not None:
                    folder.write_parts(results.name, chain([first], parts))
            yield from self._recorded(results, is_new=first is not None)
        if archive.problem:
            log.warning("%s: %s", shown(tar.path), archive.problem)
            self.summary.damage(tar.name, archive.problem)

    def _parts(
        self, archive: TarStream, rows: RowMatcher | None, results: "TarResults"
    ) -> Generator[bytes]:
        """Yield the parts of the archive of results, none if the existing archive stays."""
        context = replace(
            self._context, folder=results, journal=results, index=results, naming=results.files
        )
        images = _noted(archive, rows)
        while not results.is_exhausted:
            jobs = (attribute_image(image, context) for image in results.admitted(images))
            with closing(self._engine.run(jobs)) as outcomes:
                for outcome in outcomes:
                    self.on_image_finished()
                    yield from results.put(outcome)
        yield from results.end(damaged=bool(archive.problem))

    def _recorded(self, results: "TarResults", *, is_new: bool) -> Iterator[Outcome]:
        """Record the images of a written archive, unless an earlier run did; yield outcomes."""
        folder = self._location.folder
        files = (results.name,) if is_new else ()
        records = read_records(folder, results.name) if results.flags else iter(())
        for flags, record in zip(results.flags, records, strict=False):
            if self._recorder.index.find(record["image"]) != record:
                self._journal.append(record)
            up_to_date, redone = bool(flags & UP_TO_DATE), bool(flags & REDONE)
            yield Outcome(record, files, up_to_date=up_to_date, redone=redone)
            files = ()

    def _is_known(self, image: str) -> bool:
        return self._recorder.index.find(image) is not None


def _noted(images: Iterable[Source], rows: RowMatcher | None) -> Iterator[Source]:
    """Yield images, noting which rows of a file of targets are for them."""
    for image in images:
        if rows is not None:
            rows.match(image)
        yield image


@dataclass(slots=True, eq=False)
class _PendingImage:
    """An image under way: its members in the existing archive, and its outcome once finished."""

    group: Group | None
    outcome: Outcome | None = None


class TarResults:
    """Folder, journal and index of earlier records for the images of one tar archive.

    Images leave in the order they came in, whatever order they finish in. The existing archive of
    results is replaced as soon as one image differs from it; what is still right is copied.

    Attributes:
        name: Name of the archive of results.
        is_exhausted: Whether there are no more images.
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
        """Open the existing archive of results.

        Args:
            folder: The output.
            tar: The archive that the images come from.
            formats: File formats of panels and of animations.
            is_known: Tells whether an image has a record of an earlier run.

        Raises:
            OutputError: The existing archive cannot be read.
        """
        self.name = tar_name(tar.name)
        self.is_exhausted = False
        self.flags = bytearray()
        self._prefix = f"{tar.name}/"
        self._formats = formats
        exists = folder.has(self.name)
        self._old: IO[bytes] | None = folder.open_to_read(self.name) if exists else None
        self._groups = read_groups(self._old) if self._old else iter(())
        self._next = next(self._groups, None)
        self._kept_end = 0
        self._has_gap = False
        self._is_known = is_known
        self._is_changed = self._old is None
        self._images: dict[str, _PendingImage] = {}
        self._waiting = 0
        self._old_files: set[str] = set()
        self._written: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._old is not None:
            self._old.close()

    def files(self, image: str) -> Files:
        """Return the names of an image's files, which begin with the name of the archive."""
        return files_in(self.name, image.removeprefix(self._prefix), *self._formats)

    def admitted(self, images: Iterator[Source]) -> Iterator[Source]:
        """Yield images until there are no more, or too many wait for the first one."""
        while self._waiting < MAX_WAITING:
            image = next(images, None)
            if image is None:
                self.is_exhausted = True
                return
            group = self._group_of(image.name)
            if group is not None:
                self._old_files.update(f"{self.name}/{member}" for member in group.files)
            self._images[image.name] = _PendingImage(group)
            yield image

    def _group_of(self, image: str) -> Group | None:
        """Return an image's group in the existing archive.

        Groups before it belong to images that are no longer in the input.
        """
        while self._next is not None and self._next.record["image"] != image:
            if not self._is_known(image):
                return None
            self._next, self._has_gap = next(self._groups, None), True
        group, self._next = self._next, next(self._groups, None)
        return group

    def find(self, image: str) -> Record | None:
        """Return the record of an image in the existing archive."""
        group = self._images[image].group
        return None if group is None else group.record

    def has(self, name: str) -> bool:
        """Tell whether the existing archive holds a file of an image under way."""
        return name in self._old_files

    def write(self, name: str, data: bytes) -> None:
        """Keep a file until its image leaves."""
        self._written[name] = data

    def remove(self, name: str) -> None:
        """Do nothing: a file that the record does not name is not copied."""

    def append(self, record: Record) -> None:
        """Do nothing: an image's record arrives with its outcome."""

    def put(self, outcome: Outcome) -> Iterator[bytes]:
        """Take an outcome; yield the parts of the archive that can now be written."""
        outcome.record.setdefault("tar", self._prefix.removesuffix("/"))
        self._images[outcome.record["image"]].outcome = outcome
        self._waiting += 1
        while self._images:
            name, first = next(iter(self._images.items()))
            if first.outcome is None:
                return
            del self._images[name]
            self._waiting -= 1
            yield from self._leave(first.outcome, first.group)

    def end(self, *, damaged: bool) -> Iterator[bytes]:
        """Yield the end of the archive, nothing if it stays as it is.

        Args:
            damaged: Whether images may be missing: then their earlier results stay.
        """
        if damaged and not self.flags:
            return
        remaining = [] if self._next is None else chain([self._next], self._groups)
        if self._has_gap or (self._next is not None and not damaged):
            yield from self._change()
        if self._is_changed:
            for group in remaining if damaged else ():
                yield from read_range(self._open(), group.start, group.end)
            yield END

    def _leave(self, outcome: Outcome, group: Group | None) -> Iterator[bytes]:
        """Yield the members of an image whose turn it is, nothing while the archive stays."""
        record = outcome.record
        self.flags.append(UP_TO_DATE * outcome.up_to_date | REDONE * outcome.redone)
        names = self.files(record["image"])
        written = {name: self._written.pop(name, None) for name in names.values()}
        self._old_files.difference_update(written)
        if group is not None and record == group.record:
            if not self._is_changed and not self._has_gap:
                self._kept_end = group.end
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
                files[member] = self._copied(group, member) if data is None else data
        yield encode_group(files, record["image"].removeprefix(self._prefix), record)

    def _change(self) -> Iterator[bytes]:
        """Start a new archive with the part of the existing one that is still right."""
        if not self._is_changed:
            self._is_changed = True
            yield from read_range(self._open(), 0, self._kept_end)

    def _copied(self, group: Group | None, member: str) -> bytes:
        start, end = group.files[member] if group else (0, 0)
        return b"".join(read_range(self._open(), start, end))

    def _open(self) -> IO[bytes]:
        if self._old is None:
            raise ValueError("there is no existing archive")
        return self._old
