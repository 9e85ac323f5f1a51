"""Zip and tar archives as folders of images, read member by member."""

# Paths stay as given, byte for byte.
# ruff: noqa: PTH116, PTH123

import contextlib
import functools
import os
import threading
import weakref
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from igcli.errors import ImageError, UsageError
from igcli.images.archives.containers import Container, ContainerEntry, Tar, Zip, copied, unpacked
from igcli.images.archives.tar_stream import DAMAGED
from igcli.images.remote import open_file
from igcli.images.walk_statistics import ELSEWHERE, EXTENSIONS, HIDDEN, SPECIAL, WalkStatistics
from igcli.records import Source
from igcli.urls import ARCHIVES, checked, is_url, is_web, scheme, shown

SUFFIXES = {".zip": "zip", ".tar": "tar", ".tar.gz": "tar", ".tgz": "tar"}
MACINTOSH = "__MACOSX"
"""A folder that macOS adds, with metadata under the names of the images."""

BROKEN = (*DAMAGED, zipfile.BadZipFile, NotImplementedError)
MAX_OPEN = 16


@dataclass(frozen=True, slots=True)
class ArchiveLocation:
    """An archive, or a file or folder in it.

    Attributes:
        kind: "zip" or "tar".
        archive: Path or URL of the archive.
        name: Name of a file or folder in it; empty for the whole archive.
    """

    kind: str
    archive: str
    name: str = ""

    @property
    def path(self) -> str:
        """The URL to open it by: zip://cats/a.jpg::photos.zip."""
        return f"{self.kind}://{self.name}::{self.archive}"

    @property
    def stem(self) -> str:
        """The archive's path without its extension."""
        return without_ending(shown(self.archive))

    @property
    def own_name(self) -> str:
        """The folder of its images in the output, used if there are several folders."""
        return (self.name or self.stem).rstrip("/").rpartition("/")[2]


def archive_location(path: str) -> ArchiveLocation | None:
    """Return the place in an archive that a path or URL names, None if it names none.

    Raises:
        UsageError: The URL names a member, but no archive.
    """
    if scheme(path) not in ARCHIVES:
        suffix = _suffix(shown(path))
        return ArchiveLocation(SUFFIXES[suffix.lower()], path) if suffix else None
    name, separator, archive = path.partition("://")[2].rpartition("::")
    if not separator or not archive:
        raise UsageError(
            f"{path!r} names no archive; write it as {scheme(path)}://a.jpg::photos.zip"
        )
    return ArchiveLocation(scheme(path), checked(archive), name.strip("/"))


class Archive:
    """An open archive; thread-safe.

    Attributes:
        files: Its files by normalized name, in the order of a walk.
        skipped: The kind of each member that is left out, by name.
    """

    def __init__(self, container: Container) -> None:
        """List the members of a container."""
        self.files: dict[str, ContainerEntry] = {}
        self.skipped: dict[str, str] = {}
        self._container = container
        self._lock = threading.Lock()
        for entry in container.entries():
            name = _normalized(entry.name)
            if not entry.is_regular or not name:
                self.skipped[entry.name] = SPECIAL if name else ELSEWHERE
            else:
                self.files[name] = entry  # the last of equal names, as in unpacking
        self.files = {name: self.files[name] for name in sorted(self.files, key=_in_order)}

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Return the bytes of a file.

        Raises:
            ImageError: The file is missing, empty, larger than `max_bytes` or damaged.
        """
        entry = self.files.get(name)
        if entry is None:
            raise ImageError("cannot be read: no such file in the archive")
        if entry.size > max_bytes:
            raise ImageError(f"too large: {entry.size:,} bytes, the limit is {max_bytes:,}")
        if not entry.size:
            raise ImageError("empty file")
        try:
            with self._lock:
                data = self._container.read(entry)
        except BROKEN as error:
            raise ImageError(f"cannot be read: {_in_words(error)}") from None
        if len(data) < entry.size:
            raise ImageError("cannot be read: the archive is truncated")
        return data


def open_archive(location: ArchiveLocation) -> Archive:
    """Open the archive of a location, or return it if it is open already.

    Raises:
        ImageError: The archive is missing or damaged.
    """
    try:
        status = None if is_url(location.archive) else os.stat(location.archive)
    except OSError as error:
        raise ImageError(f"{location.archive!r} cannot be read: {error.strerror}") from None
    stamp = (status.st_mtime_ns, status.st_size, status.st_ino) if status else ()
    return _opened(location.kind, location.archive, stamp)


def read_member(location: ArchiveLocation, *, max_bytes: int) -> bytes:
    """Return the bytes of a file in an archive; raises as `Archive.read` and `open_archive`."""
    return open_archive(location).read(location.name, max_bytes=max_bytes)


@functools.lru_cache(maxsize=MAX_OPEN)
def _opened(kind: str, path: str, _stamp: tuple[int, ...]) -> Archive:
    problem = f"{shown(path)!r} cannot be read as {kind}"
    with contextlib.ExitStack() as undo:
        try:
            file = undo.enter_context(_file(kind, path))
            archive = Archive(Zip(file) if kind == "zip" else Tar(file))
        except ImageError as error:
            raise ImageError(f"{problem}: {error}") from None
        except BROKEN as error:
            raise ImageError(f"{problem}: {_in_words(error)}") from None
        weakref.finalize(archive, undo.pop_all().close)
    return archive


def _file(kind: str, path: str) -> IO[bytes]:
    """Open an archive for random access; it is copied to disk first if that would be slow."""
    if not is_url(path):
        file: IO[bytes] = open(path, "rb")  # noqa: SIM115
        return file if kind == "zip" else unpacked(file)
    file = open_file(path)
    # A zip file has a directory; the members of a tar file are found by reading all of it.
    if kind == "zip" and not is_web(path):
        return file
    file = copied(file)
    return file if kind == "zip" else unpacked(file)


def sources_in(
    location: ArchiveLocation, name: str, statistics: WalkStatistics
) -> Iterator[Source]:
    """Yield the images in a folder of an archive, like those of a folder on disk.

    Args:
        location: The folder.
        name: Its name in the output; empty if it is the only argument.
        statistics: Counts what is met.

    Raises:
        ImageError: The archive is missing or damaged.
    """
    archive = open_archive(location)
    start = f"{location.name}/" if location.name else ""
    for member, reason in archive.skipped.items():
        statistics.skip(reason, ArchiveLocation(location.kind, location.archive, member).path)
    hidden: set[str] = set()
    for member in archive.files:
        if not member.startswith(start):
            continue
        inner = member[len(start) :]
        folder = _hidden_folder(inner)
        suffix = os.path.splitext(inner)[1].lower()
        if folder:
            if folder not in hidden:
                hidden.add(folder)
                statistics.skip("hidden folders", folder)
        elif inner.rpartition("/")[2].startswith("."):
            statistics.skip(HIDDEN, inner)
        elif suffix not in EXTENSIONS:
            statistics.other(suffix)
        else:
            statistics.taken += 1
            path = ArchiveLocation(location.kind, location.archive, member).path
            yield Source(path, f"{name}/{inner}" if name else inner)


def _hidden_folder(name: str) -> str:
    """Return the topmost hidden folder that a file lies in, empty if there is none."""
    folders = name.split("/")[:-1]
    for depth, folder in enumerate(folders, 1):
        if folder.startswith(".") or folder == MACINTOSH:
            return "/".join(folders[:depth])
    return ""


def _normalized(name: str) -> str:
    """Return a member's name without empty parts and dots; empty if it leads out of the archive."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "" if name.startswith("/") or ".." in parts or "\0" in name else "/".join(parts)


def _in_order(name: str) -> list[bytes]:
    return [os.fsencode(part) for part in name.split("/")]


def without_ending(name: str) -> str:
    """Return the name of an archive without its extension."""
    return name.removesuffix(_suffix(name))


def _suffix(path: str) -> str:
    return next((path[-len(end) :] for end in SUFFIXES if path.lower().endswith(end)), "")


def _in_words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
