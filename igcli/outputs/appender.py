"""Appending lines to a file, each whole or not at all."""

import io
import os
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
