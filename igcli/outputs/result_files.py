"""The files of images, read back: panels, GIFs and arrays, also those in tar archives."""

import io
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Self

from igcli.errors import OutputError
from igcli.outputs.folder import OutputFolder
from igcli.outputs.tar import FOLDER, SUFFIX, read_groups

MAX_OPEN = 8
"""Number of archives that are kept open."""


@dataclass(frozen=True, slots=True, eq=False)
class _Archive:
    """An open archive of results.

    Attributes:
        file: A file of this machine.
        members: Offsets of the members' data, start and end in bytes, by name.
    """

    file: IO[bytes]
    members: Mapping[str, tuple[int, int]]


class ResultFiles:
    """Reads files of an output by their names in records; safe for several threads.

    The name of a member of an archive is that of the archive, "/" and its own. An archive in a
    store is copied to a temporary file when its first member is read.
    """

    def __init__(self, folder: OutputFolder) -> None:
        """Read from an output; nothing is accessed yet."""
        self._folder = folder
        self._archives: OrderedDict[str, _Archive] = OrderedDict()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the archives."""
        for name in [*self._archives]:
            self._close(name)

    def read(self, name: str) -> bytes:
        """Return the content of a file, or of a member of an archive; errors as in `open`."""
        with self.open(name) as file:
            return file.read()

    def open(self, name: str) -> IO[bytes]:
        """Open a file, or a member of an archive.

        Raises:
            OutputError: It is missing or cannot be read.
            ImageError: The name is too long, or not one that a file can have.
        """
        archive = self._archive_of(name)
        if archive is None:
            return self._folder.open_to_read(name)
        member = name.removeprefix(f"{archive}/")
        with self._lock:
            was_open = archive in self._archives
            data = self._member(archive, member)
            if data is None and was_open:  # It may have been replaced since.
                self._close(archive)
                data = self._member(archive, member)
        if data is None:
            raise OutputError(f"output {name!r} cannot be read: {archive!r} has no such member")
        return io.BytesIO(data)

    def _archive_of(self, name: str) -> str | None:
        """Return the archive that a name leads into; None for the name of a file."""
        end = 0
        while name.startswith(f"{FOLDER}/") and (end := name.find(f"{SUFFIX}/", end)) >= 0:
            end += len(SUFFIX)
            if name[:end] in self._archives or self._folder.has(name[:end]):
                return name[:end]
        return None

    def _member(self, archive: str, member: str) -> bytes | None:
        """Return the data of an archive's member; None if it has none of this name."""
        if archive not in self._archives:
            if len(self._archives) == MAX_OPEN:
                self._close(next(iter(self._archives)))
            file = self._folder.open_local(archive)
            groups = read_groups(file)
            members = {name: place for group in groups for name, place in group.files.items()}
            self._archives[archive] = _Archive(file, members)
        self._archives.move_to_end(archive)
        opened = self._archives[archive]
        if member not in opened.members:
            return None
        start, end = opened.members[member]
        try:
            return os.pread(opened.file.fileno(), end - start, start)
        except OSError as error:
            raise OutputError(f"output {archive!r} cannot be read: {error.strerror}") from error

    def _close(self, archive: str) -> None:
        self._archives.pop(archive).file.close()
