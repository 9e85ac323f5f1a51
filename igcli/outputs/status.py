"""How far a run has come, shard by shard."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from igcli.errors import UsageError
from igcli.outputs import journal, lock, run_files
from igcli.outputs.folder import OutputFolder
from igcli.outputs.record_counts import RecordCounts
from igcli.outputs.shards import Shard, begun, number_of, running

State = Literal["finished", "limited", "running", "stopped", "not started"]
"""Limited is a shard that took fewer images, by --limit, than another one."""

LONGEST = 1 << 22
"""Bytes of a summary that are read."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run, or a shard of one, has come.

    Attributes:
        number: The shard's, from 1 on.
        done: Number of images with a result.
        failed: Number of images that failed.
        total: Number of images wanted; None where nothing tells it yet.
        state: What became of it.
        damaged: Number of archives that further images may be missing of.
    """

    number: int
    done: int
    failed: int
    total: int | None
    state: State
    damaged: int = 0

    @property
    def missing(self) -> int | None:
        """Number of images without a record; None where unknown."""
        if self.total is None:
            return 0 if self.state == "finished" and not self.damaged else None
        return max(0, self.total - self.done - self.failed)

    @property
    def is_open(self) -> bool:
        """Whether it is to be run again: nobody is at it, and it is not finished."""
        return self.state != "running" and (self.state != "finished" or bool(self.missing))


@dataclass(frozen=True, slots=True)
class Status:
    """How far the run in an output has come.

    Attributes:
        shards: All shards in their order; the whole run alone where it is not split.
        is_split: Whether it is.
    """

    shards: Sequence[Progress]
    is_split: bool

    @property
    def is_done(self) -> bool:
        """Whether every image has a result."""
        return all(
            each.state == "finished" and not (each.missing or each.failed or each.damaged)
            for each in self.shards
        )

    @property
    def array(self) -> str:
        """The numbers of the shards to run again, as job arrays have them: "3,5-6"."""
        return ranges(each.number for each in self.shards if each.is_open and self.is_split)


def read_status(folder: OutputFolder) -> Status:
    """Look at the records, summaries and locks in an output; nothing is changed.

    Raises:
        UsageError: There are none, or shards of runs that were split differently.
        OutputError: They cannot be read.
    """
    there = folder.exists()
    shards = begun(folder) if there else []
    counts = {shard.count for shard in shards}
    if len(counts) > 1:
        raise UsageError(f"output {folder.path!r} holds shards of different runs: {counts}")
    if not shards and not (there and (folder.has(run_files.SUMMARY) or journal.is_there(folder))):
        raise UsageError(f"{folder.path!r} holds no results; name the output folder of a run")
    whole = read_summary(folder)
    if not shards:
        return Status([_unsplit(folder, whole)], is_split=False)
    return Status(_split(folder, shards, finished=whole.get("finished") is True), is_split=True)


def read_summary(folder: OutputFolder) -> Mapping[str, Any]:
    """Return the summary in a folder; empty where it is missing or unreadable."""
    if not folder.has(run_files.SUMMARY):
        return {}
    with folder.open_to_read(run_files.SUMMARY) as file:
        try:
            found = json.loads(file.read(LONGEST))
        except (ValueError, RecursionError):
            return {}
    return found if isinstance(found, dict) else {}


def ranges(numbers: Iterable[int]) -> str:
    """Return rising numbers as an array expression: "3,5-6"."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    return ",".join("-".join(map(str, span)) for span in spans)


def _unsplit(folder: OutputFolder, summary: Mapping[str, Any]) -> Progress:
    tally = RecordCounts()
    tally.add(journal.read(folder))
    [done], [failed] = (each.tolist() for each in tally.counts(1))
    ended: State = "finished" if summary.get("finished") is True else "stopped"
    state: State = "running" if lock.is_held(folder) else ended
    total = _whole_number(summary.get("total"))
    return Progress(1, done, failed, total, state, _damaged(summary))


def _split(folder: OutputFolder, shards: Sequence[Shard], *, finished: bool) -> list[Progress]:
    count = shards[0].count
    summaries = {shard.number: read_summary(folder.below(shard.folder)) for shard in shards}
    limited = _limited(summaries)
    totals = _totals({at: each for at, each in summaries.items() if at not in limited}, count)
    tally = RecordCounts()
    for record in journal.read(folder):
        if isinstance(record.get("image"), str):
            # What lies in an archive is of the archive's shard.
            tally.put(record, number_of(record.get("tar") or record["image"], count) - 1)
    for shard in shards:
        tally.add(journal.read(folder.below(shard.folder)), shard.number - 1)
    held = {shard.number for shard in running(folder)}
    done, failed = (each.tolist() for each in tally.counts(count))
    found = []
    for at in range(count):
        state: State = "stopped" if at + 1 in summaries else "not started"
        if at + 1 in held:
            state = "running"
        elif finished or summaries.get(at + 1, {}).get("finished") is True:
            state = "limited" if at + 1 in limited else "finished"
        damaged = _damaged(summaries.get(at + 1, {}))
        found.append(Progress(at + 1, done[at], failed[at], totals[at], state, damaged))
    return found


def _limited(summaries: Mapping[int, Mapping[str, Any]]) -> set[int]:
    """Return the shards that were limited to fewer images than another one."""
    own = {number: _whole_number(each.get("limit")) for number, each in summaries.items()}
    loosest = None if None in own.values() else max(filter(None, own.values()), default=None)
    return {number for number, limit in own.items() if limit != loosest}


def _totals(summaries: Mapping[int, Mapping[str, Any]], count: int) -> list[int | None]:
    """Return how many images each shard has: as it says itself, else as the others counted."""
    counted: list[int | None] = [None] * count
    for summary in summaries.values():
        totals = summary.get("totals")
        if isinstance(totals, list) and len(totals) == count:
            counted = [_whole_number(total) for total in totals]
    own = {number: _whole_number(each.get("total")) for number, each in summaries.items()}
    return [counted[at] if own.get(at + 1) is None else own[at + 1] for at in range(count)]


def _damaged(summary: Mapping[str, Any]) -> int:
    damaged = summary.get("damaged")
    return len(damaged) if isinstance(damaged, dict) else 0


def _whole_number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
