"""Removal of what earlier runs wrote: their results, or temporary files that a kill left."""

# ruff: noqa: PTH208

import os
import stat
from collections.abc import Collection

from igcli.errors import OutputError
from igcli.outputs import journal, local_files, run_files
from igcli.outputs.folder import OutputFolder, is_temporary, temporary_prefix

RESULT_FOLDERS = {
    "panels": (".jpg", ".png"),
    "gifs": (".gif", ".webp"),
    "arrays": (".npz",),
    "tars": (".tar",),
}
"""The folders of results, and the suffixes of the files in them."""

RECORD_FOLDERS = {
    "shards": (".jsonl", ".json", ".igcli-lock"),
    "records": (".jsonl",),
    run_files.EVALUATION_PARTS: (".jsonl", ".lock"),
}
"""The folders of the records of concurrent processes, and the suffixes of the files in them."""

GALLERY_FOLDERS = {"gallery": (".js", ".webp")}
"""The folders of what pages show, and the suffixes of the files in them."""

FILES = (
    *(journal.NAME, run_files.SUMMARY, run_files.CONFIG),
    *(run_files.EVALUATION_LINES, run_files.EVALUATION),
)


def is_own(name: str) -> bool:
    """Return whether a name in an output is one that runs or their pages use."""
    first = name.partition("/")[0]
    folders = RESULT_FOLDERS | RECORD_FOLDERS | GALLERY_FOLDERS
    return first in folders or name in (*FILES, run_files.PAGE)


def clear(folder: OutputFolder) -> None:
    """Remove what earlier runs wrote to `folder`, and nothing else; links are not followed.

    Raises:
        OutputError: It cannot be removed.
    """
    folders = RESULT_FOLDERS | RECORD_FOLDERS | GALLERY_FOLDERS
    for name in folder.names():
        is_page = name == run_files.PAGE and run_files.is_page(folder)
        if name in FILES or is_temporary(name) or is_page:
            folder.remove(name)
        elif name in folders:
            folder.remove_tree(name, folders[name])


def sweep(folder: OutputFolder, tags: Collection[str]) -> None:
    """Remove the temporary files of the runs with these tags; links are not followed.

    Raises:
        OutputError: They cannot be removed.
    """
    if folder.is_remote:
        return  # files in a store are never incomplete
    prefixes = tuple(map(temporary_prefix, tags))
    try:
        root = os.open(folder.path, local_files.FOLDER_FLAGS)
        try:
            names = os.listdir(root)
            _remove(names, prefixes, root)
            for name in (*RESULT_FOLDERS, *RECORD_FOLDERS, *GALLERY_FOLDERS):
                if name in names and _is_folder(name, root):
                    for _, _, files, descriptor in os.fwalk(name, dir_fd=root):
                        _remove(files, prefixes, descriptor)
        finally:
            os.close(root)
    except OSError as error:
        raise OutputError(f"output {folder.path!r} cannot be read: {error.strerror}") from error


def _is_folder(name: str, parent: int) -> bool:
    """Return whether `name` in the open folder `parent` is a folder rather than a link to one."""
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _remove(names: Collection[str], prefixes: tuple[str, ...], folder: int) -> None:
    for name in names:
        if name.startswith(prefixes) and is_temporary(name):
            local_files.unlink(name, folder)
