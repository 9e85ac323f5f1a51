"""Appending lines to a file, each whole or not at all."""

import io
import os
import secrets
import time
from typing import Protocol

from igcli.errors import OutputError

PARTS = "records"
"""Where lines lie that could not be appended to the file they belong to."""

BLOCK = 1 << 16


class Appender(Protocol):
    """Appends lines; for one thread at a time."""

    def append(self, line: bytes) -> None:
        """Append a line, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """

    def close(self) -> None:
        """End the file; errors as in `append`."""


class FileAppender:
    """Appends to a file of the system; a line is on it once `append` returns."""

    def __init__(self, file: io.FileIO, name: str) -> None:
        """Drop a torn last line.

        Args:
            file: Open to read and to append.
            name: What it is called, for messages.
        """
        self._file, self._name = file, name
        self._size = _whole_size(file)
        file.truncate(self._size)

    def append(self, line: bytes) -> None:
        """Append a line; as in `Appender`."""
        try:
            if self._file.write(line) != len(line):
                self._file.truncate(self._size)
                raise OutputError(f"{self._name} cannot be written: the disk is full")
        except OSError as error:
            raise OutputError(f"{self._name} cannot be written: {error.strerror}") from error
        self._size += len(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _whole_size(file: io.FileIO) -> int:
    """Return the size of `file` up to the end of its last whole line."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - BLOCK)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


MOST_LINES = 1000
MOST_SECONDS = 15.0
"""What a killed run loses at most: lines not yet written, and how old they get by the next one."""


class ChunkStore(Protocol):
    """Where the files go."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all."""


class PartsAppender:
    """Keeps lines and writes many at a time, each time to a new file; as in `Appender`.

    The files' names sort in the order of their lines, also over runs one after another.
    """

    def __init__(self, folder: ChunkStore, name: str) -> None:
        """Begin; nothing is written yet.

        Args:
            folder: The output.
            name: Of the file that the lines belong to.
        """
        now = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        own = name.rpartition("/")[2].removesuffix(".jsonl")
        self._folder = folder
        self._start = f"{PARTS}/{now}.{secrets.token_hex(8)}.{own}"
        self._number = 0
        self._lines: list[bytes] = []
        self._since = time.monotonic()

    def append(self, line: bytes) -> None:
        """Keep a line, and write all kept ones where they are many or old."""
        if not self._lines:
            self._since = time.monotonic()
        self._lines.append(line)
        if len(self._lines) >= MOST_LINES or time.monotonic() - self._since >= MOST_SECONDS:
            self._write()

    def close(self) -> None:
        """Write the lines that are left."""
        if self._lines:
            self._write()

    def _write(self) -> None:
        self._number += 1
        self._folder.write(f"{self._start}.{self._number:06}.jsonl", b"".join(self._lines))
        self._lines = []
