"""The members of a zip or tar file: their names, sizes and bytes."""

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
from igcli.images.archives.tar_stream import GZIP, ForwardReader, members_of

BLOCK = 1 << 20
ENCRYPTED = 1
"""Flag bit of a member of a zip file."""


@dataclass(frozen=True, slots=True)
class ContainerEntry:
    """One member of an archive that is not a folder.

    Attributes:
        name: Name in the archive.
        size: Unpacked size in bytes.
        handle: What the container needs to read it.
        is_regular: Whether it is a regular file, not a link or device.
    """

    name: str
    size: int
    handle: Any
    is_regular: bool


class Container(Protocol):
    """An open archive; for one thread at a time."""

    def entries(self) -> Iterator[ContainerEntry]:
        """Yield the members in their order; called once."""

    def read(self, entry: ContainerEntry) -> bytes:
        """Return a member's bytes, at most its size."""


class Zip:
    """A zip file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read the directory of an open file."""
        self._archive = zipfile.ZipFile(file)

    def entries(self) -> Iterator[ContainerEntry]:
        """Yield the members; see `Container`."""
        for info in self._archive.infolist():
            if not info.is_dir():
                mode = info.external_attr >> 16
                is_regular = not stat.S_IFMT(mode) or stat.S_ISREG(mode)
                yield ContainerEntry(info.filename, info.file_size, info, is_regular)

    def read(self, entry: ContainerEntry) -> bytes:
        """Return a member's bytes; see `Container`.

        Raises:
            ImageError: The member is encrypted.
        """
        if entry.handle.flag_bits & ENCRYPTED:
            raise ImageError("encrypted: unpack the archive with its password and pass the folder")
        with self._archive.open(entry.handle) as member:
            return member.read(entry.size)


class Tar:
    """A tar file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read from an open file."""
        self._file = file

    def entries(self) -> Iterator[ContainerEntry]:
        """Yield the members; see `Container`."""
        for member in members_of(_SeekableReader(self._file)):
            if not member.isdir():
                is_regular = member.isreg() and not member.issparse()
                yield ContainerEntry(member.name, member.size, member.offset_data, is_regular)

    def read(self, entry: ContainerEntry) -> bytes:
        """Return a member's bytes; see `Container`."""
        self._file.seek(entry.handle)
        return self._file.read(entry.size)


class _SeekableReader(ForwardReader):
    """A seekable file: the data of members are skipped, not read."""

    def seek(self, to: int) -> None:
        if to < self._at:
            raise ImageError("a member starts before the previous one ends")
        self._at = self._stream.seek(to)


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """Return a file, decompressed to a temporary file if it is compressed with gzip.

    Raises:
        ImageError: The disk has not enough space.
    """
    is_compressed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    if not is_compressed:
        return file
    with file:
        return copied(gzip.open(file))


def copied(stream: Any) -> IO[bytes]:
    """Copy the rest of a stream to a temporary file, and close the stream.

    Raises:
        ImageError: The copy takes more than half of the free disk space.
    """
    available = shutil.disk_usage(tempfile.gettempdir()).free // 2
    with contextlib.ExitStack() as undo:
        copy = undo.enter_context(tempfile.TemporaryFile())
        with stream:
            while chunk := stream.read(BLOCK):
                available -= len(chunk)
                if available < 0:
                    raise ImageError(
                        "it takes more than half of the free disk space for temporary files"
                    )
                copy.write(chunk)
        copy.seek(0)
        undo.pop_all()
    return copy
