"""An output folder on this machine: files are written beside their place, then renamed."""

# ruff: noqa: PTH100, PTH103, PTH106, PTH112, PTH118, PTH123, PTH208

import contextlib
import copy
import io
import itertools
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from typing import IO

from igcli.errors import OutputError, UsageError
from igcli.outputs import local_files
from igcli.outputs.folder import Appender, OutputFolder, split_name, temporary_name

EFFECTIVE_IDS = os.access in os.supports_effective_ids
APPEND_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND

BLOCK = 1 << 16
"""Number of bytes searched at a time for the end of the last whole line."""


class LocalFolder(OutputFolder):
    """A folder of this machine; symbolic links in it are never followed."""

    is_remote = False

    def __init__(self, path: str) -> None:
        """Set the path; nothing is accessed yet.

        Raises:
            UsageError: The path is empty or holds a NUL byte.
        """
        if not path or "\0" in path:
            raise UsageError(f"output {path!r} names no folder")
        self.path = os.path.abspath(path)
        self.tag = secrets.token_hex(8)
        self._root = self.path
        self._prefix = ""
        self._numbers = itertools.count()
        self._created: list[str] = []

    def subfolder(self, name: str) -> "LocalFolder":
        """As in `OutputFolder`."""
        folder = copy.copy(self)
        folder.path = os.path.join(self.path, name)
        folder._prefix = f"{self._prefix}{name}/"
        return folder

    def check(self) -> None:
        """As in `OutputFolder`."""
        *_, nearest = local_files.up_to_existing(self.path)
        if not os.path.isdir(nearest):
            raise UsageError(f"output {self.path!r}: {nearest!r} is not a folder")
        needed = os.W_OK | os.X_OK | (os.R_OK if nearest == self.path else 0)
        if not os.access(nearest, needed, effective_ids=EFFECTIVE_IDS):
            raise UsageError(f"output {self.path!r}: no permission to write to {nearest!r}")

    def create(self) -> None:
        """As in `OutputFolder`."""
        self.check()
        self._created = [*local_files.up_to_existing(self.path)][:-1]
        try:
            os.makedirs(self.path, exist_ok=True)
        except OSError as error:
            raise UsageError(f"output {self.path!r} cannot be written: {error.strerror}") from error

    def discard_if_empty(self) -> None:
        """As in `OutputFolder`."""
        with contextlib.suppress(OSError):
            for folder in self._created:
                os.rmdir(folder)

    def write(self, name: str, data: bytes) -> None:
        """As in `OutputFolder`."""
        self.write_parts(name, (data,))

    def write_parts(self, name: str, parts: Iterable[bytes]) -> None:
        """As in `OutputFolder`."""
        with self._written(name, parts) as (folder, temporary, base):
            os.rename(temporary, base, src_dir_fd=folder, dst_dir_fd=folder)

    def write_new(self, name: str, data: bytes) -> bool:
        """As in `OutputFolder`."""
        with self._written(name, (data,)) as (folder, temporary, base):
            try:
                os.link(temporary, base, src_dir_fd=folder, dst_dir_fd=folder)
            except FileExistsError:
                return False
        return True

    @contextlib.contextmanager
    def _written(self, name: str, parts: Iterable[bytes]) -> Iterator[tuple[int, str, str]]:
        """Write `parts` to a temporary file beside `name`, which is removed at the end.

        Yields:
            The folder's descriptor, and in it the names of the temporary file and of the file.
        """
        temporary = temporary_name(self.tag, next(self._numbers))
        with (
            local_files.errors_of(name),
            self._parent(name, create=True) as (folder, base),
            contextlib.ExitStack() as cleanup,
        ):
            cleanup.callback(local_files.unlink, temporary, folder)
            local_files.write_new(temporary, parts, folder)
            yield folder, temporary, base

    def appender(self, name: str) -> Appender:
        """As in `OutputFolder`."""
        return FileAppender(self.open_to_append(name), name)

    def extend(self, name: str, lines: Iterable[bytes]) -> None:
        """As in `OutputFolder`."""
        with contextlib.closing(self.appender(name)) as appender:
            for line in lines:
                appender.append(line)

    def remove(self, name: str) -> None:
        """As in `OutputFolder`."""
        with (
            local_files.errors_of(name, "removed"),
            contextlib.suppress(FileNotFoundError),
            self._parent(name, create=False) as (folder, base),
        ):
            local_files.unlink(base, folder)

    def remove_empty(self, name: str) -> None:
        """As in `OutputFolder`."""
        with (
            contextlib.suppress(OSError),
            self._parent(name, create=False) as (folder, base),
        ):
            os.rmdir(base, dir_fd=folder)

    def remove_tree(self, name: str, suffixes: tuple[str, ...]) -> None:
        """As in `OutputFolder`."""
        if self.has_folder(name):
            with (
                local_files.errors_of(name, "removed"),
                self._parent(name, create=False) as (folder, base),
            ):
                local_files.remove_below(base, suffixes, folder)

    def has(self, name: str) -> bool:
        """As in `OutputFolder`."""
        return stat.S_ISREG(self._mode(name))

    def has_folder(self, name: str) -> bool:
        """As in `OutputFolder`."""
        return stat.S_ISDIR(self._mode(name))

    def has_any(self, name: str) -> bool:
        """As in `OutputFolder`."""
        return self._mode(name) != 0

    def exists(self) -> bool:
        """As in `OutputFolder`."""
        return os.path.isdir(self.path)

    def _mode(self, name: str) -> int:
        with local_files.errors_of(name):
            try:
                with self._parent(name, create=False) as (folder, base):
                    return os.stat(base, dir_fd=folder, follow_symlinks=False).st_mode
            except FileNotFoundError:
                return 0

    def names(self, name: str = "") -> list[str]:
        """As in `OutputFolder`."""
        with (
            local_files.errors_of(name or self.path, "read"),
            contextlib.suppress(FileNotFoundError),
            self._parent(f"{name}/-" if name else "-", create=False) as (folder, _),
        ):
            return sorted(os.listdir(folder))
        return []

    def open_to_read(self, name: str) -> IO[bytes]:
        """As in `OutputFolder`."""
        with (
            local_files.errors_of(name, "read"),
            self._parent(name, create=False) as (folder, base),
        ):
            return open(local_files.open_regular(base, os.O_RDONLY, folder), "rb")

    def open_local(self, name: str) -> IO[bytes]:
        """As in `OutputFolder`."""
        return self.open_to_read(name)

    @contextlib.contextmanager
    def local_path(self, name: str) -> Iterator[str]:
        """As in `OutputFolder`."""
        yield os.path.join(self.path, name)

    def open_to_append(self, name: str) -> io.FileIO:
        """Open or create a file to read and to append to, unbuffered; errors as in `write`."""
        with local_files.errors_of(name), self._parent(name, create=True) as (folder, base):
            return io.FileIO(local_files.open_regular(base, APPEND_FLAGS, folder), "r+")

    def is_current(self, name: str, file: int) -> bool:
        """Return whether `name` still is the open `file`, given by its descriptor."""
        try:
            with self._parent(name, create=False) as (folder, base):
                current = os.stat(base, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return False
        return os.path.samestat(current, os.fstat(file))

    @contextlib.contextmanager
    def _parent(self, name: str, *, create: bool) -> Iterator[tuple[int, str]]:
        """Open the folder that `name` lies in; yield its descriptor and the last part of `name`."""
        *folders, base = split_name(self._prefix + name)
        with local_files.open_folder(self._root, folders, create=create) as folder:
            yield folder, base


class FileAppender:
    """Appends to a local file; once `append` returns, the system has the line."""

    def __init__(self, file: io.FileIO, name: str) -> None:
        """Drop a torn last line.

        Args:
            file: Open to read and to append.
            name: Its name in messages.
        """
        self._file, self._name = file, name
        self._size = _size_of_whole_lines(file)
        file.truncate(self._size)

    def append(self, line: bytes) -> None:
        """As in `Appender`."""
        try:
            if self._file.write(line) != len(line):
                self._file.truncate(self._size)
                raise OutputError(f"{self._name} cannot be written: the disk is full")
        except OSError as error:
            raise OutputError(f"{self._name} cannot be written: {error.strerror}") from error
        self._size += len(line)

    def close(self) -> None:
        """As in `Appender`."""
        self._file.close()


def _size_of_whole_lines(file: io.FileIO) -> int:
    """Return the size of `file` up to the end of its last whole line."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - BLOCK)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
