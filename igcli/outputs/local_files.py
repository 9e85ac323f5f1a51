"""Single files of a local output folder, addressed by the descriptor of the folder they lie in."""

# ruff: noqa: PTH120, PTH123

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator

from igcli.errors import ImageError, OutputError
from igcli.outputs.folder import is_temporary

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY
NEW_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def up_to_existing(path: str) -> Iterator[str]:
    """Yield an absolute path and the folders above it, up to the first that exists."""
    yield path
    while not os.path.lexists(path):
        path = os.path.dirname(path)
        yield path


@contextlib.contextmanager
def open_folder(root: str, folders: Iterable[str], *, create: bool) -> Iterator[int]:
    """Open a folder below `root`, one level at a time so that no link leads out of it.

    Args:
        root: Path of a folder.
        folders: Names of the folders on the way.
        create: Whether missing ones are created.

    Yields:
        A descriptor of the folder.
    """
    current = os.open(root, FOLDER_FLAGS)
    try:
        for name in folders:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=current)
            child = os.open(name, FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = child
        yield current
    finally:
        os.close(current)


def open_regular(name: str, flags: int, folder: int) -> int:
    """Open a file unless it is a link, FIFO or device; opening a FIFO could block forever."""
    file = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def write_new(name: str, parts: Iterable[bytes], folder: int) -> None:
    """Write a file that does not exist yet, and flush it to the disk."""
    with open(os.open(name, NEW_FILE_FLAGS, 0o666, dir_fd=folder), "wb", buffering=0) as stream:
        for part in parts:
            remaining = memoryview(part)
            while remaining:
                remaining = remaining[stream.write(remaining) :]
        os.fsync(stream.fileno())  # a rename must not survive a crash that the data does not


def unlink(name: str, folder: int) -> None:
    """Remove a file if it exists."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def remove_below(name: str, suffixes: tuple[str, ...], folder: int) -> None:
    """Remove files below a folder, and folders that are empty then; no link is followed.

    Args:
        name: The folder's name in the open `folder`.
        suffixes: Only files whose names end in one of these, and temporary ones, are removed.
        folder: A descriptor.
    """
    for _, subfolders, files, current in os.fwalk(name, topdown=False, dir_fd=folder):
        for file in files:
            if file.endswith(suffixes) or is_temporary(file):
                os.unlink(file, dir_fd=current)
        for subfolder in subfolders:
            _remove_if_empty(subfolder, current)
    _remove_if_empty(name, folder)


def _remove_if_empty(name: str, folder: int) -> None:
    try:
        os.rmdir(name, dir_fd=folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.ENOENT):
            raise


@contextlib.contextmanager
def errors_of(name: str, action: str = "written") -> Iterator[None]:
    """Turn errors of the system about the output `name` into one line."""
    try:
        yield
    except OSError as error:
        message = f"output {name!r} cannot be {action}: {error.strerror}"
        if error.errno in (errno.ENAMETOOLONG, errno.EISDIR):
            raise ImageError(message) from error
        raise OutputError(message) from error
