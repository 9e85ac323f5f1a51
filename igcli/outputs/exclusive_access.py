"""Whether a run may write to an output: what earlier runs left there, and what runs now."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from igcli.errors import OutputError, UsageError
from igcli.outputs import journal, lock, run_files
from igcli.outputs.cleanup import RESULT_FOLDERS, clear
from igcli.outputs.folder import PARTS, OutputFolder, is_temporary
from igcli.outputs.lock import Lock
from igcli.outputs.shards import (
    FOLDER,
    RunLocation,
    Shard,
    running_shards,
    sharding_name,
    started_shards,
    unmerged_shards,
)
from igcli.outputs.tar import tar_name
from igcli.records import Record

OnExisting = Literal["resume", "error", "overwrite"]

MAX_NAMED = 3
"""Number of shards that a message names."""


@contextmanager
def exclusive_access(location: RunLocation, on_existing: OnExisting = "resume") -> Iterator[None]:
    """Hold a location exclusively; afterwards remove its folders if nothing was written.

    Each run takes its own lock before it looks for others', so that of two that start at the same
    moment at least one sees the other.

    Raises:
        UsageError: As in `refuse_results`, for what has been written since.
        OutputError: Another run is writing here; the message names it.
    """
    folder, shard = location.folder, location.shard
    try:
        with Lock(folder, location.lock):
            refuse_running(location)
            # With "error", the lock and its folder would count as existing results.
            refuse_results(location, "resume" if on_existing == "error" else on_existing)
            yield
    finally:
        if shard is not None:
            folder.remove_empty(shard.folder)
            folder.remove_empty(FOLDER)
            folder.discard_if_empty()


def refuse_running(location: RunLocation) -> None:
    """Refuse to start beside runs of another kind; shards may run beside each other.

    Raises:
        OutputError: There are some; the message names them.
    """
    folder = location.folder
    if location.shard is None:
        shards = running_shards(folder)
        user = f"shard {_listed(shards)}" if shards else ""
        if not user and lock.any_held(folder, run_files.EVALUATION_PARTS):
            user = "igcli evaluate --shard"
    else:
        user = "a run without --shard, or igcli merge" if lock.is_held(folder) else ""
    if user:
        raise OutputError(f"output {folder.path!r} is in use by {user}; wait for it")


def refuse_results(location: RunLocation, on_existing: OnExisting) -> None:
    """Refuse a location whose existing content forbids a run; changes nothing.

    Raises:
        UsageError: It is not empty and `on_existing` is "error", igcli did not write it, or its
            results were split differently.
    """
    folder, shard = location.folder, location.shard
    if shard is None:
        refuse_existing(folder, on_existing)
        if on_existing != "overwrite" and (unmerged := unmerged_shards(folder)):
            raise UsageError(
                f"output {folder.path!r} holds unmerged records of shards ({_listed(unmerged)}); "
                f"run `igcli merge` on it first, or continue with --shard I/{unmerged[0].count}"
            )
        return
    # The results of other shards stay, whatever happens to this one's.
    refuse_existing(folder, "resume")
    _refuse_other_count(folder, shard)
    if on_existing == "error" and (journal.exists(location.records) or journal.exists(folder)):
        raise UsageError(
            f"output {folder.path!r} already holds results; choose another, continue them with "
            "--on-existing resume or replace this shard's with --on-existing overwrite"
        )


def refuse_existing(folder: OutputFolder, on_existing: OnExisting) -> None:
    """Refuse an output folder whose existing content forbids a run; changes nothing.

    Raises:
        UsageError: It is not empty and `on_existing` is "error", or igcli did not write it.
    """
    try:
        names = folder.names()
    except OutputError as error:
        raise UsageError(str(error)) from error
    if names and on_existing == "error":
        raise UsageError(
            f"output {folder.path!r} is not empty; choose another, continue its run with "
            "--on-existing resume or replace its results with --on-existing overwrite"
        )
    if names and not _is_ours(folder, names):
        raise UsageError(
            f"output {folder.path!r} was not written by igcli (it holds {names[0]!r}) "
            "and is left alone; choose another"
        )


def _is_ours(folder: OutputFolder, names: list[str]) -> bool:
    """Return whether igcli wrote to `folder`, judged by the content of its files."""
    if run_files.CONFIG in names:
        with folder.open_to_read(run_files.CONFIG) as file:
            header = run_files.CONFIG_HEADER.encode()
            if file.read(len(header)) == header:
                return True
    if journal.NAME in names:
        with folder.open_to_read(journal.NAME) as file:
            is_empty = not file.read(1)
        return is_empty or any("status" in record for record in journal.read(folder))
    # A starting shard creates its folder before anything else.
    known = {lock.NAME} | ({FOLDER} if started_shards(folder) else set())
    return all(name in known or is_temporary(name) for name in names)


def _refuse_other_count(folder: OutputFolder, shard: Shard) -> None:
    counts = {other.count for other in started_shards(folder)} - {shard.count}
    if counts:
        raise UsageError(
            f"output {folder.path!r} is split into {min(counts):,} shards, not {shard.count:,}; "
            f"use --shard {min(shard.number, min(counts))}/{min(counts)} or choose another output"
        )


def _listed(shards: list[Shard]) -> str:
    names = ", ".join(map(str, shards[:MAX_NAMED]))
    return names + (f" and {len(shards) - MAX_NAMED:,} more" if len(shards) > MAX_NAMED else "")


def clear_location(location: RunLocation) -> None:
    """Remove the results of earlier runs in a location, and nothing of other shards.

    The files of a shard are those that records name. If this is killed half-way, records remain
    whose files are missing, and the next run writes these again.

    Raises:
        OutputError: They cannot be removed.
    """
    if location.shard is None:
        clear(location.folder)
        return
    for records in (location.folder, location.records):
        for record in journal.read(records):
            if location.shard.owns(sharding_name(record)):
                _remove_files(record, location.folder)
    location.records.remove_tree(PARTS, (".jsonl",))
    for name in (journal.NAME, run_files.SUMMARY):
        location.records.remove(name)


def _remove_files(record: Record, folder: OutputFolder) -> None:
    tar = record.get("tar")
    if isinstance(tar, str):
        folder.remove(tar_name(tar))
        return
    for name in (record.get("panel"), record.get("gif"), record.get("arrays")):
        if isinstance(name, str) and name.partition("/")[0] in RESULT_FOLDERS:
            folder.remove(name)
