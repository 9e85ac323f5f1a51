"""Walks folders for images; no file is taken twice."""

# Paths stay as given, byte for byte.
# ruff: noqa: PTH112, PTH116, PTH118

import functools
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from igcli.errors import ImageError
from igcli.images import remote
from igcli.images.walk_statistics import ELSEWHERE, EXTENSIONS, HIDDEN, WalkStatistics
from igcli.records import Source
from igcli.urls import is_url

ARCHIVES = (".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True, slots=True)
class WalkedFolder:
    """A folder met on a walk.

    Attributes:
        path: The path to open it by.
        name: Its name in the output; empty if it is the only argument.
        real: Its absolute path without symbolic links.
    """

    path: str
    name: str
    real: str

    def child(self, name: str) -> "WalkedFolder":
        """Return the subfolder `name`, which is not a symbolic link."""
        path, real = os.path.join(self.path, name), os.path.join(self.real, name)
        return WalkedFolder(path, os.path.join(self.name, name), real)


class Walker:
    """One walk; it remembers what it has met, so that it takes no file twice and loops end."""

    def __init__(
        self,
        statistics: WalkStatistics,
        *,
        output: str | None,
        follow: bool = False,
        archives: bool = False,
    ) -> None:
        """Start a walk.

        Args:
            statistics: Counts what the walk meets.
            output: Real path of a folder to leave out.
            follow: Whether to follow links to folders.
            archives: Whether to look for tar archives instead of images.
        """
        self._is_match = _is_archive if archives else _is_image
        self._statistics = statistics
        self._output = output
        self._follow = follow
        self._folders: set[str] = set()
        self._files: set[tuple[str, str]] = set()
        self._real_path = functools.lru_cache(maxsize=1024)(real_path)

    def file(self, source: Source, *, listed: bool = False) -> Iterator[Source]:
        """Yield `source`, which the user names, unless it is no file or was met before.

        Args:
            source: The file.
            listed: Whether it comes from a list of distinct files, which are not remembered.
        """
        folder, base = os.path.split(source.path)
        key = self._real_path(folder), base
        reason = self._reason_to_skip(source.path, key)
        if reason:
            self._statistics.skip(reason, source.path)
            return
        if not listed:
            self._files.add(key)
        self._statistics.taken += 1
        yield source

    def _reason_to_skip(self, path: str, key: tuple[str, str]) -> str:
        """Return why to leave out a file that the user names, empty if there is no reason."""
        if self._output is not None and is_inside(key[0], self._output):
            return "files in the output folder"
        if key in self._files or (key[0] in self._folders and self._is_walked(key[1])):
            return "repetitions"
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            return "listed folders"
        return "" if stat.S_ISREG(mode) else "special files"

    def _is_walked(self, base: str) -> bool:
        """Return whether a walk takes a file of this name."""
        return self._is_match(base) and not base.startswith(".")

    def folder(self, path: str, name: str) -> Iterator[Source]:
        """Yield the images in and below the folder `path`, sorted by the bytes of their names."""
        stack = [self._entries(WalkedFolder(path, name, self._real_path(path)))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif isinstance(entry, WalkedFolder):
                stack.append(self._entries(entry))
            else:
                self._statistics.taken += 1
                yield entry

    def _entries(self, folder: WalkedFolder) -> Iterator[Source | WalkedFolder]:
        """Yield the images and folders in `folder`, which is read when the first is requested."""
        if folder.real in self._folders:
            self._statistics.skip("repetitions", folder.path)
            return
        if self._output is not None and is_inside(folder.real, self._output):
            self._statistics.skip("output folder", folder.path)
            return
        self._folders.add(folder.real)
        try:
            files, folders = self._read(folder)
        except (OSError, ImageError):
            self._statistics.skip("unreadable folders", folder.path)
            return
        for entry in sorted(files + list(folders)):
            base = os.fsdecode(entry)
            if entry in folders:
                child = folder.child(base)
                # Only a link has another real path, and only a walk that follows links meets one.
                yield replace(child, real=self._real_path(child.path)) if self._follow else child
            elif self._files and (folder.real, base) in self._files:
                self._statistics.skip("repetitions", os.path.join(folder.path, base))
            else:
                yield Source(os.path.join(folder.path, base), os.path.join(folder.name, base))

    def _read(self, folder: WalkedFolder) -> tuple[list[bytes], set[bytes]]:
        """Return the names of the images and folders in `folder`, as bytes to save memory."""
        files, folders = [], set()
        for name, kind in self._scan(folder.path):
            if kind == "image":
                files.append(name)
            elif kind == "folder" or (kind == "linked folders" and self._follow):
                folders.add(name)
            elif kind == "other":
                self._statistics.other(_suffix(os.fsdecode(name)))
            else:
                self._statistics.skip(kind, os.path.join(folder.path, os.fsdecode(name)))
        return files, folders

    def _scan(self, folder: str) -> Iterator[tuple[bytes, str]]:
        """Yield the names in a folder, each with its kind."""
        if is_url(folder):
            for name, is_folder in remote.entries(folder):
                yield os.fsencode(name), _kind_by_name(name, is_folder, self._is_match)
            return
        with os.scandir(os.fsencode(folder)) as entries:
            for entry in entries:
                yield entry.name, _kind(entry, self._is_match)


def real_path(path: str) -> str:
    """Return the one path that stands for a folder: without links, or its URL without a slash."""
    return path.rstrip("/") if is_url(path) else os.path.realpath(path)


def is_inside(path: str, folder: str) -> bool:
    """Return whether the absolute, normalized `path` is `folder` or lies below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _kind(entry: os.DirEntry[bytes], is_match: Callable[[str], bool]) -> str:
    """Return "image", "folder", "other", or what kind of thing left out `entry` is."""
    is_link = entry.is_symlink()
    if os.path.isdir(entry.path) if is_link else entry.is_dir(follow_symlinks=False):
        if entry.name.startswith(b"."):
            return "hidden folders"
        return "linked folders" if is_link else "folder"
    if entry.name.startswith(b"."):
        return HIDDEN
    if not is_match(os.fsdecode(entry.name)):
        return "other"
    if entry.is_file(follow_symlinks=False) or stat.S_ISREG(_mode(entry.path)):
        return "image"
    return "special files"


def _kind_by_name(name: str, is_folder: bool, is_match: Callable[[str], bool]) -> str:
    """Return the kind of an entry in a store, like `_kind`."""
    if not name:
        return ELSEWHERE
    if is_folder:
        return "hidden folders" if name.startswith(".") else "folder"
    if name.startswith("."):
        return HIDDEN
    return "image" if is_match(name) else "other"


def _is_image(name: str) -> bool:
    return _suffix(name) in EXTENSIONS


def _is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _mode(path: str | bytes) -> int:
    """Return the mode of `path`; a missing file counts as regular and fails when it is read."""
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError):
        return stat.S_IFREG
