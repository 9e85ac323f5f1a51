"""What a run left behind, read back: records, summary and configuration."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from igcli.errors import UsageError
from igcli.outputs import journal, run_files
from igcli.outputs.folder import OutputFolder
from igcli.outputs.record_counts import RecordCounts
from igcli.outputs.shards import begun

VALUES = ("completeness_error", "gradient_evaluations")
"""Numbers of the records that are known of all images."""

LONGEST = 1 << 20
"""Bytes of the summary and of the configuration that are read."""


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a run.

    Attributes:
        folder: Where they are.
        records: The last record of each image, by its name, in the order of their first ones; of
            the first images alone, where no more were asked for.
        tally: Counts of all images.
        torn: Whether the last line of the records is broken off.
        strays: Lines, other than a torn last one, that are no records.
        summary: What summary.json says; empty where it is missing or unreadable.
        config: The text of config.yaml, bytes that are not UTF-8 as surrogate escapes; empty
            where it is missing.
    """

    folder: OutputFolder
    records: Mapping[str, Mapping[str, Any]]
    tally: RecordCounts
    torn: bool = False
    strays: int = 0
    summary: Mapping[str, Any] = field(default_factory=dict)
    config: str = ""


def read_results(folder: OutputFolder, *, most: float = math.inf) -> Results:
    """Read what a run wrote to `folder`, as far as it goes.

    Args:
        folder: The output.
        most: Number of images whose records are wanted; the others are only counted.

    Raises:
        UsageError: There are no records.
        OutputError: They cannot be read.
    """
    there = folder.exists()
    if not there or not journal.is_there(folder):
        is_split = there and begun(folder)
        way = "run `igcli merge` on it first" if is_split else "name the output folder of a run"
        raise UsageError(f"{folder.path!r} holds no {journal.NAME}; {way}")
    records: dict[str, Mapping[str, Any]] = {}
    tally, strays, torn = RecordCounts(*VALUES), 0, False
    for line in journal.lines(folder):
        whole = line.endswith(b"\n")
        torn = torn or not whole
        record = _record(line) if whole else None
        if record is not None:
            tally.put(record)
            if len(records) < most or record["image"] in records:
                records[record["image"]] = record
        elif whole:
            strays += 1
    return Results(
        folder,
        records,
        tally,
        torn=torn,
        strays=strays,
        summary=_json(_text(folder, run_files.SUMMARY)) or {},
        config=_text(folder, run_files.CONFIG),
    )


def _record(line: bytes) -> dict[str, Any] | None:
    record = _json(line)
    named = record is not None and isinstance(record.get("image"), str) and "status" in record
    return record if named else None


def _json(text: str | bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(folder: OutputFolder, name: str) -> str:
    if not folder.has(name):
        return ""
    with folder.open_to_read(name) as file:
        return file.read(LONGEST).decode("utf-8", "surrogateescape")
