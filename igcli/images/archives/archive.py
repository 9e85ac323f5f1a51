"""Archives as folders of images: zip and tar files, read member by member."""

# Paths stay as they were given, byte for byte.
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
from igcli.images.endings import EXTENSIONS
from igcli.images.remote import open_file
from igcli.images.statistics import ELSEWHERE, HIDDEN, SPECIAL, WalkStatistics
from igcli.records import Source
from igcli.urls import ARCHIVES, checked, is_url, is_web, scheme, shown

SUFFIXES = {".zip": "zip", ".tar": "tar", ".tar.gz": "tar", ".tgz": "tar"}
MACINTOSH = "__MACOSX"
"""A folder beside the files, of what its system knows of them under the names of images."""

BROKEN = (*DAMAGED, zipfile.BadZipFile, NotImplementedError)
KEPT_OPEN = 16


@dataclass(frozen=True, slots=True)
class ArchiveLocation:
    """A place in an archive.

    Attributes:
        kind: "zip" or "tar".
        where: Path or URL of the archive.
        name: Of a file or folder in it; empty for all of it.
    """

    kind: str
    where: str
    name: str = ""

    @property
    def path(self) -> str:
        """The URL it is opened by: zip://cats/a.jpg::photos.zip."""
        return f"{self.kind}://{self.name}::{self.where}"

    @property
    def stem(self) -> str:
        """The archive's path without its ending."""
        return without_ending(shown(self.where))

    @property
    def own_name(self) -> str:
        """What its files lie under in the output, where there are several folders."""
        return (self.name or self.stem).rstrip("/").rpartition("/")[2]


def place_of(path: str) -> ArchiveLocation | None:
    """Return the place in an archive that a path or URL names, None where it names none.

    Raises:
        UsageError: It names a member, but no archive.
    """
    if scheme(path) not in ARCHIVES:
        ending = _suffix(shown(path))
        return ArchiveLocation(SUFFIXES[ending.lower()], path) if ending else None
    name, mark, where = path.partition("://")[2].rpartition("::")
    if not mark or not where:
        raise UsageError(f"{path!r}: name the archive, too: {scheme(path)}://a.jpg::photos.zip")
    return ArchiveLocation(scheme(path), checked(where), name.strip("/"))


class Archive:
    """An open archive; safe for several threads.

    Attributes:
        files: Its files, by names that lead nowhere else, in the order of a walk.
        skipped: Why other members are left out, by their names.
    """

    def __init__(self, container: Container) -> None:
        """List a container."""
        self.files: dict[str, ContainerEntry] = {}
        self.skipped: dict[str, str] = {}
        self._container = container
        self._lock = threading.Lock()
        for entry in container.entries():
            name = _inside(entry.name)
            if not entry.is_regular or not name:
                self.skipped[entry.name] = SPECIAL if name else ELSEWHERE
            else:
                self.files[name] = entry  # of equal names the last, as when they are unpacked
        self.files = {name: self.files[name] for name in sorted(self.files, key=_in_order)}

    def read(self, name: str, *, most: int) -> bytes:
        """Return the bytes of a file, at most `most`.

        Raises:
            ImageError: It is missing, empty, too large or damaged.
        """
        entry = self.files.get(name)
        if entry is None:
            raise ImageError("cannot be read: no such file in the archive")
        if entry.size > most:
            raise ImageError(f"too large: {entry.size:,} bytes, the limit is {most:,}")
        if not entry.size:
            raise ImageError("empty file")
        try:
            with self._lock:
                data = self._container.read(entry)
        except BROKEN as error:
            raise ImageError(f"cannot be read: {_in_words(error)}") from None
        if len(data) < entry.size:
            raise ImageError("cannot be read: the archive is cut short")
        return data


def open_archive(place: ArchiveLocation) -> Archive:
    """Open the archive of a place, or return it where it is open.

    Raises:
        ImageError: It is missing or damaged.
    """
    try:
        status = None if is_url(place.where) else os.stat(place.where)
    except OSError as error:
        raise ImageError(f"{place.where!r} cannot be read: {error.strerror}") from None
    stamp = (status.st_mtime_ns, status.st_size, status.st_ino) if status else ()
    return _opened(place.kind, place.where, stamp)


def read_member(place: ArchiveLocation, *, most: int) -> bytes:
    """Return the bytes of a file in an archive; as in `Archive.read` and `open_archive`."""
    return open_archive(place).read(place.name, most=most)


@functools.lru_cache(maxsize=KEPT_OPEN)
def _opened(form: str, where: str, _stamp: tuple[int, ...]) -> Archive:
    told = f"{shown(where)!r} cannot be read as {form}"
    with contextlib.ExitStack() as undo:
        try:
            file = undo.enter_context(_file(form, where))
            archive = Archive(Zip(file) if form == "zip" else Tar(file))
        except ImageError as error:
            raise ImageError(f"{told}: {error}") from None
        except BROKEN as error:
            raise ImageError(f"{told}: {_in_words(error)}") from None
        weakref.finalize(archive, undo.pop_all().close)
    return archive


def _file(form: str, where: str) -> IO[bytes]:
    """Open an archive so that any place in it is read quickly enough."""
    if not is_url(where):
        file: IO[bytes] = open(where, "rb")  # noqa: SIM115
        return file if form == "zip" else unpacked(file)
    file = open_file(where)
    # Only the directory of a zip file tells where its members are without reading it all.
    if form == "zip" and not is_web(where):
        return file
    file = copied(file)
    return file if form == "zip" else unpacked(file)


def sources_in(place: ArchiveLocation, name: str, tally: WalkStatistics) -> Iterator[Source]:
    """Yield the images in a folder of an archive, as those of a folder on disk.

    Args:
        place: The folder.
        name: Its name in the output; empty for the one folder given.
        tally: Counts what is met.

    Raises:
        ImageError: The archive is missing or damaged.
    """
    archive = open_archive(place)
    start = f"{place.name}/" if place.name else ""
    for member, reason in archive.skipped.items():
        tally.skip(reason, ArchiveLocation(place.kind, place.where, member).path)
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
                tally.skip("hidden folders", folder)
        elif inner.rpartition("/")[2].startswith("."):
            tally.skip(HIDDEN, inner)
        elif suffix not in EXTENSIONS:
            tally.other(suffix)
        else:
            tally.taken += 1
            path = ArchiveLocation(place.kind, place.where, member).path
            yield Source(path, f"{name}/{inner}" if name else inner)


def _hidden_folder(name: str) -> str:
    """Return the path of the first hidden folder on the way to a file, or nothing."""
    folders = name.split("/")[:-1]
    for depth, folder in enumerate(folders, 1):
        if folder.startswith(".") or folder == MACINTOSH:
            return "/".join(folders[:depth])
    return ""


def _inside(name: str) -> str:
    """Return a member's name without what changes nothing, and nothing for one that leads out."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "" if name.startswith("/") or ".." in parts or "\0" in name else "/".join(parts)


def _in_order(name: str) -> list[bytes]:
    return [os.fsencode(part) for part in name.split("/")]


def without_ending(name: str) -> str:
    """Return the name of an archive without what tells that it is one."""
    return name.removesuffix(_suffix(name))


def _suffix(path: str) -> str:
    return next((path[-len(each) :] for each in SUFFIXES if path.lower().endswith(each)), "")


def _in_words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
