"""Files and folders behind URLs of stores and web servers."""

import io
from collections.abc import Iterator
from typing import IO, Any, Literal

from igcli.errors import ImageError, UsageError
from igcli.stores import Reader, check_reachable, store
from igcli.urls import is_web, shown

BLOCK = 1 << 18
MAGIC = frozenset("*?[")


def read_url(url: str, *, max_bytes: int) -> bytes:
    """Return the bytes of the file behind a URL.

    Raises:
        ImageError: The file is missing, empty, larger than `max_bytes` or unreadable.
        UsageError: The kind of URL is unknown or needs an extra.
    """
    remote = store(url)
    data = bytearray()
    with remote.errors_as(ImageError, "cannot be read"), _open(url) as file:
        if file.size is not None and file.size > max_bytes:
            raise ImageError(f"too large: {file.size:,} bytes, the limit is {max_bytes:,}")
        # Web servers state no size and send as much at a time as they like.
        while len(data) <= max_bytes and (part := file.read(max_bytes + 1 - len(data))):
            data += part
    if len(data) > max_bytes:
        raise ImageError(f"too large: more than {max_bytes:,} bytes, which is the limit")
    if not data:
        raise ImageError("empty file")
    return bytes(data)


def open_file(url: str) -> IO[bytes]:
    """Open the file behind a URL; it is seekable unless it is on the web.

    Raises:
        ImageError: The file is missing or unreadable.
        UsageError: The kind of URL is unknown or needs an extra.
    """
    errors = store(url).errors_as(ImageError, "cannot be read")
    with errors:
        return io.BufferedReader(Reader(_open(url), errors), BLOCK)


def kind_of(url: str) -> Literal["file", "folder", "pattern"]:
    """Return what the user names by a URL.

    Raises:
        UsageError: Nothing is there, it is a folder on the web, or the store does not answer.
    """
    if is_web(url):
        if shown(url).endswith("/"):
            raise UsageError(
                f"{shown(url)!r}: folders on the web cannot be listed; name the images, or list "
                "them with --files-from"
            )
        store(url)
        return "file"
    check_reachable(url)
    remote = store(url, fail_fast=True)
    key = remote.key(url)
    with remote.errors_as(UsageError, f"{url!r} cannot be read"):
        if url.endswith("/"):
            # Permission to list a folder need not include asking for a file of its name.
            remote.files.ls(key, detail=False)
            return "folder"
        try:
            return "folder" if remote.files.info(key)["type"] == "directory" else "file"
        except FileNotFoundError:
            if MAGIC.isdisjoint(url):
                raise
            return "pattern"


def exists(url: str) -> bool:
    """Return whether a file or folder is behind a URL.

    Raises:
        ImageError: The store does not answer.
    """
    remote = store(url)
    with remote.errors_as(ImageError, f"{url!r} cannot be read"):
        try:
            remote.files.info(remote.key(url))
        except FileNotFoundError:
            return False
        return True


def entries(url: str) -> Iterator[tuple[str, bool]]:
    """Yield the name of each entry of a folder, and whether it is a folder itself.

    Keys in stores may hold "..", for example: the name of such an entry is empty.

    Raises:
        ImageError: The folder cannot be listed.
    """
    remote = store(url)
    key = remote.key(url).rstrip("/")
    with remote.errors_as(ImageError, f"{url!r} cannot be read"):
        try:
            listed = remote.files.ls(key, detail=True)
        except FileNotFoundError:
            return
    for entry in listed:
        is_folder = entry["type"] == "directory"
        name = entry["name"].rstrip("/")[len(key) + 1 :]
        if name or is_folder:  # an empty file may stand for the folder itself
            leads_elsewhere = name in ("", ".", "..") or "\0" in name
            yield "" if leads_elsewhere else name, is_folder


def _open(url: str) -> Any:
    """Open a file through fsspec; on the web in one request, as only that one is signed."""
    options = {"block_size": 0, "size": 1} if is_web(url) else {"cache_type": "none"}
    return store(url).files.open(url, "rb", **options)
