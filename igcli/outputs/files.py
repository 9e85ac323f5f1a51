"""Single files of an output folder, by the descriptor of the folder that they lie in."""

# ruff: noqa: PTH120, PTH123

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator

from igcli.errors import ImageError, OutputError

TEMPORARY = ".igcli-"
FOLDER = os.O_RDONLY | os.O_DIRECTORY
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def parts(name: str) -> list[str]:
    """Return the parts of a name in the output folder.

    Raises:
        OutputError: It leads elsewhere.
    """
    found = name.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in found):
        raise OutputError(f"{name!r} is not a name inside the output folder")
    return found


def up_to_existing(path: str) -> Iterator[str]:
    """Yield an absolute path and the folders above it, up to the first that exists."""
    yield path
    while not os.path.lexists(path):
        path = os.path.dirname(path)
        yield path


@contextlib.contextmanager
def opened(root: str, folders: Iterable[str], *, create: bool) -> Iterator[int]:
    """Open a folder below `root`, part by part so that no link leads out of it.

    Args:
        root: Path of a folder.
        folders: Names of the folders on the way.
        create: Whether missing ones are created.
    """
    here = os.open(root, FOLDER)
    try:
        for part in folders:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=here)
            below = os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def open_regular(name: str, flags: int, folder: int) -> int:
    """Open a file that is not a link, FIFO or device; opening a FIFO could take for ever."""
    file = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def is_temporary(name: str) -> bool:
    """Tell whether a file with this name is not whole yet."""
    return name.startswith(TEMPORARY) and name.endswith(".tmp")


def temporary_name(tag: str, number: int | str) -> str:
    """Return the name of a file that is not whole yet."""
    return f"{TEMPORARY}{tag}-{number}.tmp"


def write_new(name: str, parts: Iterable[bytes], folder: int) -> None:
    """Write a file that is not there yet, to the disk."""
    with open(os.open(name, NEW_FILE, 0o666, dir_fd=folder), "wb", buffering=0) as stream:
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[stream.write(left) :]
        os.fsync(stream.fileno())  # the rename is not to be kept without the data


def unlink(name: str, folder: int) -> None:
    """Remove a file where it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def remove_below(name: str, endings: tuple[str, ...], folder: int) -> None:
    """Remove files below a folder, and folders left empty; no link is followed.

    Args:
        name: The folder's, in the open `folder`.
        endings: Of the files' names; those that are not whole are removed, too.
        folder: A descriptor.
    """
    for _, folders, files, here in os.fwalk(name, topdown=False, dir_fd=folder):
        for file in files:
            if file.endswith(endings) or is_temporary(file):
                os.unlink(file, dir_fd=here)
        for below in folders:
            _remove_if_empty(below, here)
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
