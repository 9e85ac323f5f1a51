"""Records in the order of their images, however many: sorted in parts, which are then merged."""

import heapq
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby
from typing import IO

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
