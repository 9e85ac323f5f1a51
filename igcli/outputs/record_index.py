"""The records of earlier runs, found by image."""

import heapq
import io
import json
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby
from typing import IO, Any, Self

import numpy as np

from igcli.outputs import journal
from igcli.outputs.folder import OutputFolder

Record = dict[str, Any]


class Index:
    """The last record of each image; safe for several threads.

    The records stay on disk: 20 bytes of memory for each.
    """

    def __init__(self, folder: OutputFolder, *, base: "Index | None" = None) -> None:
        """Find the records in `folder`, none where there is no file of them.

        Args:
            folder: Where they are.
            base: Older records, for images that have none here; closed with this one.

        Raises:
            OutputError: They cannot be read.
        """
        self._base = base
        there = folder.has(journal.NAME)
        self._file = folder.open_local(journal.NAME) if there else io.BytesIO()
        keys, starts, sizes = array("q"), array("q"), array("i")
        start = 0
        for line in self._file:
            record = _record(line)
            if record is not None:
                keys.append(hash(record["image"]))
                starts.append(start)
                sizes.append(len(line))
            start += len(line)
        # Stable, so that of equal keys the last is the latest.
        order = np.argsort(np.frombuffer(keys, np.int64), kind="stable")
        self._keys = np.frombuffer(keys, np.int64)[order]
        self._starts = np.frombuffer(starts, np.int64)[order]
        self._sizes = np.frombuffer(sizes, np.int32)[order]

    def find(self, image: str) -> Record | None:
        """Return the last record of an image, or None."""
        first, end = (np.searchsorted(self._keys, hash(image), side) for side in ("left", "right"))
        for place in range(int(end) - 1, int(first) - 1, -1):
            size, start = int(self._sizes[place]), int(self._starts[place])
            record = _record(os.pread(self._file.fileno(), size, start))
            if record is not None and record["image"] == image:
                return record
        return None if self._base is None else self._base.find(image)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._base is not None:
            self._base.__exit__()


def _record(line: bytes) -> Record | None:
    """Return the record of an image in a line, None for anything else."""
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    named = isinstance(record, dict) and isinstance(record.get("image"), str)
    return record if named else None


BLOCK = 1 << 26
"""Bytes that are sorted at a time; the rest lies in a temporary file."""


def latest(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the line of the last record of each image, in the order of the bytes of their names.

    Args:
        lines: Records in their order; what is torn or names no image is left out.

    Raises:
        OSError: No temporary file can be written.
    """
    with ExitStack() as files:
        parts = [files.enter_context(part) for part in _parts(lines)]
        for _, equal in groupby(heapq.merge(*parts), key=lambda line: line.partition(b" ")[0]):
            *_, last = equal
            yield last.split(b" ", 2)[2]


def _parts(lines: Iterable[bytes]) -> Iterator[IO[bytes]]:
    """Yield files of lines in order; each begins with the image, in digits, and its place."""
    found, size = [], 0
    for place, line in enumerate(lines):
        image = _image(line)
        if image is None:
            continue
        key = image.encode("utf-8", "surrogatepass").hex()
        found.append(b"%b %012x %b" % (key.encode("ascii"), place, line))
        size += len(found[-1])
        if size >= BLOCK:
            yield _stored(found)
            found, size = [], 0
    yield _stored(found)


def _image(line: bytes) -> str | None:
    """Return which image a line records; None for anything else."""
    try:
        record = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    image = record.get("image") if isinstance(record, dict) else None
    return image if isinstance(image, str) else None


def _stored(lines: list[bytes]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    file.writelines(sorted(lines))
    file.seek(0)
    return file
