"""Reading a file whole, whatever lies under its name."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH116, PTH123

import os
import stat

from igcli.errors import ImageError
from igcli.records import Source
from igcli.urls import ARCHIVES, is_url, scheme


def read_source(source: Source, *, most: int) -> bytes:
    """Return the bytes of a source, where they were not read already at most `most`.

    Raises:
        ImageError: They cannot be, or could not be, read.
    """
    if isinstance(source.data, ImageError):
        raise source.data
    return read_file(source.path, most=most) if source.data is None else source.data


def read_file(path: str, *, most: int) -> bytes:
    """Return the bytes of the regular file with a path or URL, at most `most`.

    Raises:
        ImageError: It is missing, empty, too large, not a regular file or cannot be read.
    """
    if is_url(path):
        return _read_url(path, most=most)
    try:
        _refuse_special(os.stat(path))  # before it is opened: opening a device can do things
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            _refuse_special(status)
            if status.st_size > most:
                raise ImageError(f"too large: {status.st_size:,} bytes, the limit is {most:,}")
            data = file.read(status.st_size + 1)
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be read: {reason_of(error, path)}") from error
    except MemoryError as error:
        raise ImageError("too large for the memory") from error
    if not data:
        raise ImageError("empty file")
    if len(data) > status.st_size:
        raise ImageError("the file grew while it was read")
    return data


def reason_of(error: OSError | ValueError, path: str) -> str:
    """Return why a path leads nowhere, and that it is spelled as on Windows where it is."""
    reason = getattr(error, "strerror", None) or str(error)
    if isinstance(error, FileNotFoundError) and "\\" in path:
        return f"{reason}: the path has backslashes, as on Windows; here folders end in /"
    return reason


def _read_url(url: str, *, most: int) -> bytes:
    # Imported here: for plain paths, nothing of it is needed.
    from igcli.images.archives.archive import place_of, read_member
    from igcli.images.remote import read_url

    if scheme(url) in ARCHIVES and (place := place_of(url)) is not None:
        return read_member(place, most=most)
    return read_url(url, most=most)


def _refuse_special(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise ImageError("a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("not a regular file")
