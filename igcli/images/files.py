"""Reads a file whole: a local path, a URL or a member of an archive."""

# Paths stay as given, byte for byte.
# ruff: noqa: PTH116, PTH123

import os
import stat

from igcli.errors import ImageError
from igcli.records import Source
from igcli.urls import ARCHIVES, is_url, scheme


def read_source(source: Source, *, max_bytes: int) -> bytes:
    """Return the bytes of a source; reads at most `max_bytes` unless it holds its data already.

    Raises:
        ImageError: The file cannot be read, or an earlier attempt failed.
    """
    if isinstance(source.data, ImageError):
        raise source.data
    return read_file(source.path, max_bytes=max_bytes) if source.data is None else source.data


def read_file(path: str, *, max_bytes: int) -> bytes:
    """Return the bytes of the regular file at a path or URL.

    Raises:
        ImageError: The file is missing, empty, larger than `max_bytes`, special or unreadable.
    """
    if is_url(path):
        return _read_url(path, max_bytes=max_bytes)
    try:
        _refuse_special(os.stat(path))  # first, because opening a device can have side effects
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            _refuse_special(status)
            if status.st_size > max_bytes:
                raise ImageError(f"too large: {status.st_size:,} bytes, the limit is {max_bytes:,}")
            data = file.read(status.st_size + 1)
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be read: {reason_of(error, path)}") from error
    except MemoryError as error:
        raise ImageError("too large for the available memory") from error
    if not data:
        raise ImageError("empty file")
    if len(data) > status.st_size:
        raise ImageError("the file grew while it was read")
    return data


def reason_of(error: OSError | ValueError, path: str) -> str:
    """Return why a path cannot be opened, with a hint if it has backslashes, as on Windows."""
    reason = getattr(error, "strerror", None) or str(error)
    if isinstance(error, FileNotFoundError) and "\\" in path:
        return f"{reason}: the path has backslashes, as on Windows; use / between folders"
    return reason


def _read_url(url: str, *, max_bytes: int) -> bytes:
    # Imported here because local paths need neither.
    from igcli.images.archives.archive import archive_location, read_member
    from igcli.images.remote import read_url

    if scheme(url) in ARCHIVES and (location := archive_location(url)) is not None:
        return read_member(location, max_bytes=max_bytes)
    return read_url(url, max_bytes=max_bytes)


def _refuse_special(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise ImageError("a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("not a regular file")
