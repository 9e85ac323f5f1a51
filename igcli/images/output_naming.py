"""What the outputs of single images are called, which are in no folder that was given."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH100, PTH109, PTH120

import functools
import hashlib
import itertools
import os
from array import array
from collections.abc import Callable, Iterable

import numpy as np

from igcli.images.archives.archive import place_of
from igcli.images.directory_walker import is_inside
from igcli.records import Source
from igcli.stores import check_reachable
from igcli.urls import ARCHIVES, checked, is_url, is_web, scheme, shown


class Naming:
    """Names single paths relative to the current folder, or to that common to all outside.

    Those of URLs are relative to the longest folder that is common to them, of which the kinds of
    stores, buckets and servers are the uppermost parts. Those that differ in the query alone have a
    hash of it in their names.
    """

    def __init__(self, paths: Callable[[], Iterable[str]]) -> None:
        """Take the paths, which are looked at once one lies elsewhere.

        Args:
            paths: Called, it begins to give all paths and URLs.
        """
        self._paths = paths
        self._current = os.getcwd()
        self._reached: set[str] = set()

    def source(self, path: str) -> Source:
        """Return a single path with its name.

        Raises:
            UsageError: It is a URL of no kind that can be read, with a password in it, or of a
                store that does not answer.
        """
        path = checked(path)
        if is_url(path):
            self._reach(path)
            parts, common = _parts(path), len(self._common_parts)
            # One that appeared since the common folder was found may lie elsewhere.
            inside = parts[:common] == self._common_parts and len(parts) > common
            name = "/".join(parts[common:] if inside else parts)
            return Source(path, _marked(name, path) if self._is_one_of_several(path) else name)
        absolute = os.path.abspath(path)
        base = self._current if is_inside(absolute, self._current) else self._common_folder
        if not is_inside(absolute, base):  # it appeared since the common folder was found
            base = "/"
        return Source(path, absolute[len(base) :].lstrip("/"))

    @functools.cached_property
    def _common_folder(self) -> str:
        """The longest common folder of all single paths outside the current folder."""
        common = ""
        for path in self._paths():
            absolute = os.path.abspath(checked(path))
            if not is_url(path) and not is_inside(absolute, self._current):
                folder = os.path.dirname(absolute)
                common = os.path.commonpath([common, folder]) if common else folder
        return common

    @functools.cached_property
    def _common_parts(self) -> list[str]:
        """The parts of the longest common folder of all single URLs."""
        common: list[str] | None = None
        for path in map(checked, self._paths()):
            if is_url(path):
                folder = _parts(path)[:-1]
                pairs = zip(folder if common is None else common, folder, strict=False)
                common = [
                    part for part, _ in itertools.takewhile(lambda two: two[0] == two[1], pairs)
                ]
        return common or []

    def _is_one_of_several(self, url: str) -> bool:
        """Tell whether another URL differs in the query alone; one may change with a signature."""
        return shown(url) != url and hash(shown(url)) in self._several

    @functools.cached_property
    def _several(self) -> frozenset[int]:
        """Hashes of all that is shown of several single URLs."""
        hashes = array("q"), array("q")
        for path in map(checked, self._paths()):
            if is_web(path):
                hashes[0].append(hash(shown(path)))
                hashes[1].append(hash(path))
        found, whole = (np.frombuffer(each, np.int64) for each in hashes)
        order = np.lexsort((whole, found))
        found, whole = found[order], whole[order]
        shared = (found[1:] == found[:-1]) & (whole[1:] != whole[:-1])
        return frozenset(found[1:][shared].tolist())

    def _reach(self, url: str) -> None:
        """Ask each store, bucket by bucket, whether it is there at all."""
        if scheme(url) in ARCHIVES:
            return
        start = scheme(url) if is_web(url) else "/".join(url.split("/", 3)[:3])
        if start not in self._reached:
            check_reachable(url)
            self._reached.add(start)


def _marked(name: str, url: str) -> str:
    """Return the name of a URL with a short hash of its query, which itself may be a secret."""
    stem, ending = os.path.splitext(name)
    digest = hashlib.sha256(url[len(shown(url)) :].encode("utf-8", "surrogateescape")).hexdigest()
    return f"{stem}~{digest[:8]}{ending}"


def _parts(url: str) -> list[str]:
    """Return the parts of a URL that can be parts of a name: "s3", "bucket", "cats", "a.jpg"."""
    place = place_of(url) if scheme(url) in ARCHIVES else None
    path = f"{place.stem}/{place.name}" if place else shown(url)
    return [part for part in path.replace("://", "/", 1).split("/") if part not in ("", ".", "..")]
