"""From the command line's arguments to the files that may hold images, and their output names."""

# Paths stay as given, byte for byte.
# ruff: noqa: PTH100, PTH109, PTH112, PTH120

import functools
import hashlib
import itertools
import logging
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

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
from igcli.images.walk_statistics import WalkStatistics
from igcli.records import Source
from igcli.stores import check_reachable
from igcli.urls import ARCHIVES, checked, is_url, is_web, scheme, shown


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


class Naming:
    """Names single paths relative to the current folder, or else to their common folder.

    URLs are named relative to their longest common folder; scheme and bucket or server count as
    its topmost parts. URLs that differ only in the query get a hash of it in their names.
    """

    def __init__(self, paths: Callable[[], Iterable[str]]) -> None:
        """Keep the paths; they are read when one lies outside the current folder.

        Args:
            paths: Returns all paths and URLs; called again for each pass.
        """
        self._paths = paths
        self._current = os.getcwd()
        self._reachable: set[str] = set()

    def source(self, path: str) -> Source:
        """Return a single path with its name.

        Raises:
            UsageError: The kind of URL is unknown, it holds a password, or its store does not
                answer.
        """
        path = checked(path)
        if is_url(path):
            self._check_reachable(path)
            parts, common = _parts(path), len(self._common_parts)
            # A file that appeared after the common folder was found may lie outside it.
            inside = parts[:common] == self._common_parts and len(parts) > common
            name = "/".join(parts[common:] if inside else parts)
            return Source(path, _with_hash(name, path) if self._is_ambiguous(path) else name)
        absolute = os.path.abspath(path)
        base = self._current if is_inside(absolute, self._current) else self._common_folder
        if not is_inside(absolute, base):  # it appeared after the common folder was found
            base = "/"
        return Source(path, absolute[len(base) :].lstrip("/"))

    @functools.cached_property
    def _common_folder(self) -> str:
        """The longest common folder of all paths outside the current folder."""
        common = ""
        for path in self._paths():
            absolute = os.path.abspath(checked(path))
            if not is_url(path) and not is_inside(absolute, self._current):
                folder = os.path.dirname(absolute)
                common = os.path.commonpath([common, folder]) if common else folder
        return common

    @functools.cached_property
    def _common_parts(self) -> list[str]:
        """The parts of the longest common folder of all URLs."""
        common: list[str] | None = None
        for path in map(checked, self._paths()):
            if is_url(path):
                folder = _parts(path)[:-1]
                pairs = zip(folder if common is None else common, folder, strict=False)
                common = [
                    part for part, _ in itertools.takewhile(lambda two: two[0] == two[1], pairs)
                ]
        return common or []

    def _is_ambiguous(self, url: str) -> bool:
        """Return whether another URL differs from this one only in the query."""
        return shown(url) != url and hash(shown(url)) in self._ambiguous

    @functools.cached_property
    def _ambiguous(self) -> frozenset[int]:
        """Hashes of the URLs without query that stand for several URLs."""
        shown_hashes, full_hashes = array("q"), array("q")
        for path in map(checked, self._paths()):
            if is_web(path):
                shown_hashes.append(hash(shown(path)))
                full_hashes.append(hash(path))
        without_query = np.frombuffer(shown_hashes, np.int64)
        with_query = np.frombuffer(full_hashes, np.int64)
        order = np.lexsort((with_query, without_query))
        without_query, with_query = without_query[order], with_query[order]
        is_same = without_query[1:] == without_query[:-1]
        is_ambiguous = is_same & (with_query[1:] != with_query[:-1])
        return frozenset(without_query[1:][is_ambiguous].tolist())

    def _check_reachable(self, url: str) -> None:
        """Check once for each bucket that it exists."""
        if scheme(url) in ARCHIVES:
            return
        start = scheme(url) if is_web(url) else "/".join(url.split("/", 3)[:3])
        if start not in self._reachable:
            check_reachable(url)
            self._reachable.add(start)


def _with_hash(name: str, url: str) -> str:
    """Add a short hash of the query to a name; the query itself may be a secret."""
    stem, ending = os.path.splitext(name)
    digest = hashlib.sha256(url[len(shown(url)) :].encode("utf-8", "surrogateescape")).hexdigest()
    return f"{stem}~{digest[:8]}{ending}"


def _parts(url: str) -> list[str]:
    """Split a URL into the parts of a name: "s3", "bucket", "cats", "a.jpg"."""
    location = archive_location(url) if scheme(url) in ARCHIVES else None
    path = f"{location.stem}/{location.name}" if location else shown(url)
    return [part for part in path.replace("://", "/", 1).split("/") if part not in ("", ".", "..")]
