"""URLs of files in an output folder."""

import os
from urllib.parse import quote_from_bytes


def url(name: object, folder: str = "") -> str | None:
    """Return the relative URL of an output, byte by byte, so that any name makes a link.

    Args:
        name: Its name in the output, parts joined by "/"; bytes that are not UTF-8 are
            surrogate escapes.
        folder: Where the output folder lies, seen from the page: "../runs/a", or nothing.

    Returns:
        None where `name` is no name inside an output folder.
    """
    if not isinstance(name, str) or any(part in ("", ".", "..") for part in name.split("/")):
        return None
    try:
        path = os.fsencode(f"{folder}/{name}" if folder else name)
    except UnicodeEncodeError:
        return None
    return None if b"\0" in path else quote_from_bytes(path, safe="/")
