"""What to do with an output folder that is not empty."""

from typing import Literal

from igcli.errors import OutputError, UsageError
from igcli.outputs import journal, lock, run_files, shards
from igcli.outputs.files import is_temporary
from igcli.outputs.folder import OutputFolder
from igcli.outputs.temp_cleanup import FOLDERS, RECORDS

OnExisting = Literal["resume", "error", "overwrite"]

RECORD = {"image", "status"}
FILES = (journal.NAME, run_files.SUMMARY, run_files.CONFIG)


def refuse_existing(folder: OutputFolder, on_existing: OnExisting) -> None:
    """Refuse an output folder that is not to be written to; touches nothing.

    Raises:
        UsageError: It is not empty and `on_existing` is "error", or it is not igcli's.
    """
    entries = _entries(folder)
    if entries and on_existing == "error":
        raise UsageError(
            f"output {folder.path!r} is not empty; "
            "choose another, go on there with --on-existing resume or replace its results with "
            "--on-existing overwrite"
        )
    if entries and not _is_ours(folder, entries):
        raise UsageError(
            f"output {folder.path!r} was not written by igcli (it holds {entries[0]!r}) "
            "and is left alone; choose another"
        )


def _entries(folder: OutputFolder) -> list[str]:
    try:
        return folder.names()
    except OutputError as error:
        raise UsageError(str(error)) from error


def clear(folder: OutputFolder) -> None:
    """Remove what earlier runs wrote to `folder`, and nothing else; links are not followed.

    Raises:
        OutputError: It cannot be removed.
    """
    known = FOLDERS | RECORDS
    for name in folder.names():
        if name in FILES or is_temporary(name) or _is_page(name, folder):
            folder.remove(name)
        elif name in known:
            folder.remove_tree(name, known[name])


def _is_page(name: str, folder: OutputFolder) -> bool:
    return name == run_files.NAME and run_files.is_page(folder)


def _is_ours(folder: OutputFolder, entries: list[str]) -> bool:
    """Tell whether igcli wrote to `folder`: by what its files hold, not by their names."""
    if run_files.CONFIG in entries:
        with folder.open_to_read(run_files.CONFIG) as file:
            if file.read(len(run_files.HEADER)) == run_files.HEADER.encode():
                return True
    if journal.NAME in entries:
        with folder.open_to_read(journal.NAME) as file:
            unused = not file.read(1)
        return unused or any(map(RECORD.issubset, journal.read(folder)))
    # A shard that begins makes its folder before anything else.
    known = {lock.NAME} | ({"shards"} if shards.begun(folder) else set())
    return all(name in known or is_temporary(name) for name in entries)
