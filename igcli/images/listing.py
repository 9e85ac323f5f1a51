"""Lists of paths from a stream, separated by newlines or NUL."""

# Paths stay as given, byte for byte.
# ruff: noqa: PTH118

import codecs
import functools
import itertools
import os
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np

from igcli.errors import UsageError
from igcli.urls import checked, is_url

CHUNK = 1 << 16
IN_MEMORY = 1 << 25
BOM = "\ufeff"


def read_paths(stream: IO[bytes], *, nul: bool) -> Iterator[str]:
    """Yield the non-empty paths that `stream` lists; bytes that are not UTF-8 are escaped.

    Lists may come from Windows or a spreadsheet: a byte order mark, UTF-16 after one, CRLF and
    blank lines are not part of a path, unless a file of exactly that name exists.

    Raises:
        UsageError: An entry is longer than any path, a line holds a NUL byte, or a list starts as
            UTF-16 but is not.
    """
    chunks = iter(lambda: stream.read(CHUNK), b"")
    if nul:
        yield from _split(chunks, b"\0")
        return
    for number, line in enumerate(_split(_recoded(chunks), b"\n")):
        path = _without_cr(line.removeprefix(BOM) if number == 0 and not _exists(line) else line)
        if path.strip() or _exists(path):
            yield path


def _split(chunks: Iterable[bytes], separator: bytes) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *entries, rest = (rest + chunk).split(separator)
        if len(rest) > CHUNK:
            raise UsageError(
                "list of paths: an entry is longer than any path; is this file really a list?"
            )
        yield from _decoded(entries)
    yield from _decoded([rest])


def _recoded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks, converted to UTF-8 if they are UTF-16 with a byte order mark."""
    first = next(chunks, b"")
    rest = itertools.chain([first], chunks)
    # A name in a legacy encoding may start with these bytes, but holds no NUL.
    if not first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" not in first:
        yield from rest
        return
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        for chunk in rest:
            yield decoder.decode(chunk).encode()
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise UsageError(
            "list of paths: starts as UTF-16 but is invalid; save it as UTF-8"
        ) from None


def _without_cr(line: str) -> str:
    return line[:-1] if line.endswith("\r") and not _exists(line) else line


def _exists(path: str) -> bool:
    return not is_url(path) and os.path.lexists(path)


def _decoded(entries: list[bytes]) -> Iterator[str]:
    for entry in entries:
        if b"\0" in entry:
            raise UsageError(
                "list of paths: a line holds a NUL byte; use -0 for lists separated by NUL"
            )
        if entry:
            yield os.fsdecode(entry)


class Listing:
    """The paths of distinct files from a stream, read once and iterated any number of times.

    A long list is kept on disk; memory holds 8 bytes per path, and the repeated paths.
    """

    def __init__(self, stream: IO[bytes], *, nul: bool) -> None:
        """Read `stream` to its end.

        Raises:
            UsageError: See `read_paths`; or a URL cannot be used.
        """
        self._real_path = functools.lru_cache(maxsize=1024)(os.path.realpath)
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        keys = array("q")
        for path in read_paths(stream, nul=nul):
            self._file.write(os.fsencode(path) + b"\0")
            keys.append(hash(self._key(path)))
        hashes = np.sort(np.frombuffer(keys, np.int64))
        self._repeated = frozenset(hashes[1:][hashes[1:] == hashes[:-1]].tolist())

    def __iter__(self) -> Iterator[str]:
        """Yield the paths in their order; one iteration at a time."""
        self._file.seek(0)
        seen = set()
        for path in read_paths(self._file, nul=True):
            key = self._key(path)
            if hash(key) in self._repeated:
                if key in seen:
                    continue
                seen.add(key)
            yield path

    def _key(self, path: str) -> str:
        """Return the same key for all spellings of a path; links in its folder are resolved."""
        path = checked(path)
        if is_url(path):
            return path
        folder, base = os.path.split(path)
        return os.path.join(self._real_path(folder), base)
