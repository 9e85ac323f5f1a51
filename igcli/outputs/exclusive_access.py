"""Runs beside each other in an output: which may go on."""

from collections.abc import Iterator
from contextlib import contextmanager

from igcli.errors import OutputError, UsageError
from igcli.outputs import journal, lock, run_files
from igcli.outputs.existing import OnExisting, clear, refuse_existing
from igcli.outputs.folder import OutputFolder
from igcli.outputs.lock import Lock
from igcli.outputs.shards import FOLDER, RunLocation, Shard, begun, deciding_name, running, unmerged
from igcli.outputs.tar import tar_name
from igcli.outputs.temp_cleanup import FOLDERS

AT_MOST = 3
"""Shards that a message names."""


def refuse_results(place: RunLocation, on_existing: OnExisting) -> None:
    """Refuse a place that is not to be written to; touches nothing.

    Raises:
        UsageError: It is not empty and `on_existing` is "error", it is not igcli's, or what is
            there was split in another way.
    """
    folder, shard = place.folder, place.shard
    if shard is None:
        refuse_existing(folder, on_existing)
        if on_existing != "overwrite" and (left := unmerged(folder)):
            raise UsageError(
                f"output {folder.path!r} holds records of shards ({_named(left)}) that are not "
                f"merged; run `igcli merge` on it first, or go on with --shard I/{left[0].count}"
            )
        return
    # What other shards wrote is theirs, whatever is to happen to what is there of this one.
    refuse_existing(folder, "resume")
    _refuse_other_count(folder, shard)
    if on_existing == "error" and (journal.is_there(place.records) or journal.is_there(folder)):
        raise UsageError(
            f"output {folder.path!r} holds results already; choose another, go on there with "
            "--on-existing resume or replace this shard's with --on-existing overwrite"
        )


@contextmanager
def occupied(place: RunLocation, on_existing: OnExisting = "resume") -> Iterator[None]:
    """Have a place for oneself, and leave nothing where nothing was written to it.

    Each run takes its own lock before it looks for others', so that of two that begin at the same
    moment at least one sees the other.

    Raises:
        UsageError: As in `refuse_results`, for what has begun since.
        OutputError: Another run is under way here; the message names it.
    """
    folder, shard = place.folder, place.shard
    try:
        with Lock(folder, place.lock):
            refuse_running(place)
            refuse_results(place, "resume" if on_existing == "error" else on_existing)
            yield
    finally:
        if shard is not None:
            folder.remove_empty(shard.folder)
            folder.remove_empty(FOLDER)
            folder.discard()


def refuse_running(place: RunLocation) -> None:
    """Refuse to go on beside runs of another kind: shards are fine beside shards alone.

    Raises:
        OutputError: There are some; the message names them.
    """
    folder = place.folder
    if place.shard is None:
        found = running(folder)
        user = f"shard {_named(found)}" if found else ""
    else:
        user = "a run without --shard, or igcli merge" if lock.is_held(folder) else ""
    if user:
        raise OutputError(f"output {folder.path!r} is in use by {user}; wait for it")


def clear_place(place: RunLocation) -> None:
    """Remove the results of earlier runs in a place, and nothing of other shards.

    Files of a shard's images are those that records name; a kill on the way leaves records whose
    files are missing, which the next run writes again.

    Raises:
        OutputError: They cannot be removed.
    """
    if place.shard is None:
        clear(place.folder)
        return
    for records in (place.folder, place.records):
        for record in journal.read(records):
            name = deciding_name(record)
            if name is not None and place.shard.owns(name):
                _remove_files(record, place.folder)
    place.records.remove_tree(journal.PARTS, (".jsonl",))
    for name in (journal.NAME, run_files.SUMMARY):
        place.records.remove(name)


def _remove_files(record: dict[str, object], folder: OutputFolder) -> None:
    if isinstance(record.get("tar"), str):
        folder.remove(tar_name(str(record["tar"])))
        return
    for kind in ("panel", "gif", "arrays"):
        name = record.get(kind)
        if isinstance(name, str) and name.partition("/")[0] in FOLDERS:
            folder.remove(name)


def _refuse_other_count(folder: OutputFolder, shard: Shard) -> None:
    counts = {each.count for each in begun(folder)} - {shard.count}
    if counts:
        raise UsageError(
            f"output {folder.path!r} is split into {min(counts):,} shards, not {shard.count:,}; "
            f"use --shard {min(shard.number, min(counts))}/{min(counts)} or choose another output"
        )


def _named(shards: list[Shard]) -> str:
    names = ", ".join(map(str, shards[:AT_MOST]))
    return names + (f" and {len(shards) - AT_MOST:,} more" if len(shards) > AT_MOST else "")
