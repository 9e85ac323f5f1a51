"""Files and folders in stores, behind URLs."""

import io
from collections.abc import Iterator
from typing import IO, Any, Literal

from igcli.errors import ImageError, UsageError
from igcli.stores import Reader, check_reachable, store
from igcli.urls import is_web, shown

BLOCK = 1 << 18
MAGIC = frozenset("*?[")


def read_url(url: str, *, most: int) -> bytes:
    """Return the bytes of the file behind a URL, at most `most`.

    Raises:
        ImageError: It is missing, empty, too large, or the store does not give it.
        UsageError: There is no such kind of store, or it needs an extra.
    """
    found = store(url)
    data = bytearray()
    with found.errors_as(ImageError, "cannot be read"), _opened(url) as file:
        if file.size is not None and file.size > most:
            raise ImageError(f"too large: {file.size:,} bytes, the limit is {most:,}")
        # A server on the web tells no size, and gives as much at a time as it likes.
        while len(data) <= most and (part := file.read(most + 1 - len(data))):
            data += part
    if len(data) > most:
        raise ImageError(f"too large: more than {most:,} bytes, which is the limit")
    if not data:
        raise ImageError("empty file")
    return bytes(data)


def open_file(url: str) -> IO[bytes]:
    """Open the file behind a URL, to be read at any place unless it is on the web.

    Raises:
        ImageError: It is missing, or the store does not give it.
        UsageError: There is no such kind of store, or it needs an extra.
    """
    errors = store(url).errors_as(ImageError, "cannot be read")
    with errors:
        return io.BufferedReader(Reader(_opened(url), errors), BLOCK)


def kind_of(url: str) -> Literal["file", "folder", "pattern"]:
    """Return what the user names by a URL.

    Raises:
        UsageError: There is nothing, it is a folder of the web, or the store does not answer.
    """
    if is_web(url):
        if shown(url).endswith("/"):
            raise UsageError(
                f"{shown(url)!r}: folders of the web are not walked; name its images, or list "
                "them with --files-from"
            )
        store(url)
        return "file"
    check_reachable(url)
    found = store(url, fail_fast=True)
    place = found.key(url)
    with found.errors_as(UsageError, f"{url!r} cannot be read"):
        if url.endswith("/"):
            # Whoever may list a folder need not be allowed to ask for the file of its name.
            found.files.ls(place, detail=False)
            return "folder"
        try:
            return "folder" if found.files.info(place)["type"] == "directory" else "file"
        except FileNotFoundError:
            if MAGIC.isdisjoint(url):
                raise
            return "pattern"


def exists(url: str) -> bool:
    """Tell whether there is a file or folder behind a URL.

    Raises:
        ImageError: The store does not answer.
    """
    found = store(url)
    with found.errors_as(ImageError, f"{url!r} cannot be read"):
        try:
            found.files.info(found.key(url))
        except FileNotFoundError:
            return False
        return True


def entries(url: str) -> Iterator[tuple[str, bool]]:
    """Yield what lies in a folder: its name, and whether it is a folder.

    Names that lead elsewhere, as keys in stores may, are the empty one.

    Raises:
        ImageError: It cannot be listed.
    """
    found = store(url)
    place = found.key(url).rstrip("/")
    with found.errors_as(ImageError, f"{url!r} cannot be read"):
        try:
            listed = found.files.ls(place, detail=True)
        except FileNotFoundError:
            return
    for entry in listed:
        is_folder = entry["type"] == "directory"
        name = entry["name"].rstrip("/")[len(place) + 1 :]
        if name or is_folder:  # a file may stand for the folder itself
            odd = name in ("", ".", "..") or "\0" in name
            yield "" if odd else name, is_folder


def _opened(url: str) -> Any:
    """Open a file as fsspec does; of the web in one request, which is all that is signed."""
    options = {"block_size": 0, "size": 1} if is_web(url) else {"cache_type": "none"}
    return store(url).files.open(url, "rb", **options)
