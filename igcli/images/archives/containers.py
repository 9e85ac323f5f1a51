"""The files in a zip or tar file: what they are called, how large they are, and their bytes."""

import contextlib
import gzip
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol

from igcli.errors import ImageError
from igcli.images.archives.tar_stream import GZIP, Forward, members_of

BLOCK = 1 << 20
ENCRYPTED = 1
"""Flag of a member of a zip file."""


@dataclass(frozen=True, slots=True)
class ContainerEntry:
    """One member of an archive, no folder.

    Attributes:
        name: As the archive has it.
        size: Its bytes, unpacked.
        place: Where it lies, as the archive's reader knows it.
        is_regular: Whether it is a file, and no link or device.
    """

    name: str
    size: int
    place: Any
    is_regular: bool


class Container(Protocol):
    """An open archive; for one thread at a time."""

    def entries(self) -> Iterator[ContainerEntry]:
        """Yield its members, in their order; called once."""

    def read(self, entry: ContainerEntry) -> bytes:
        """Return a member's bytes, no more than its size."""


class Zip:
    """A zip file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read the directory of an open file."""
        self._archive = zipfile.ZipFile(file)

    def entries(self) -> Iterator[ContainerEntry]:
        """Yield its members; see `Container`."""
        for info in self._archive.infolist():
            if not info.is_dir():
                mode = info.external_attr >> 16
                is_regular = not stat.S_IFMT(mode) or stat.S_ISREG(mode)
                yield ContainerEntry(info.filename, info.file_size, info, is_regular)

    def read(self, entry: ContainerEntry) -> bytes:
        """Return a member's bytes; see `Container`.

        Raises:
            ImageError: It takes a password.
        """
        if entry.place.flag_bits & ENCRYPTED:
            raise ImageError("encrypted: unpack the archive with its password and name the folder")
        with self._archive.open(entry.place) as member:
            return member.read(entry.size)


class Tar:
    """A tar file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Take over an open file."""
        self._file = file

    def entries(self) -> Iterator[ContainerEntry]:
        """Yield its members; see `Container`."""
        for member in members_of(_Seeking(self._file)):
            if not member.isdir():
                is_regular = member.isreg() and not member.issparse()
                yield ContainerEntry(member.name, member.size, member.offset_data, is_regular)

    def read(self, entry: ContainerEntry) -> bytes:
        """Return a member's bytes; see `Container`."""
        self._file.seek(entry.place)
        return self._file.read(entry.size)


class _Seeking(Forward):
    """A file whose members' data need not be read to come to the next."""

    def seek(self, to: int) -> None:
        if to < self._at:
            raise ImageError("a member begins before the end of another")
        self._at = self._stream.seek(to)


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """Return a file as it is, or one with what is in it where it is packed by gzip.

    Raises:
        ImageError: There is no room for it.
    """
    packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    if not packed:
        return file
    with file:
        return copied(gzip.open(file))


def copied(stream: Any) -> IO[bytes]:
    """Return an unnamed file with what is left in a stream, which is closed.

    Raises:
        ImageError: It would leave less than half of the free disk.
    """
    left = shutil.disk_usage(tempfile.gettempdir()).free // 2
    with contextlib.ExitStack() as undo:
        copy = undo.enter_context(tempfile.TemporaryFile())
        with stream:
            while chunk := stream.read(BLOCK):
                left -= len(chunk)
                if left < 0:
                    raise ImageError("it takes more than half of the free disk for temporary files")
                copy.write(chunk)
        copy.seek(0)
        undo.pop_all()
    return copy
