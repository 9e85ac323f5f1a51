"""The records of a run: one line each, appended whole."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from igcli.outputs.appender import PARTS as PARTS
from igcli.outputs.folder import OutputFolder

NAME = "results.jsonl"


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
        self._lines = folder.appender(NAME if part is None else f"{PARTS}/{part}.jsonl")
        self._whole = folder if part is None else None

    def append(self, record: Mapping[str, object]) -> None:
        """Append a record, whole or not at all.

        Raises:
            OutputError: The disk is full.
        """
        self._lines.append(to_json(record).encode("ascii") + b"\n")

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; where nothing could be appended to it, put it together."""
        self._lines.close()
        if self._whole is not None:
            join(self._whole)


def join(folder: OutputFolder) -> None:
    """Put the records of parts, those of killed processes too, behind the others in `folder`.

    Raises:
        OutputError: They cannot be read or written.
    """
    names = parts(folder)
    if names:
        records = _records(line for name in names for line in _lines(folder, name))
        folder.extend(NAME, (to_json(record).encode("ascii") + b"\n" for record in records))
        for name in names:
            folder.remove(name)


def is_there(folder: OutputFolder) -> bool:
    """Tell whether there are records in `folder`, joined or in parts. Errors as in `read`."""
    return folder.has(NAME) or bool(parts(folder))


def parts(folder: OutputFolder) -> list[str]:
    """Return the names of the parts in `folder`, in their order. Errors as in `read`."""
    names = folder.names(PARTS)
    return [f"{PARTS}/{name}" for name in names if name.endswith(".jsonl")]


def read(folder: OutputFolder, *, part: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the records in `folder`, or of one part; torn lines are left out; else as `lines`."""
    if part is None:
        return _records(lines(folder))
    # In a store, a part is of many files: "records/TIME.RANDOM.PART.NUMBER.jsonl".
    names = [name for name in parts(folder) if part in name.removeprefix(f"{PARTS}/").split(".")]
    return _records(line for name in names for line in _lines(folder, name))


def lines(folder: OutputFolder) -> Iterator[bytes]:
    """Yield the lines of the records in `folder` in their order, those of parts last.

    Raises:
        OutputError: They cannot be read.
    """
    for name in ([NAME] if folder.has(NAME) else []) + parts(folder):
        yield from _lines(folder, name)


def _lines(folder: OutputFolder, name: str) -> Iterator[bytes]:
    with folder.open_to_read(name) as file:
        yield from file


def _records(found: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in found:
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
