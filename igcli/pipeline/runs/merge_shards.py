"""One set of records and one summary out of those of shards."""

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
from igcli.pipeline.runs.summary import NAMED, Summary

SUMS = ("seconds", "skipped", "redone")
SHARED = ("device", "precision", "batch_size", "model_sha256", "config_sha256", "versions")
"""What shards usually have in common; where they do not, the summary lists all values."""


def merge(folder: OutputFolder) -> tuple[dict[str, Any], Status]:
    """Join what the shards in an output recorded, as far as they have come.

    Records are streamed, the last one of each image counts, and images stand in the order of their
    names. The shards' own records go once the joined ones are whole, so that merging can be
    stopped and repeated at any time.

    Returns:
        The summary as it was written, and how far the shards had come.

    Raises:
        UsageError: There are no shards.
        OutputError: One of them runs, or nothing can be read or written.
    """
    if not started_shards(folder):
        raise UsageError(f"{folder.path!r} holds no shards, so there is nothing to merge")
    with Lock(folder):
        refuse_running(RunLocation(folder))
        status, shards = read_status(folder), started_shards(folder)
        summaries = [read_summary(folder.subfolder(shard.folder)) for shard in shards]
        counts = Counts(summaries)
        lines = latest_lines(_lines(folder, shards))
        folder.write_parts(journal.NAME, (counts.count(line) for line in lines))
        record = counts.record(status)
        run_files.write_summary(folder, record)
        for shard in shards:
            _remove(folder.subfolder(shard.folder))
    return record, status


class Counts:
    """The summary of all shards, counted on the way of the records."""

    def __init__(self, summaries: Sequence[Mapping[str, Any]]) -> None:
        """Start with what the shards say themselves."""
        limits = ((each.get("beyond_max_error") or {}).get("max_error") for each in summaries)
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
        """Return the summary."""
        totals = [each.total for each in status.shards]
        run = {
            "finished": all(each.state == "finished" for each in status.shards),
            "total": None if None in totals else sum(filter(None, totals)),
            "shards": len(status.shards),
            **{name: _common(name, self._summaries) for name in SHARED},
        }
        run |= _left_out(self._summaries)
        for each in self._summaries:
            for archive, reason in (each.get("damaged") or {}).items():
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
    values = [each[name] for each in summaries if name in each]
    distinct = [value for at, value in enumerate(values) if value not in values[:at]]
    return distinct[0] if len(distinct) == 1 else distinct or None


def _sum(name: str, summaries: Sequence[Mapping[str, Any]]) -> float:
    return round(sum(_numbers(each.get(name) for each in summaries)), 3)


def _left_out(summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the shards left out: of the input all look through all, of archives their own."""
    found: dict[str, Any] = {}
    if left_out := next((each["left_out"] for each in summaries if each.get("left_out")), None):
        found["left_out"] = left_out
    members: Counter[str] = Counter()
    rows = []
    for each in summaries:
        members.update(each.get("members_left_out") or {})
        rows += [each["targets_without_image"]] if "targets_without_image" in each else []
    if members:
        found["members_left_out"] = dict(members)
    if rows:
        paths = list(dict.fromkeys(path for each in rows for path in each["paths"]))
        count = max(len(paths), *(each["count"] for each in rows))
        found["targets_without_image"] = {"count": count, "paths": paths[:NAMED]}
    return found


def _numbers(values: Iterable[object]) -> Iterator[float]:
    return (value for value in values if isinstance(value, int | float))
