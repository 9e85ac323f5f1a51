"""Lines in files of their own, where a file cannot be appended to."""

import secrets
import time
from typing import Protocol

from igcli.outputs.appender import PARTS

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
