"""The progress of a run, shard by shard."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from igcli.errors import UsageError
from igcli.outputs import journal, lock, run_files
from igcli.outputs.folder import OutputFolder
from igcli.outputs.latest_records import RecordCounts
from igcli.outputs.run_files import read_summary
from igcli.outputs.shards import (
    FOLDER,
    Shard,
    shard_number,
    sharding_name,
    started_shards,
)

State = Literal["finished", "limited", "running", "stopped", "not started"]
"""A shard is "limited" if its --limit was lower than another shard's."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run, or of a shard of one.

    Attributes:
        number: The shard's number, from 1 on.
        done: Number of images with a result.
        failed: Number of images that failed.
        total: Number of images to process; None if unknown yet.
        state: Whether it is running, finished or neither.
        damaged: Number of damaged archives, of which further images may be missing.
    """

    number: int
    done: int
    failed: int
    total: int | None
    state: State
    damaged: int = 0

    @property
    def missing(self) -> int | None:
        """Number of images without a record; None if unknown."""
        if self.total is None:
            return 0 if self.state == "finished" and not self.damaged else None
        return max(0, self.total - self.done - self.failed)

    @property
    def needs_run(self) -> bool:
        """Whether it must be run again: it is neither running nor finished."""
        return self.state != "running" and (self.state != "finished" or bool(self.missing))


@dataclass(frozen=True, slots=True)
class Status:
    """The progress of the run in an output.

    Attributes:
        shards: All shards in their order; the whole run as one if it is not split.
        is_split: Whether it is split into shards.
    """

    shards: Sequence[Progress]
    is_split: bool

    @property
    def is_done(self) -> bool:
        """Whether every image has a result."""
        return all(
            shard.state == "finished" and not (shard.missing or shard.failed or shard.damaged)
            for shard in self.shards
        )

    @property
    def array(self) -> str:
        """The numbers of the shards to run again, in the syntax of job arrays: "3,5-6"."""
        return ranges(shard.number for shard in self.shards if shard.needs_run and self.is_split)


def ranges(numbers: Iterable[int]) -> str:
    """Return ascending numbers as an array expression: "3,5-6"."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    return ",".join("-".join(map(str, span)) for span in spans)


def read_status(folder: OutputFolder) -> Status:
    """Read the records, summaries and locks in an output; nothing is changed.

    Raises:
        UsageError: There are none, or shards of runs that were split differently.
        OutputError: They cannot be read.
    """
    exists = folder.exists()
    shards = started_shards(folder) if exists else []
    counts = {shard.count for shard in shards}
    if len(counts) > 1:
        listed = " and ".join(f"{count:,}" for count in sorted(counts))
        raise UsageError(
            f"output {folder.path!r} holds runs split into {listed} shards; "
            f"move the folders of one of them out of {FOLDER!r}"
        )
    has_results = exists and (folder.has(run_files.SUMMARY) or journal.exists(folder))
    if not shards and not has_results:
        raise UsageError(f"{folder.path!r} holds no results; name the output folder of a run")
    summary = read_summary(folder)
    if not shards:
        return Status([_unsplit(folder, summary)], is_split=False)
    return Status(_split(folder, shards, merged=summary.get("finished") is True), is_split=True)


def _unsplit(folder: OutputFolder, summary: Mapping[str, Any]) -> Progress:
    counts = RecordCounts()
    for record in journal.read(folder):
        counts.add(record)
    [done], [failed] = (images.tolist() for images in counts.counts(1))
    ended: State = "finished" if summary.get("finished") is True else "stopped"
    state: State = "running" if lock.is_held(folder) else ended
    total = _integer(summary.get("total"))
    return Progress(1, done, failed, total, state, _damaged(summary))


def _split(folder: OutputFolder, shards: Sequence[Shard], *, merged: bool) -> list[Progress]:
    """Return the progress of all shards, of which `shards` have started.

    Args:
        folder: The output.
        shards: At least one.
        merged: Whether a merge found all shards finished.
    """
    count = shards[0].count
    summaries = {shard.number: read_summary(folder.subfolder(shard.folder)) for shard in shards}
    limited = _limited(summaries)
    totals = _totals(
        {number: summary for number, summary in summaries.items() if number not in limited}, count
    )
    counts = RecordCounts()
    for record in journal.read(folder):
        counts.add(record, shard_number(sharding_name(record), count) - 1)
    for shard in shards:
        for record in journal.read(folder.subfolder(shard.folder)):
            counts.add(record, shard.number - 1)
    running = {shard.number for shard in shards if lock.is_held(folder, shard.lock)}
    done, failed = (images.tolist() for images in counts.counts(count))
    progress = []
    for number in range(1, count + 1):
        state: State = "stopped" if number in summaries else "not started"
        if number in running:
            state = "running"
        elif merged or summaries.get(number, {}).get("finished") is True:
            state = "limited" if number in limited else "finished"
        progress.append(
            Progress(
                number,
                done[number - 1],
                failed[number - 1],
                totals[number - 1],
                state,
                _damaged(summaries.get(number, {})),
            )
        )
    return progress


def _limited(summaries: Mapping[int, Mapping[str, Any]]) -> set[int]:
    """Return the shards whose --limit was lower than another one's."""
    limits = {number: _integer(summary.get("limit")) for number, summary in summaries.items()}
    highest = None if None in limits.values() else max(filter(None, limits.values()), default=None)
    return {number for number, limit in limits.items() if limit != highest}


def _totals(summaries: Mapping[int, Mapping[str, Any]], count: int) -> list[int | None]:
    """Return each shard's number of images: from its own summary, else from another shard's."""
    counted: list[int | None] = [None] * count
    for summary in summaries.values():
        totals = summary.get("totals")
        if isinstance(totals, list) and len(totals) == count:
            counted = [_integer(total) for total in totals]
    own = {number: _integer(summary.get("total")) for number, summary in summaries.items()}
    return [
        counted[number - 1] if own.get(number) is None else own[number]
        for number in range(1, count + 1)
    ]


def _damaged(summary: Mapping[str, Any]) -> int:
    damaged = summary.get("damaged")
    return len(damaged) if isinstance(damaged, dict) else 0


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
