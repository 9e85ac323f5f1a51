"""The files in a zip or tar file: what they are called, how large they are, and their bytes."""

import gzip
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol

from igcli.errors import ImageError
from igcli.images.tar import GZIP, Forward, members_of

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
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

    def entries(self) -> Iterator[Entry]:
        """Yield its members, in their order; called once."""

    def read(self, entry: Entry) -> bytes:
        """Return a member's bytes, no more than its size."""


class Zip:
    """A zip file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read the directory of an open file."""
        self._archive = zipfile.ZipFile(file)

    def entries(self) -> Iterator[Entry]:
        """Yield its members; see `Container`."""
        for info in self._archive.infolist():
            if not info.is_dir():
                mode = info.external_attr >> 16
                is_regular = not stat.S_IFMT(mode) or stat.S_ISREG(mode)
                yield Entry(info.filename, info.file_size, info, is_regular)

    def read(self, entry: Entry) -> bytes:
        """Return a member's bytes; see `Container`."""
        with self._archive.open(entry.place) as member:
            return member.read(entry.size)


class Tar:
    """A tar file; one packed by gzip is unpacked once."""

    def __init__(self, file: IO[bytes]) -> None:
        """Take over an open file of this machine.

        Raises:
            ImageError: There is no room to unpack it.
        """
        packed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        if packed:
            with gzip.open(file) as unpacked:
                file = copied(unpacked)
        self._file = file

    def entries(self) -> Iterator[Entry]:
        """Yield its members; see `Container`."""
        for member in members_of(_Seeking(self._file)):
            if not member.isdir():
                is_regular = member.isreg() and not member.issparse()
                yield Entry(member.name, member.size, member.offset_data, is_regular)

    def read(self, entry: Entry) -> bytes:
        """Return a member's bytes; see `Container`."""
        self._file.seek(entry.place)
        return self._file.read(entry.size)


class _Seeking(Forward):
    """A file whose members' data need not be read to come to the next."""

    def seek(self, to: int) -> None:
        if to < self._at:
            raise ImageError("a member begins before the end of another")
        self._at = self._stream.seek(to)


def copied(stream: Any) -> IO[bytes]:
    """Return an unnamed file with what is left in a stream; half of the free disk is left free."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115
    left = shutil.disk_usage(tempfile.gettempdir()).free // 2
    while chunk := stream.read(BLOCK):
        left -= len(chunk)
        if left < 0:
            copy.close()
            raise ImageError("it takes more than half of the free disk for temporary files")
        copy.write(chunk)
    return copy
