"""Merges the records and summaries of shards into those of the whole output."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from igcli.errors import UsageError
from igcli.outputs import journal, run_files
from igcli.outputs.exclusive_access import refuse_running
from igcli.outputs.folder import OutputFolder
from igcli.outputs.latest_records import latest_lines
from igcli.outputs.lock import Lock
from igcli.outputs.run_files import read_summary
from igcli.outputs.shards import RunLocation, Shard, started_shards
from igcli.outputs.status import Status, read_status
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.runs.summary import MAX_NAMED, Summary

SUMS = ("seconds", "skipped", "redone")
COMMON = ("device", "precision", "batch_size", "model_sha256", "config_sha256", "versions")
"""What shards usually have in common; if they differ, the summary lists all values."""


def merge(folder: OutputFolder) -> tuple[dict[str, Any], Status]:
    """Merge what the shards in an output have recorded so far.

    Records are streamed; the last record of an image wins, and images are sorted by name. The
    shards' own records are removed once the merged ones are complete, so that a merge can be
    interrupted and repeated at any time.

    Returns:
        The summary as it was written, and the progress of the shards.

    Raises:
        UsageError: There are no shards.
        OutputError: A shard is running, or the output cannot be read or written.
    """
    if not started_shards(folder):
        raise UsageError(f"{folder.path!r} holds no shards, so there is nothing to merge")
    with Lock(folder):
        refuse_running(RunLocation(folder))
        status, shards = read_status(folder), started_shards(folder)
        summaries = [read_summary(folder.subfolder(shard.folder)) for shard in shards]
        merged = MergedSummary(summaries)
        lines = latest_lines(_lines(folder, shards))
        folder.write_parts(journal.NAME, (merged.count(line) for line in lines))
        record = merged.record(status)
        run_files.write_summary(folder, record)
        for shard in shards:
            _remove(folder.subfolder(shard.folder))
    return record, status


class MergedSummary:
    """The summary of all shards; counts the merged records as they pass by."""

    def __init__(self, summaries: Sequence[Mapping[str, Any]]) -> None:
        """Start with the summaries of the shards."""
        limits = [(summary.get("beyond_max_error") or {}).get("max_error") for summary in summaries]
        self._summaries = summaries
        self._evaluations = 0
        self._summary = Summary(min(_numbers(limits), default=None))

    def count(self, line: bytes) -> bytes:
        """Count the record in a line, and return the line."""
        record = journal.parse(line)
        if record is not None:
            self._summary.add(Outcome(record, up_to_date=True))
            evaluations = record.get("gradient_evaluations")
            self._evaluations += evaluations if isinstance(evaluations, int) else 0
        return line

    def record(self, status: Status) -> dict[str, Any]:
        """Return the summary, given the progress of the shards."""
        totals = [shard.total for shard in status.shards]
        run = {
            "finished": all(shard.state == "finished" for shard in status.shards),
            "total": None if None in totals else sum(filter(None, totals)),
            "shards": len(status.shards),
            **{name: _common(name, self._summaries) for name in COMMON},
        }
        run |= _unused(self._summaries)
        for summary in self._summaries:
            for archive, reason in (summary.get("damaged") or {}).items():
                self._summary.damage(archive, reason)
        sums = {name: _sum(name, self._summaries) for name in SUMS}
        return {
            **self._summary.record(run),
            "gradient_evaluations": self._evaluations,
            **sums,
        }


def _lines(folder: OutputFolder, shards: Sequence[Shard]) -> Iterator[bytes]:
    yield from journal.lines(folder)
    for shard in shards:
        yield from journal.lines(folder.subfolder(shard.folder))


def _remove(records: OutputFolder) -> None:
    for name in journal.part_names(records):
        records.remove(name)
    records.remove(journal.NAME)


def _common(name: str, summaries: Sequence[Mapping[str, Any]]) -> Any:
    """Return the value that summaries agree on, else the list of all values."""
    values = [summary[name] for summary in summaries if name in summary]
    distinct = [value for at, value in enumerate(values) if value not in values[:at]]
    return distinct[0] if len(distinct) == 1 else distinct or None


def _sum(name: str, summaries: Sequence[Mapping[str, Any]]) -> float:
    return round(sum(_numbers(summary.get(name) for summary in summaries)), 3)


def _unused(summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what shards found that is no image.

    Every shard walks the whole input, so that one count of files is enough; members of archives
    are counted by the shard that reads the archive.
    """
    unused: dict[str, Any] = {}
    left_out = (summary["left_out"] for summary in summaries if summary.get("left_out"))
    if counts := next(left_out, None):
        unused["left_out"] = counts
    members: Counter[str] = Counter()
    for summary in summaries:
        members.update(summary.get("members_left_out") or {})
    if members:
        unused["members_left_out"] = dict(members)
    key = "targets_without_image"
    rows = [summary[key] for summary in summaries if key in summary]
    if rows:
        paths = list(dict.fromkeys(path for part in rows for path in part["paths"]))
        count = max(len(paths), *(part["count"] for part in rows))
        unused[key] = {"count": count, "paths": paths[:MAX_NAMED]}
    return unused


def _numbers(values: Iterable[object]) -> Iterator[float]:
    return (value for value in values if isinstance(value, int | float))
