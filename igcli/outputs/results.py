"""The results of a finished or stopped run, read back: records, summary and configuration."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from igcli.errors import UsageError
from igcli.outputs import journal, run_files
from igcli.outputs.folder import OutputFolder
from igcli.outputs.latest_records import RecordCounts
from igcli.outputs.shards import started_shards
from igcli.records import Record

COUNTED_FIELDS = ("score", "completeness_error", "gradient_evaluations")
"""Numbers in records that are kept of all images."""


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a run.

    Attributes:
        folder: The output.
        records: The last record of each image, by its name, in the order of the images' first
            records; limited to the first images on request.
        counts: Counts of all images.
        is_torn: Whether the last line of the records is incomplete.
        stray_lines: Number of lines, other than an incomplete last one, that are no records.
        summary: Content of summary.json; empty if it is missing or damaged.
        config: Text of config.yaml, bytes that are not UTF-8 as surrogate escapes; empty if it is
            missing.
    """

    folder: OutputFolder
    records: Mapping[str, Record]
    counts: RecordCounts
    is_torn: bool = False
    stray_lines: int = 0
    summary: Mapping[str, Any] = field(default_factory=dict)
    config: str = ""


def read_results(folder: OutputFolder, *, max_images: float = math.inf) -> Results:
    """Read the results of a run, which need not be finished.

    Args:
        folder: The output.
        max_images: Number of images whose records are kept; further ones are only counted.

    Raises:
        UsageError: There are no records.
        OutputError: They cannot be read.
    """
    exists = folder.exists()
    if not exists or not journal.exists(folder):
        is_split = exists and started_shards(folder)
        action = "run `igcli merge` on it first" if is_split else "name the output folder of a run"
        raise UsageError(f"{folder.path!r} holds no {journal.NAME}; {action}")
    records: dict[str, Record] = {}
    counts, stray_lines, is_torn = RecordCounts(*COUNTED_FIELDS), 0, False
    for line in journal.lines(folder):
        record = journal.parse(line)
        if not line.endswith(b"\n"):
            is_torn = True
        elif record is None or "status" not in record:
            stray_lines += 1
        else:
            counts.add(record)
            if len(records) < max_images or record["image"] in records:
                records[record["image"]] = record
    return Results(
        folder,
        records,
        counts,
        is_torn=is_torn,
        stray_lines=stray_lines,
        summary=run_files.read_summary(folder),
        config=run_files.read_config(folder),
    )
