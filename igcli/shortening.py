"""Shortening of names that are too long for file systems."""

import hashlib
import os

MAX_BYTES = 255
"""Limit on one part of a path on nearly every file system."""

_MAX_UNCHECKED = 50
"""Number of characters that always fit, with at most four bytes each."""


def shortened(name: str, *, room: int) -> str:
    """Return a name whose parts fit file systems; different names stay different.

    A part that is too long is replaced by its beginning, a "~" and a hash of the whole part.

    Args:
        name: Parts joined by "/".
        room: Number of bytes to leave free after the last part.
    """
    if len(name) <= _MAX_UNCHECKED:
        return name
    *folders, last = name.split("/")
    return "/".join((*(_cut(part, MAX_BYTES) for part in folders), _cut(last, MAX_BYTES - room)))


def member_stem(name: str) -> str:
    """Return the names of the results of a tar archive's member, without their suffixes."""
    return shortened(os.path.splitext(name)[0], room=len(".panel.jpg"))


def _cut(part: str, max_bytes: int) -> str:
    data = os.fsencode(part)
    if len(data) <= max_bytes:
        return part
    ending = f"~{hashlib.sha256(data).hexdigest()[:16]}"
    length = max_bytes - len(ending)
    while length and data[length] & 0xC0 == 0x80:  # inside a UTF-8 character
        length -= 1
    return os.fsdecode(data[:length]) + ending
