"""The output folder: files appear in it whole or not at all, and never outside it."""

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

from igcli.errors import UsageError
from igcli.outputs import files
from igcli.outputs.appender import Appender, FileAppender

EFFECTIVE = os.access in os.supports_effective_ids
APPENDED = os.O_RDWR | os.O_CREAT | os.O_APPEND


class OutputFolder:
    """A folder for results; safe for several threads.

    Names in it are relative, parts joined by "/". Symbolic links in it are never followed.

    Attributes:
        path: Its absolute path, or its URL.
        tag: In the names of all temporary files of this object, and of no other.
        is_remote: Whether it lies in a store: each call takes its time, and nothing can be locked
            or appended to.
    """

    is_remote = False

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
        *_, nearest = files.up_to_existing(self.path)
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
        self._created = [*files.up_to_existing(self.path)][:-1]
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
        self.write_parts(name, (data,))

    def write_parts(self, name: str, parts: Iterable[bytes]) -> None:
        """Write a file as `write` does, out of parts that need not all be in memory."""
        with self._written(name, parts) as (folder, temporary, base):
            os.rename(temporary, base, src_dir_fd=folder, dst_dir_fd=folder)

    def write_new(self, name: str, data: bytes) -> bool:
        """Write a file unless there is one; of several writers, one is told True."""
        with self._written(name, (data,)) as (folder, temporary, base):
            try:
                os.link(temporary, base, src_dir_fd=folder, dst_dir_fd=folder)
            except FileExistsError:
                return False
        return True

    @contextlib.contextmanager
    def _written(self, name: str, parts: Iterable[bytes]) -> Iterator[tuple[int, str, str]]:
        """Yield the open folder of `name`, a file there that holds the parts, and the last name."""
        temporary = files.temporary_name(self.tag, next(self._numbers))
        with (
            files.errors_of(name),
            self._parent(name, create=True) as (folder, base),
            contextlib.ExitStack() as undo,
        ):
            undo.callback(files.unlink, temporary, folder)
            files.write_new(temporary, parts, folder)
            yield folder, temporary, base

    def remove(self, name: str) -> None:
        """Remove the file `name` where it is there; errors as in `has`."""
        with (
            files.errors_of(name, "removed"),
            contextlib.suppress(FileNotFoundError),
            self._parent(name, create=False) as (folder, base),
        ):
            files.unlink(base, folder)

    def remove_empty(self, name: str) -> None:
        """Remove the folder `name` where nothing is in it."""
        with (
            contextlib.suppress(OSError),
            self._parent(name, create=False) as (folder, base),
        ):
            os.rmdir(base, dir_fd=folder)

    def remove_tree(self, name: str, endings: tuple[str, ...]) -> None:
        """Remove files in and below the folder `name`, and the folders left empty.

        Args:
            name: The folder; nothing happens where it is missing.
            endings: Of the names of the files; those that are not whole are removed, too.

        Raises:
            OutputError: They cannot be removed.
        """
        if self.has_folder(name):
            with (
                files.errors_of(name, "removed"),
                self._parent(name, create=False) as (folder, base),
            ):
                files.remove_below(base, endings, folder)

    def has(self, name: str) -> bool:
        """Tell whether `name` exists as a file.

        Raises:
            OutputError: A folder in `name` is a link or a file, or cannot be searched.
        """
        return stat.S_ISREG(self._mode(name))

    def has_folder(self, name: str) -> bool:
        """Tell whether `name` exists as a folder; errors as in `has`."""
        return stat.S_ISDIR(self._mode(name))

    def has_any(self, name: str) -> bool:
        """Tell whether anything, also a link, has the name `name`; errors as in `has`."""
        return self._mode(name) != 0

    def exists(self) -> bool:
        """Tell whether the folder itself is there."""
        return os.path.isdir(self.path)

    def _mode(self, name: str) -> int:
        with files.errors_of(name):
            try:
                with self._parent(name, create=False) as (folder, base):
                    return os.stat(base, dir_fd=folder, follow_symlinks=False).st_mode
            except FileNotFoundError:
                return 0

    def names(self, name: str = "") -> list[str]:
        """Return the sorted names in the folder `name`, or in this one; none where it is missing.

        Raises:
            OutputError: It cannot be read.
        """
        with (
            files.errors_of(name or self.path, "read"),
            contextlib.suppress(FileNotFoundError),
            self._parent(f"{name}/-" if name else "-", create=False) as (folder, _),
        ):
            return sorted(os.listdir(folder))
        return []

    def open_to_read(self, name: str) -> IO[bytes]:
        """Open the file `name`; errors as in `write`, also for a missing one."""
        with files.errors_of(name, "read"), self._parent(name, create=False) as (folder, base):
            return open(files.open_regular(base, os.O_RDONLY, folder), "rb")

    def open_local(self, name: str) -> IO[bytes]:
        """Open a file of this machine with what `name` holds; errors as in `open_to_read`."""
        return self.open_to_read(name)

    @contextlib.contextmanager
    def local_path(self, name: str) -> Iterator[str]:
        """Give the path of a file of this machine with what `name` holds."""
        yield os.path.join(self.path, name)

    def appender(self, name: str) -> Appender:
        """Begin to append lines to the file `name`; errors as in `write`."""
        return FileAppender(self.open_to_append(name), name)

    def extend(self, name: str, lines: Iterable[bytes]) -> None:
        """Append lines to the file `name`, which is created; errors as in `write`."""
        with contextlib.closing(self.appender(name)) as appender:
            for line in lines:
                appender.append(line)

    def open_to_append(self, name: str) -> io.FileIO:
        """Open, or create, a file to read and to append to, unbuffered; errors as in `write`."""
        with files.errors_of(name), self._parent(name, create=True) as (folder, base):
            return io.FileIO(files.open_regular(base, APPENDED, folder), "r+")

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
        *folders, base = files.parts(self._prefix + name)
        with files.opened(self._root, folders, create=create) as folder:
            yield folder, base
