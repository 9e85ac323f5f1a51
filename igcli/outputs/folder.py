"""The interface of an output folder, whether on this machine or in a store."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Protocol

from igcli.errors import OutputError

PARTS = "records"
"""Folder of the lines that could not be appended to the file they belong to."""

_TEMPORARY_PREFIX, _TEMPORARY_SUFFIX = ".igcli-", ".tmp"


class Appender(Protocol):
    """Appends lines to a file; one thread at a time may use it."""

    def append(self, line: bytes) -> None:
        """Append a line, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """

    def close(self) -> None:
        """Finish the file; errors as in `append`."""


class OutputFolder(ABC):
    """A folder for results: files appear in it whole or not at all, and never outside it.

    Safe for several threads. Names in it are relative, their parts joined by "/". Implemented by
    `LocalFolder` and `RemoteFolder`.

    Attributes:
        path: Its absolute path, or its URL.
        tag: Random text in the names of this object's temporary files, and of no other's.
        is_remote: Whether it lies in a store: each call takes time, and files can neither be
            locked nor appended to.
    """

    path: str
    tag: str
    is_remote: bool

    @abstractmethod
    def subfolder(self, name: str) -> "OutputFolder":
        """Return the folder `name` in this one; it is created with the first file in it."""

    @abstractmethod
    def check(self) -> None:
        """Make sure that the folder can be used or created, without changing anything.

        Raises:
            UsageError: It is a file, permissions forbid it, or the store cannot be reached.
        """

    @abstractmethod
    def create(self) -> None:
        """Create the folder if it is missing.

        Raises:
            UsageError: It cannot be created or written to.
        """

    @abstractmethod
    def discard_if_empty(self) -> None:
        """Remove the folders that `create` made if they are still empty."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a file atomically; missing folders are created.

        Raises:
            OutputError: The disk is full, the output gone, a folder in `name` is a link or a file.
            ImageError: Only this name is unusable: too long, or the name of a folder.
        """

    @abstractmethod
    def write_parts(self, name: str, parts: Iterable[bytes]) -> None:
        """Write a file as `write` does, from parts that need not fit into memory together."""

    @abstractmethod
    def write_new(self, name: str, data: bytes) -> bool:
        """Write a file unless it exists; of several writers, exactly one gets True."""

    @abstractmethod
    def appender(self, name: str) -> Appender:
        """Return an appender to the file `name`; errors as in `write`.

        The lines may go to files of their own in `PARTS` instead, which readers join.
        """

    @abstractmethod
    def extend(self, name: str, lines: Iterable[bytes]) -> None:
        """Append lines to the file `name`, which is created if missing; errors as in `write`."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove the file `name` if it exists; errors as in `has`."""

    @abstractmethod
    def remove_empty(self, name: str) -> None:
        """Remove the folder `name` if it is empty."""

    @abstractmethod
    def remove_tree(self, name: str, suffixes: tuple[str, ...]) -> None:
        """Remove files in and below the folder `name`, and folders that are empty then.

        Args:
            name: The folder; nothing happens if it is missing.
            suffixes: Only files whose names end in one of these, and temporary ones, are removed.

        Raises:
            OutputError: They cannot be removed.
        """

    @abstractmethod
    def has(self, name: str) -> bool:
        """Return whether `name` exists as a file.

        Raises:
            OutputError: A folder in `name` is a link or a file, or cannot be searched.
        """

    @abstractmethod
    def has_folder(self, name: str) -> bool:
        """Return whether `name` exists as a folder; errors as in `has`."""

    @abstractmethod
    def has_any(self, name: str) -> bool:
        """Return whether `name` exists as anything, links included; errors as in `has`."""

    @abstractmethod
    def exists(self) -> bool:
        """Return whether the folder itself exists."""

    @abstractmethod
    def names(self, name: str = "") -> list[str]:
        """Return the sorted names in the folder `name`, or in this one; empty if it is missing.

        Raises:
            OutputError: It cannot be read.
        """

    @abstractmethod
    def open_to_read(self, name: str) -> IO[bytes]:
        """Open the file `name`; errors as in `write`, also if it is missing."""

    @abstractmethod
    def open_local(self, name: str) -> IO[bytes]:
        """Open a local file, or a local copy, of `name`; errors as in `open_to_read`."""

    @abstractmethod
    def local_path(self, name: str) -> AbstractContextManager[str]:
        """Give the path of a local file, or of a local copy, of `name`."""

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of the file `name`; errors as in `open_to_read`."""
        with self.open_to_read(name) as file:
            yield from file


def temporary_name(tag: str, number: int | str) -> str:
    """Return the name of a file that is still being written."""
    return f"{_TEMPORARY_PREFIX}{tag}-{number}{_TEMPORARY_SUFFIX}"


def temporary_prefix(tag: str) -> str:
    """Return how the names of all temporary files with this tag begin."""
    return f"{_TEMPORARY_PREFIX}{tag}-"


def is_temporary(name: str) -> bool:
    """Return whether a file with this name is still being written."""
    return name.startswith(_TEMPORARY_PREFIX) and name.endswith(_TEMPORARY_SUFFIX)


def split_name(name: str) -> list[str]:
    """Return the parts of a name in an output folder.

    Raises:
        OutputError: It leads outside.
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise OutputError(f"{name!r} is not a name inside the output folder")
    return parts
