"""Names the outputs of images that are named one by one, not found in a given folder."""

# Paths stay as given, byte for byte.
# ruff: noqa: PTH100, PTH109, PTH120

import functools
import hashlib
import itertools
import os
from array import array
from collections.abc import Callable, Iterable

import numpy as np

from igcli.images.archives.archive import archive_location
from igcli.images.directory_walker import is_inside
from igcli.records import Source
from igcli.stores import check_reachable
from igcli.urls import ARCHIVES, checked, is_url, is_web, scheme, shown


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
