"""Temporary files that a killed run left behind."""

# ruff: noqa: PTH208

import contextlib
import os
import stat
from collections.abc import Collection

from igcli.errors import OutputError
from igcli.outputs.files import FOLDER, is_temporary, temporary_name
from igcli.outputs.folder import OutputFolder

FOLDERS = {
    "panels": (".jpg", ".png"),
    "gifs": (".gif", ".webp"),
    "arrays": (".npz",),
    "tars": (".tar",),
}
"""The folders that runs write to, and the endings of their files there."""

RECORDS = {"shards": (".jsonl", ".json", ".igcli-lock"), "records": (".jsonl",)}
"""The folders that runs beside each other keep their records in, and the files there."""


def sweep(folder: OutputFolder, tags: Collection[str]) -> None:
    """Remove the temporary files of the runs with these tags; links are not followed.

    Raises:
        OutputError: They cannot be removed.
    """
    if folder.is_remote:
        return  # what is put there is whole
    starts = tuple(temporary_name(tag, "").removesuffix(".tmp") for tag in tags)
    try:
        root = os.open(folder.path, FOLDER)
        try:
            names = os.listdir(root)
            _remove(names, starts, root)
            for name in (*FOLDERS, *RECORDS):
                if name in names and _is_folder(name, root):
                    for _, _, files, here in os.fwalk(name, dir_fd=root):
                        _remove(files, starts, here)
        finally:
            os.close(root)
    except OSError as error:
        raise OutputError(f"output {folder.path!r} cannot be read: {error.strerror}") from error


def _is_folder(name: str, parent: int) -> bool:
    """Tell whether `name` in the open folder `parent` is a folder, and no link to one."""
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _remove(names: Collection[str], starts: tuple[str, ...], folder: int) -> None:
    for name in names:
        if name.startswith(starts) and is_temporary(name):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
