"""From what a user names to the files that may hold images."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH112

import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Sequence

from igcli.errors import UsageError
from igcli.images import argument_kind
from igcli.images.archives.archive import place_of, sources_in, without_ending
from igcli.images.argument_kind import (
    WALKED,
    Kind,
    kind_of,
    kind_of_match,
    own_name,
    refuse_missing,
)
from igcli.images.directory_walker import Walker, is_inside, real
from igcli.images.output_naming import Naming
from igcli.images.statistics import WalkStatistics
from igcli.records import Source
from igcli.urls import checked, is_url


class Walk:
    """The images that a command line names; every iteration walks the disk anew.

    Attributes:
        tally: Counts of the latest iteration, so far.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        listed: Iterable[str] = (),
        output: str | None = None,
        limit: int | None = None,
        follow: bool = False,
        archives: bool = False,
    ) -> None:
        """Check what is named; nothing is walked yet.

        Args:
            arguments: Files, folders, archives and glob patterns, by paths or URLs.
            listed: Distinct paths of files, iterable more than once: a `Listing`.
            output: The folder written to, which the walk leaves out.
            limit: Take only the first so many.
            follow: Whether links to folders, met on a walk, are followed.
            archives: Whether tar archives are looked for, not images.

        Raises:
            UsageError: An argument does not exist, is a folder or archive that cannot be read, or
                all lie in the output folder; or a URL is not one that can be used.
        """
        self.tally = WalkStatistics()
        self._output = None if output is None else real(output)
        given = map(checked, arguments)
        self._arguments = [name for name in given if not self._is_output(name)]
        if arguments and not self._arguments:
            raise UsageError(f"{arguments[0]!r} is, or lies in, the output folder; choose another")
        self._listed = listed
        self._limit = limit
        self._follow = follow
        self._archives = archives
        self._naming = Naming(self._single_paths)
        self._level = logging.WARNING
        for argument in self._arguments:
            refuse_missing(argument)
            self._kind(argument)

    def __iter__(self) -> Iterator[Source]:
        """Yield the images; what is left out is warned of in the first iteration only."""
        self.tally = WalkStatistics(level=self._level)
        self._level = logging.DEBUG
        return itertools.islice(self._sources(self.tally), self._limit)

    def whole(self) -> Iterator[Source]:
        """Yield the images as if there were no limit, and count nothing."""
        return self._sources(WalkStatistics(level=logging.DEBUG))

    def _sources(self, tally: WalkStatistics) -> Iterator[Source]:
        walker = Walker(tally, output=self._output, follow=self._follow, archives=self._archives)
        kinds = [(name, self._kind(name)) for name in self._arguments]
        several = len({real(name) for name, kind in kinds if kind in WALKED}) > 1
        for argument, kind in kinds:
            if kind == "pattern":
                yield from self._matches(argument, walker, tally)
            elif kind in WALKED:
                name = own_name(argument) if several else ""
                yield from self._inside(kind, Source(argument, name), walker, tally)
            else:
                yield from walker.file(self._naming.source(argument))
        for path in self._listed:
            yield from walker.file(self._naming.source(path), listed=True)

    def _matches(self, pattern: str, walker: Walker, tally: WalkStatistics) -> Iterator[Source]:
        source = None
        for source in map(self._naming.source, argument_kind.expand(pattern)):
            kind = kind_of_match(source.path, archives_are_walked=not self._archives)
            if kind in WALKED:
                yield from self._inside(kind, source, walker, tally)
            else:
                yield from walker.file(source)
        if source is None:
            tally.skip("patterns without a match", pattern)

    def _inside(
        self, kind: Kind, folder: Source, walker: Walker, tally: WalkStatistics
    ) -> Iterator[Source]:
        place = place_of(folder.path) if kind == "archive" else None
        if place is None:
            yield from walker.folder(folder.path, folder.name)
        else:
            yield from sources_in(place, without_ending(folder.name), tally)

    def _kind(self, path: str) -> Kind:
        return kind_of(path, archives_are_walked=not self._archives)

    def _single_paths(self) -> Iterator[str]:
        for argument in self._arguments:
            kind = self._kind(argument)
            if kind == "pattern":
                yield from argument_kind.expand(argument)
            elif kind == "file":
                yield argument
        yield from self._listed

    def _is_output(self, argument: str) -> bool:
        """Tell whether a folder is the output folder, as it is among `*`, or lies in it."""
        if self._output is None or not (is_url(argument) or os.path.isdir(argument)):
            return False
        return is_inside(real(argument), self._output)
