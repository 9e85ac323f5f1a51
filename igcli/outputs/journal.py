"""The records of a run: one line each, appended whole."""

import io
import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from igcli.errors import OutputError
from igcli.outputs.folder import OutputFolder

NAME, PARTS = "results.jsonl", "records"
BLOCK = 1 << 16


class Journal:
    """The open records of a run; one thread at a time appends."""

    def __init__(self, folder: OutputFolder, *, part: str | None = None) -> None:
        """Open the records in `folder`, and drop a torn last line.

        Args:
            folder: Where they are.
            part: Of one of several processes that record at a time: its records have a file of
                their own until `join` puts them to the others.

        Raises:
            OutputError: They cannot be written.
        """
        self._name = NAME if part is None else f"{PARTS}/{part}.jsonl"
        self._file = folder.open_to_append(self._name)
        self._size = _whole_size(self._file)
        self._file.truncate(self._size)

    def append(self, record: Mapping[str, object]) -> None:
        """Append a record, whole or not at all.

        Raises:
            OutputError: The disk is full.
        """
        line = to_json(record).encode("ascii") + b"\n"
        try:
            if self._file.write(line) != len(line):
                self._file.truncate(self._size)
                raise OutputError(f"{self._name} cannot be written: the disk is full")
        except OSError as error:
            raise OutputError(f"{self._name} cannot be written: {error.strerror}") from error
        self._size += len(line)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def join(folder: OutputFolder) -> None:
    """Put the records of parts, those of killed processes too, behind the others in `folder`.

    Raises:
        OutputError: They cannot be read or written.
    """
    parts = [name for name in folder.names(PARTS) if name.endswith(".jsonl")]
    if parts:
        with Journal(folder) as journal:
            for name in parts:
                for record in read(folder, f"{PARTS}/{name}"):
                    journal.append(record)
                folder.remove(f"{PARTS}/{name}")


def read(folder: OutputFolder, name: str = NAME) -> Iterator[dict[str, Any]]:
    """Yield the records in `folder` in their order; torn lines are left out.

    Raises:
        OutputError: There are none, or they cannot be read.
    """
    with folder.open_to_read(name) as file:
        for line in file:
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict) and line.endswith(b"\n"):
                yield record


def to_json(record: Mapping[str, object]) -> str:
    """Return a record as one line of ASCII; what is not a finite number is null."""
    return json.dumps(plain(record), allow_nan=False)


def plain(value: object) -> object:
    """Return `value` as JSON can hold it: NumPy's scalars unpacked, NaN and infinity as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


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
