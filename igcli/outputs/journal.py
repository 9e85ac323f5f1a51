"""The records of a run: results.jsonl, one line for each image, appended whole."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

import numpy as np

from igcli.outputs.folder import PARTS, OutputFolder
from igcli.records import Record

NAME = "results.jsonl"


class Journal:
    """The open records of a run; one thread at a time may append."""

    def __init__(self, folder: OutputFolder, *, part: str | None = None) -> None:
        """Open the records in `folder`, and drop a torn last line.

        Args:
            folder: The folder of the records.
            part: Name of this process, if several record at the same time: its records go to a
                file of their own until `join` appends them to the others.

        Raises:
            OutputError: They cannot be written.
        """
        self._lines = folder.appender(NAME if part is None else f"{PARTS}/{part}.jsonl")
        self._joined_folder = folder if part is None else None

    def append(self, record: Mapping[str, object]) -> None:
        """Append a record, whole or not at all.

        Raises:
            OutputError: The disk is full.
        """
        self._lines.append(to_line(record))

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, and join parts unless these records are one."""
        self._lines.close()
        if self._joined_folder is not None:
            join(self._joined_folder)


def join(folder: OutputFolder) -> None:
    """Append the records in parts, also those of killed processes, to the others in `folder`.

    Raises:
        OutputError: They cannot be read or written.
    """
    names = part_names(folder)
    if names:
        records = _parse_all(line for name in names for line in folder.lines(name))
        folder.extend(NAME, map(to_line, records))
        for name in names:
            folder.remove(name)


def exists(folder: OutputFolder) -> bool:
    """Return whether there are records in `folder`, joined or in parts; errors as in `lines`."""
    return folder.has(NAME) or bool(part_names(folder))


def part_names(folder: OutputFolder) -> list[str]:
    """Return the sorted names of the parts in `folder`; errors as in `lines`."""
    return [f"{PARTS}/{name}" for name in folder.names(PARTS) if name.endswith(".jsonl")]


def read(folder: OutputFolder, *, part: str | None = None) -> Iterator[Record]:
    """Yield the records in `folder`, or those of one part; other lines are skipped.

    Raises:
        OutputError: They cannot be read.
    """
    if part is None:
        return _parse_all(lines(folder))
    # In a store, a part consists of many files: "records/TIME.RANDOM.PART.NUMBER.jsonl".
    names = (
        name for name in part_names(folder) if part in name.removeprefix(f"{PARTS}/").split(".")
    )
    return _parse_all(line for name in names for line in folder.lines(name))


def lines(folder: OutputFolder) -> Iterator[bytes]:
    """Yield the lines of the records in `folder` in their order, those of parts last.

    Raises:
        OutputError: They cannot be read.
    """
    for name in ([NAME] if folder.has(NAME) else []) + part_names(folder):
        yield from folder.lines(name)


def _parse_all(lines: Iterable[bytes]) -> Iterator[Record]:
    return (record for record in map(parse, lines) if record is not None)


def parse(line: bytes) -> Record | None:
    """Return the record in a line; None for a torn line and for anything that names no image.

    Of the record only `image` is checked: files may have been edited, or written by others.
    """
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_record = isinstance(record, dict) and isinstance(record.get("image"), str)
    return cast(Record, record) if is_record else None


def to_line(record: Mapping[str, object]) -> bytes:
    """Return a record as a line of results.jsonl, which `parse` reads."""
    return to_json(record).encode("ascii") + b"\n"


def to_json(record: Mapping[str, object]) -> str:
    """Return a record as one line of ASCII; numbers that are not finite become null."""
    return json.dumps(to_jsonable(record), allow_nan=False)


def to_jsonable(value: object) -> object:
    """Return `value` in JSON's types: NumPy scalars unpacked, NaN and infinity as None."""
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonable(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
