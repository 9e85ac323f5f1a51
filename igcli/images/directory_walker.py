"""Walking folders, nothing taken twice."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH112, PTH116, PTH118

import functools
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from igcli.errors import ImageError
from igcli.images import remote
from igcli.images.endings import EXTENSIONS
from igcli.images.statistics import ELSEWHERE, HIDDEN, WalkStatistics
from igcli.records import Source
from igcli.urls import is_url

ARCHIVES = (".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True, slots=True)
class WalkedFolder:
    """A folder met on a walk.

    Attributes:
        path: The path it is opened by.
        name: Its name in the output; empty for the one folder given.
        real: Its absolute path without symbolic links.
    """

    path: str
    name: str
    real: str

    def child(self, name: str) -> "WalkedFolder":
        """Return the folder `name` in this one, which is no symbolic link."""
        path, real = os.path.join(self.path, name), os.path.join(self.real, name)
        return WalkedFolder(path, os.path.join(self.name, name), real)


class Walker:
    """One walk: what it has met so far, so that nothing is taken twice and loops end."""

    def __init__(
        self,
        tally: WalkStatistics,
        *,
        output: str | None,
        follow: bool = False,
        archives: bool = False,
    ) -> None:
        """Start a walk.

        Args:
            tally: Counts what is met.
            output: Real path of a folder to stay out of.
            follow: Whether links to folders are followed.
            archives: Whether tar archives are looked for, not images.
        """
        self._is_wanted = _is_archive if archives else _is_image
        self._tally = tally
        self._output = output
        self._follow = follow
        self._folders: set[str] = set()
        self._files: set[tuple[str, str]] = set()
        self._real = functools.lru_cache(maxsize=1024)(real)

    def file(self, source: Source, *, listed: bool = False) -> Iterator[Source]:
        """Yield `source`, which the user names, unless it is not a file or was met before.

        Args:
            source: The file.
            listed: Whether it is one of many distinct ones, which then need not be remembered.
        """
        folder, base = os.path.split(source.path)
        key = self._real(folder), base
        kind = self._kind_of_named(source.path, key)
        if kind:
            self._tally.skip(kind, source.path)
            return
        if not listed:
            self._files.add(key)
        self._tally.taken += 1
        yield source

    def _kind_of_named(self, path: str, key: tuple[str, str]) -> str:
        """Return why a file that the user names is left out, or nothing."""
        if self._output is not None and is_inside(key[0], self._output):
            return "files in the output folder"
        if key in self._files or (key[0] in self._folders and self._is_walked(key[1])):
            return "repetitions"
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            return "listed folders"
        return "" if stat.S_ISREG(mode) else "special files"

    def _is_walked(self, base: str) -> bool:
        """Tell whether a walk takes a file of this name."""
        return self._is_wanted(base) and not base.startswith(".")

    def folder(self, path: str, name: str) -> Iterator[Source]:
        """Yield the images in and below the folder `path`, names in the order of their bytes."""
        stack = [self._entries(WalkedFolder(path, name, self._real(path)))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif isinstance(entry, WalkedFolder):
                stack.append(self._entries(entry))
            else:
                self._tally.taken += 1
                yield entry

    def _entries(self, folder: WalkedFolder) -> Iterator[Source | WalkedFolder]:
        """Yield the images and folders in `folder`, which is read when the first is asked for."""
        if folder.real in self._folders:
            self._tally.skip("repetitions", folder.path)
            return
        if self._output is not None and is_inside(folder.real, self._output):
            self._tally.skip("output folder", folder.path)
            return
        self._folders.add(folder.real)
        try:
            files, folders = self._read(folder)
        except (OSError, ImageError):
            self._tally.skip("unreadable folders", folder.path)
            return
        for entry in sorted(files + list(folders)):
            base = os.fsdecode(entry)
            if entry in folders:
                child = folder.child(base)
                # Only a link can differ, and only where links are followed is one among them.
                yield replace(child, real=self._real(child.path)) if self._follow else child
            elif self._files and (folder.real, base) in self._files:
                self._tally.skip("repetitions", os.path.join(folder.path, base))
            else:
                yield Source(os.path.join(folder.path, base), os.path.join(folder.name, base))

    def _read(self, folder: WalkedFolder) -> tuple[list[bytes], set[bytes]]:
        """Return the names of the images and of the folders in `folder`, as compact as can be."""
        files, folders = [], set()
        for name, kind in self._met(folder.path):
            if kind == "image":
                files.append(name)
            elif kind == "folder" or (kind == "linked folders" and self._follow):
                folders.add(name)
            elif kind == "other":
                self._tally.other(_suffix(os.fsdecode(name)))
            else:
                self._tally.skip(kind, os.path.join(folder.path, os.fsdecode(name)))
        return files, folders

    def _met(self, folder: str) -> Iterator[tuple[bytes, str]]:
        """Yield the names in a folder, each with what kind of thing it is."""
        if is_url(folder):
            for name, is_folder in remote.entries(folder):
                yield os.fsencode(name), _kind_by_name(name, is_folder, self._is_wanted)
            return
        with os.scandir(os.fsencode(folder)) as entries:
            for entry in entries:
                yield entry.name, _kind(entry, self._is_wanted)


def real(path: str) -> str:
    """Return what all paths of one folder have in common: its path without links, or its URL."""
    return path.rstrip("/") if is_url(path) else os.path.realpath(path)


def is_inside(path: str, folder: str) -> bool:
    """Tell whether the absolute, normal `path` is `folder` or lies below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _kind(entry: os.DirEntry[bytes], is_wanted: Callable[[str], bool]) -> str:
    """Return "image", "folder", "other", or what kind of thing left out `entry` is."""
    is_link = entry.is_symlink()
    if os.path.isdir(entry.path) if is_link else entry.is_dir(follow_symlinks=False):
        if entry.name.startswith(b"."):
            return "hidden folders"
        return "linked folders" if is_link else "folder"
    if entry.name.startswith(b"."):
        return HIDDEN
    if not is_wanted(os.fsdecode(entry.name)):
        return "other"
    if entry.is_file(follow_symlinks=False) or stat.S_ISREG(_mode(entry.path)):
        return "image"
    return "special files"


def _kind_by_name(name: str, is_folder: bool, is_wanted: Callable[[str], bool]) -> str:
    """Return what kind of thing lies in a store; as `_kind`."""
    if not name:
        return ELSEWHERE
    if is_folder:
        return "hidden folders" if name.startswith(".") else "folder"
    if name.startswith("."):
        return HIDDEN
    return "image" if is_wanted(name) else "other"


def _is_image(name: str) -> bool:
    return _suffix(name) in EXTENSIONS


def _is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _mode(path: str | bytes) -> int:
    """Return the kind of `path`; what is missing counts as a file, and fails when it is read."""
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError):
        return stat.S_IFREG
