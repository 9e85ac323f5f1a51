"""Lists of paths from a stream: a line each, or separated by NUL."""

import os
import tempfile
import weakref
from array import array
from collections.abc import Iterator
from typing import IO

import numpy as np

from igcli.errors import UsageError

CHUNK = 1 << 16
IN_MEMORY = 1 << 25


def read_paths(stream: IO[bytes], *, nul: bool) -> Iterator[str]:
    """Yield the paths that `stream` lists, without the empty ones; bytes not UTF-8 are escaped.

    Raises:
        UsageError: An entry is longer than any path, or a line holds a NUL byte.
    """
    separator = b"\0" if nul else b"\n"
    rest = b""
    while chunk := stream.read(CHUNK):
        *entries, rest = (rest + chunk).split(separator)
        if len(rest) > CHUNK:
            raise UsageError("list of paths: an entry is longer than any path; is this a list?")
        yield from _decoded(entries)
    yield from _decoded([rest])


def _decoded(entries: list[bytes]) -> Iterator[str]:
    for entry in entries:
        if b"\0" in entry:
            raise UsageError("list of paths: a line holds a NUL byte; -0 reads such lists")
        if entry:
            yield os.fsdecode(entry)


class Listing:
    """Distinct paths from a stream, read once and iterated as often as needed.

    A long list lies on disk; in memory are 8 bytes a path, and the repeated paths.
    """

    def __init__(self, stream: IO[bytes], *, nul: bool) -> None:
        """Read `stream` to its end.

        Raises:
            UsageError: See `read_paths`.
        """
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        keys = array("q")
        for path in read_paths(stream, nul=nul):
            self._file.write(os.fsencode(path) + b"\0")
            keys.append(hash(os.path.normpath(path)))
        hashes = np.sort(np.frombuffer(keys, np.int64))
        self._repeated = frozenset(hashes[1:][hashes[1:] == hashes[:-1]].tolist())

    def __iter__(self) -> Iterator[str]:
        """Yield the paths in their order; only one iteration at a time."""
        self._file.seek(0)
        seen = set()
        for path in read_paths(self._file, nul=True):
            key = os.path.normpath(path)
            if hash(key) in self._repeated:
                if key in seen:
                    continue
                seen.add(key)
            yield path
