"""From the command line's arguments to the files that may hold images."""

# Paths stay as given, byte for byte.
# ruff: noqa: PTH112

import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Sequence

from igcli.errors import UsageError
from igcli.images.archives.archive import archive_location, sources_in, without_ending
from igcli.images.argument_kind import (
    WALKED,
    Kind,
    expand,
    kind_of,
    kind_of_match,
    own_name,
    refuse_missing,
)
from igcli.images.directory_walker import Walker, is_inside, real_path
from igcli.images.output_naming import Naming
from igcli.images.walk_statistics import WalkStatistics
from igcli.records import Source
from igcli.urls import checked, is_url


class Walk:
    """The images that a command line names; every iteration walks the folders anew.

    Attributes:
        statistics: Counts of the latest iteration so far.
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
        """Check the arguments; nothing is walked yet.

        Args:
            arguments: Files, folders, archives and glob patterns, as paths or URLs.
            listed: Distinct paths of files, iterable more than once: a `Listing`.
            output: The output folder, which the walk leaves out.
            limit: Maximum number of images.
            follow: Whether to follow links to folders met on a walk.
            archives: Whether to look for tar archives instead of images.

        Raises:
            UsageError: An argument is missing, unreadable or an unusable URL, or all arguments
                are in the output folder.
        """
        self.statistics = WalkStatistics()
        self._output = None if output is None else real_path(output)
        paths = map(checked, arguments)
        self._arguments = [path for path in paths if not self._is_output(path)]
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
        """Yield the images; only the first iteration warns of what it leaves out."""
        self.statistics = WalkStatistics(level=self._level)
        self._level = logging.DEBUG
        return itertools.islice(self._sources(self.statistics), self._limit)

    def unlimited(self) -> Iterator[Source]:
        """Yield the images regardless of the limit, without counting them."""
        return self._sources(WalkStatistics(level=logging.DEBUG))

    def _sources(self, statistics: WalkStatistics) -> Iterator[Source]:
        walker = Walker(
            statistics, output=self._output, follow=self._follow, archives=self._archives
        )
        kinds = [(argument, self._kind(argument)) for argument in self._arguments]
        walked = {real_path(argument) for argument, kind in kinds if kind in WALKED}
        for argument, kind in kinds:
            if kind == "pattern":
                yield from self._matches(argument, walker, statistics)
            elif kind in WALKED:
                name = own_name(argument) if len(walked) > 1 else ""
                yield from self._inside(kind, Source(argument, name), walker, statistics)
            else:
                yield from walker.file(self._naming.source(argument))
        for path in self._listed:
            yield from walker.file(self._naming.source(path), listed=True)

    def _matches(
        self, pattern: str, walker: Walker, statistics: WalkStatistics
    ) -> Iterator[Source]:
        source = None
        for source in map(self._naming.source, expand(pattern)):
            kind = kind_of_match(source.path, archives_are_walked=not self._archives)
            if kind in WALKED:
                yield from self._inside(kind, source, walker, statistics)
            else:
                yield from walker.file(source)
        if source is None:
            statistics.skip("patterns without a match", pattern)

    def _inside(
        self, kind: Kind, folder: Source, walker: Walker, statistics: WalkStatistics
    ) -> Iterator[Source]:
        location = archive_location(folder.path) if kind == "archive" else None
        if location is None:
            yield from walker.folder(folder.path, folder.name)
        else:
            yield from sources_in(location, without_ending(folder.name), statistics)

    def _kind(self, path: str) -> Kind:
        return kind_of(path, archives_are_walked=not self._archives)

    def _single_paths(self) -> Iterator[str]:
        for argument in self._arguments:
            kind = self._kind(argument)
            if kind == "pattern":
                yield from expand(argument)
            elif kind == "file":
                yield argument
        yield from self._listed

    def _is_output(self, argument: str) -> bool:
        """Return whether a folder is or lies in the output folder, as may happen with `*`."""
        if self._output is None or not (is_url(argument) or os.path.isdir(argument)):
            return False
        return is_inside(real_path(argument), self._output)
