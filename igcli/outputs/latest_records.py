"""The last record of each image wins: found, counted and sorted for any number of records."""

import heapq
import io
import math
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby
from typing import IO, Self, cast

import numpy as np
import numpy.typing as npt

from igcli.outputs import journal
from igcli.outputs.folder import OutputFolder
from igcli.records import Record

BLOCK = 1 << 26
"""Number of bytes sorted in memory at a time; each sorted block goes to a temporary file."""


class RecordIndex:
    """Finds the last record of an image; safe for several threads.

    The records stay on disk; each takes 20 bytes of memory.
    """

    def __init__(self, folder: OutputFolder, *, fallback: "RecordIndex | None" = None) -> None:
        """Index the records in `folder`; there are none if their file is missing.

        Args:
            folder: The folder of the records.
            fallback: Older records, for images that have none here; closed with this index.

        Raises:
            OutputError: They cannot be read.
        """
        self._fallback = fallback
        exists = folder.has(journal.NAME)
        self._file = folder.open_local(journal.NAME) if exists else io.BytesIO()
        keys, starts, sizes = array("q"), array("q"), array("i")
        start = 0
        for line in self._file:
            record = journal.parse(line)
            if record is not None:
                keys.append(hash(record["image"]))
                starts.append(start)
                sizes.append(len(line))
            start += len(line)
        # Stable, so that the last of equal keys is the latest.
        order = np.argsort(np.frombuffer(keys, np.int64), kind="stable")
        self._keys = np.frombuffer(keys, np.int64)[order]
        self._starts = np.frombuffer(starts, np.int64)[order]
        self._sizes = np.frombuffer(sizes, np.int32)[order]

    def find(self, image: str) -> Record | None:
        """Return the last record of an image, or None."""
        first, end = (np.searchsorted(self._keys, hash(image), side) for side in ("left", "right"))
        for position in range(int(end) - 1, int(first) - 1, -1):
            size, start = int(self._sizes[position]), int(self._starts[position])
            record = journal.parse(os.pread(self._file.fileno(), size, start))
            if record is not None and record["image"] == image:
                return record
        return None if self._fallback is None else self._fallback.find(image)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._fallback is not None:
            self._fallback.__exit__()


class RecordCounts:
    """Counts records as they come: 13 bytes of memory for each, and 8 for each kept number.

    The results are arrays with an entry for each image, in no particular order.
    """

    def __init__(self, *fields: str) -> None:
        """Count nothing yet.

        Args:
            fields: Names of the numbers in records that are kept.
        """
        self._keys, self._groups, self._done = array("q"), array("i"), array("b")
        self._values = {name: array("d") for name in fields}

    def add(self, record: Record, group: int = 0) -> None:
        """Count a record, which replaces an earlier one of the same image.

        Args:
            record: The record.
            group: Number of the group that it is counted in.
        """
        self._keys.append(hash(record["image"]))
        self._groups.append(group)
        self._done.append(record.get("status") == "ok")
        for name, column in self._values.items():
            column.append(_to_float(cast(dict[str, object], record).get(name)))

    def counts(self, groups: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the numbers of images done and failed, for each group from 0 to `groups` - 1."""
        last, is_done = self._last()
        group = np.frombuffer(self._groups, np.int32)[last]
        return (
            np.bincount(group[is_done], minlength=groups),
            np.bincount(group[~is_done], minlength=groups),
        )

    def values(self, field: str) -> npt.NDArray[np.float64]:
        """Return a number of all images that are done; NaN where a record has none."""
        last, is_done = self._last()
        column: npt.NDArray[np.float64] = np.frombuffer(self._values[field], np.float64)
        return column[last][is_done]

    def _last(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return the position of the last record of each image, and which of these are done."""
        keys = np.frombuffer(self._keys, np.int64)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        is_last = np.ones(len(keys), bool)
        is_last[:-1] = ordered[1:] != ordered[:-1]
        last = order[is_last]
        return last, np.frombuffer(self._done, np.int8)[last] == 1


def _to_float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def latest_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the line of the last record of each image, sorted by the bytes of the images' names.

    Args:
        lines: Lines of records in their order; lines that are no records are left out.

    Raises:
        OSError: No temporary file can be written.
    """
    with ExitStack() as stack:
        blocks = [stack.enter_context(block) for block in _sorted_blocks(lines)]
        merged = heapq.merge(*blocks)
        for _, same_image in groupby(merged, key=lambda line: line.partition(b" ")[0]):
            *_, last = same_image
            yield last.split(b" ", 2)[2]


def _sorted_blocks(lines: Iterable[bytes]) -> Iterator[IO[bytes]]:
    """Yield files of sorted lines; each line begins with the image, in hex, and its position."""
    block: list[bytes] = []
    size = 0
    for position, line in enumerate(lines):
        record = journal.parse(line)
        if record is None:
            continue
        key = record["image"].encode("utf-8", "surrogatepass").hex()
        block.append(b"%b %012x %b" % (key.encode("ascii"), position, line))
        size += len(block[-1])
        if size >= BLOCK:
            yield _sorted_file(block)
            block, size = [], 0
    yield _sorted_file(block)


def _sorted_file(lines: list[bytes]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.writelines(sorted(lines))
    file.seek(0)
    return file
