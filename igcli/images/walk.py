"""From what a user names to the files that may hold images."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH100, PTH109, PTH112, PTH120

import functools
import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Sequence

from igcli.errors import UsageError
from igcli.images import globs
from igcli.images.folders import Walker, is_inside
from igcli.images.tally import Tally
from igcli.records import Source


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
            arguments: Files, folders and glob patterns.
            listed: Distinct paths of files, iterable more than once: a `Listing`.
            output: The folder written to, which the walk leaves out.
            limit: Take only the first so many.
            follow: Whether links to folders, met on a walk, are followed.
            archives: Whether tar archives are looked for, not images.

        Raises:
            UsageError: An argument does not exist, is a folder that cannot be read, or all lie
                in the output folder.
        """
        self.tally = Tally()
        self._output = None if output is None else os.path.realpath(output)
        self._arguments = [name for name in arguments if not self._is_output(name)]
        if arguments and not self._arguments:
            raise UsageError(f"{arguments[0]!r} is, or lies in, the output folder; choose another")
        for argument in self._arguments:
            _refuse_missing(argument)
        self._listed = listed
        self._limit = limit
        self._follow = follow
        self._archives = archives
        self._current = os.getcwd()
        self._level = logging.WARNING

    def __iter__(self) -> Iterator[Source]:
        """Yield the images; what is left out is warned of in the first iteration only."""
        self.tally = Tally(level=self._level)
        self._level = logging.DEBUG
        walker = Walker(
            self.tally, output=self._output, follow=self._follow, archives=self._archives
        )
        return itertools.islice(self._sources(walker), self._limit)

    def _sources(self, walker: Walker) -> Iterator[Source]:
        folders = {os.path.realpath(name) for name in self._arguments if os.path.isdir(name)}
        for argument in self._arguments:
            if globs.is_pattern(argument):
                yield from self._matches(argument, walker)
            elif os.path.isdir(argument):
                own_name = os.path.basename(os.path.abspath(argument))
                yield from walker.folder(argument, own_name if len(folders) > 1 else "")
            else:
                yield from walker.file(self._source(argument))
        for path in self._listed:
            yield from walker.file(self._source(path), listed=True)

    def _matches(self, pattern: str, walker: Walker) -> Iterator[Source]:
        source = None
        for source in map(self._source, globs.expand(pattern)):
            if os.path.isdir(source.path):
                yield from walker.folder(source.path, source.name)
            else:
                yield from walker.file(source)
        if source is None:
            self.tally.skip("patterns without a match", pattern)

    def _source(self, path: str) -> Source:
        """Name a single path relative to the current folder, or to that common to all outside."""
        absolute = os.path.abspath(path)
        base = self._current if is_inside(absolute, self._current) else self._common_folder
        if not is_inside(absolute, base):  # it appeared since the common folder was found
            base = "/"
        return Source(path, absolute[len(base) :].lstrip("/"))

    @functools.cached_property
    def _common_folder(self) -> str:
        """The longest common folder of all single paths outside the current folder."""
        common = ""
        for path in map(os.path.abspath, self._single_paths()):
            if not is_inside(path, self._current):
                folder = os.path.dirname(path)
                common = os.path.commonpath([common, folder]) if common else folder
        return common

    def _single_paths(self) -> Iterator[str]:
        for argument in self._arguments:
            if globs.is_pattern(argument):
                yield from globs.expand(argument)
            elif not os.path.isdir(argument):
                yield argument
        yield from self._listed

    def _is_output(self, argument: str) -> bool:
        """Tell whether a folder is the output folder, as it is among `*`, or lies in it."""
        if self._output is None or not os.path.isdir(argument):
            return False
        return is_inside(os.path.realpath(argument), self._output)


def _refuse_missing(argument: str) -> None:
    if globs.is_pattern(argument):
        return
    try:
        os.lstat(argument)  # a link that leads nowhere is there, and fails like any bad image
        if os.path.isdir(argument):
            os.scandir(argument).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{argument!r} cannot be read: {reason}") from error
