"""Records in the order of their images, however many: sorted in parts, which are then merged."""

import heapq
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import groupby
from typing import IO, Any

from igcli.outputs.journal import to_json

BLOCK = 1 << 26
"""Bytes that are sorted at a time; the rest lies in a temporary file."""


def latest(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield the last record of each image as a line, in the order of the bytes of their names.

    Args:
        records: In their order; what names no image is left out.

    Raises:
        OSError: No temporary file can be written.
    """
    with ExitStack() as files:
        parts = [files.enter_context(part) for part in _parts(records)]
        for _, equal in groupby(heapq.merge(*parts), key=lambda line: line.partition(b" ")[0]):
            *_, last = equal
            yield last.split(b" ", 2)[2]


def _parts(records: Iterable[Mapping[str, Any]]) -> Iterator[IO[bytes]]:
    """Yield files of lines in order; each begins with the image, in digits, and its place."""
    lines, size = [], 0
    for place, record in enumerate(records):
        if not isinstance(record.get("image"), str):
            continue
        image = record["image"].encode("utf-8", "surrogatepass").hex()
        lines.append(f"{image} {place:012x} {to_json(record)}\n".encode("ascii"))
        size += len(lines[-1])
        if size >= BLOCK:
            yield _stored(lines)
            lines, size = [], 0
    yield _stored(lines)


def _stored(lines: list[bytes]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    file.writelines(sorted(lines))
    file.seek(0)
    return file
