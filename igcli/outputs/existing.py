"""What to do with an output folder that is not empty."""

# ruff: noqa: PTH208

import errno
import os
from typing import Literal

from igcli.errors import OutputError, UsageError
from igcli.outputs import journal, lock, page, reports
from igcli.outputs.folder import FOLDER, OutputFolder
from igcli.outputs.leftovers import FOLDERS, is_folder, is_temporary

OnExisting = Literal["resume", "error", "overwrite"]

RECORD = {"image", "status"}
FILES = (journal.NAME, reports.SUMMARY, reports.CONFIG)


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


def clear(folder: OutputFolder) -> None:
    """Remove what earlier runs wrote to `folder`, and nothing else; links are not followed.

    Raises:
        OutputError: It cannot be removed.
    """
    try:
        root = os.open(folder.path, FOLDER)
        try:
            for name in os.listdir(root):
                if name in FILES or is_temporary(name) or _is_page(name, folder):
                    os.unlink(name, dir_fd=root)
                elif name in FOLDERS and is_folder(name, root):
                    _clear_tree(root, name, FOLDERS[name])
        finally:
            os.close(root)
    except OSError as error:
        raise OutputError(f"output {folder.path!r} cannot be emptied: {error.strerror}") from error


def _is_page(name: str, folder: OutputFolder) -> bool:
    return name == page.NAME and page.is_page(folder)


def _clear_tree(root: int, name: str, suffixes: tuple[str, ...]) -> None:
    for _, folders, files, here in os.fwalk(name, topdown=False, dir_fd=root):
        for file in files:
            if file.endswith(suffixes) or is_temporary(file):
                os.unlink(file, dir_fd=here)
        for below in folders:
            _remove_if_empty(below, here)
    _remove_if_empty(name, root)


def _remove_if_empty(name: str, parent: int) -> None:
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.ENOENT):
            raise


def _is_ours(folder: OutputFolder, entries: list[str]) -> bool:
    """Tell whether igcli wrote to `folder`: by what its files hold, not by their names."""
    if reports.CONFIG in entries:
        with folder.open_to_read(reports.CONFIG) as file:
            if file.read(len(reports.HEADER)) == reports.HEADER.encode():
                return True
    if journal.NAME in entries:
        with folder.open_to_read(journal.NAME) as file:
            unused = not file.read(1)
        return unused or any(map(RECORD.issubset, journal.read(folder)))
    return all(name == lock.NAME or is_temporary(name) for name in entries)


def _entries(folder: OutputFolder) -> list[str]:
    try:
        return sorted(os.listdir(folder.path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"output {folder.path!r} cannot be read: {error.strerror}") from error
