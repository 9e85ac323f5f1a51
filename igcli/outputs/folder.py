"""The output folder: files appear in it whole or not at all, and never outside it."""

# ruff: noqa: PTH100, PTH103, PTH106, PTH112, PTH118, PTH120, PTH123, PTH208

import contextlib
import copy
import errno
import io
import itertools
import os
import secrets
import stat
from collections.abc import Iterator
from typing import IO

from igcli.errors import ImageError, OutputError, UsageError

TEMPORARY = ".igcli-"
FOLDER = os.O_RDONLY | os.O_DIRECTORY
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
EFFECTIVE = os.access in os.supports_effective_ids
APPENDED = os.O_RDWR | os.O_CREAT | os.O_APPEND


class OutputFolder:
    """A folder for results; safe for several threads.

    Names in it are relative, parts joined by "/". Symbolic links in it are never followed.

    Attributes:
        path: Its absolute path.
        tag: In the names of all temporary files of this object, and of no other.
    """

    def __init__(self, path: str) -> None:
        """Name the folder; nothing is looked up yet.

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

    def below(self, name: str) -> "OutputFolder":
        """Return the folder `name` in this one; it appears with the first file in it."""
        found = copy.copy(self)
        found.path = os.path.join(self.path, name)
        found._prefix = f"{self._prefix}{name}/"
        return found

    def check(self) -> None:
        """Make sure that the folder can be written to, or created; touches nothing.

        Raises:
            UsageError: It is a file, or permissions forbid it.
        """
        nearest = self.path
        while not os.path.lexists(nearest):
            nearest = os.path.dirname(nearest)
        if not os.path.isdir(nearest):
            raise UsageError(f"output {self.path!r}: {nearest!r} is not a folder")
        needed = os.W_OK | os.X_OK | (os.R_OK if nearest == self.path else 0)
        if not os.access(nearest, needed, effective_ids=EFFECTIVE):
            raise UsageError(f"output {self.path!r}: no permission to write to {nearest!r}")

    def create(self) -> None:
        """Create the folder where it is missing.

        Raises:
            UsageError: It cannot be created or written to.
        """
        self.check()
        nearest = self.path
        while not os.path.lexists(nearest):
            self._created.append(nearest)
            nearest = os.path.dirname(nearest)
        try:
            os.makedirs(self.path, exist_ok=True)
        except OSError as error:
            raise UsageError(f"output {self.path!r} cannot be written: {error.strerror}") from error

    def discard(self) -> None:
        """Remove what `create` made, where nothing was put into it."""
        with contextlib.suppress(OSError):
            for folder in self._created:
                os.rmdir(folder)

    def write(self, name: str, data: bytes) -> None:
        """Write a file beside its place, then rename it; folders are created.

        Raises:
            OutputError: The disk is full, the output gone, a folder in `name` a link or a file.
            ImageError: The name alone is to blame: too long for the file system, or a folder's.
        """
        temporary = temporary_name(self.tag, next(self._numbers))
        with (
            _errors_of(name),
            self._parent(name, create=True) as (folder, base),
            contextlib.ExitStack() as undo,
        ):
            undo.callback(_unlink, temporary, folder)
            _write_new(temporary, data, folder)
            os.rename(temporary, base, src_dir_fd=folder, dst_dir_fd=folder)
            undo.pop_all()

    def remove(self, name: str) -> None:
        """Remove the file `name` where it is there; errors as in `has`."""
        with (
            _errors_of(name, "removed"),
            contextlib.suppress(FileNotFoundError),
            self._parent(name, create=False) as (folder, base),
        ):
            _unlink(base, folder)

    def has(self, name: str) -> bool:
        """Tell whether `name` exists as a file.

        Raises:
            OutputError: A folder in `name` is a link or a file, or cannot be searched.
        """
        return stat.S_ISREG(self._mode(name))

    def has_folder(self, name: str) -> bool:
        """Tell whether `name` exists as a folder; errors as in `has`."""
        return stat.S_ISDIR(self._mode(name))

    def _mode(self, name: str) -> int:
        with _errors_of(name):
            try:
                with self._parent(name, create=False) as (folder, base):
                    return os.stat(base, dir_fd=folder, follow_symlinks=False).st_mode
            except FileNotFoundError:
                return 0

    def names(self, name: str) -> list[str]:
        """Return the sorted names in the folder `name`, none where it is missing.

        Raises:
            OutputError: It cannot be read.
        """
        with (
            _errors_of(name, "read"),
            contextlib.suppress(FileNotFoundError),
            self._parent(f"{name}/-", create=False) as (folder, _),
        ):
            return sorted(os.listdir(folder))
        return []

    def open_to_read(self, name: str) -> IO[bytes]:
        """Open the file `name`; errors as in `write`, also for a missing one."""
        with _errors_of(name, "read"), self._parent(name, create=False) as (folder, base):
            return open(_open_regular(base, os.O_RDONLY, folder), "rb")

    def open_to_append(self, name: str) -> io.FileIO:
        """Open, or create, a file to read and to append to, unbuffered; errors as in `write`."""
        with _errors_of(name), self._parent(name, create=True) as (folder, base):
            return io.FileIO(_open_regular(base, APPENDED, folder), "r+")

    def holds(self, name: str, file: int) -> bool:
        """Tell whether the open `file` still is what lies under `name`."""
        try:
            with self._parent(name, create=False) as (folder, base):
                found = os.stat(base, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return False
        return os.path.samestat(found, os.fstat(file))

    @contextlib.contextmanager
    def _parent(self, name: str, *, create: bool) -> Iterator[tuple[int, str]]:
        """Open the folder that `name` lies in, part by part so that no link leads out of it."""
        *folders, base = _parts(self._prefix + name)
        here = os.open(self._root, FOLDER)
        try:
            for part in folders:
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=here)
                below = os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = below
            yield here, base
        finally:
            os.close(here)


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise OutputError(f"{name!r} is not a name inside the output folder")
    return parts


def _open_regular(name: str, flags: int, folder: int) -> int:
    """Open a file that is not a link, FIFO or device; opening a FIFO could take for ever."""
    file = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def temporary_name(tag: str, number: int | str) -> str:
    """Return the name of a file that is not whole yet."""
    return f"{TEMPORARY}{tag}-{number}.tmp"


def _write_new(name: str, data: bytes, folder: int) -> None:
    with open(os.open(name, NEW_FILE, 0o666, dir_fd=folder), "wb", buffering=0) as stream:
        left = memoryview(data)
        while left:
            left = left[stream.write(left) :]
        os.fsync(stream.fileno())  # the rename is not to be kept without the data


def _unlink(name: str, folder: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


@contextlib.contextmanager
def _errors_of(name: str, action: str = "written") -> Iterator[None]:
    """Turn errors of the system about the output `name` into one line."""
    try:
        yield
    except OSError as error:
        message = f"output {name!r} cannot be {action}: {error.strerror}"
        if error.errno in (errno.ENAMETOOLONG, errno.EISDIR):
            raise ImageError(message) from error
        raise OutputError(message) from error
