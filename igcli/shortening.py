"""Names that file systems take, made of names that may be too long."""

import hashlib
import os

LONGEST = 255
"""Bytes of one part of a path on nearly every file system."""

_SURELY_SHORT = 50
"""Characters, of at most four bytes each."""


def shortened(name: str, *, room: int) -> str:
    """Return a name of parts that file systems take; equal ones only for equal names.

    A part that is too long gives way to its beginning, a "~" and a hash of all of it.

    Args:
        name: Parts joined by "/".
        room: Bytes to be left free behind the last part.
    """
    if len(name) <= _SURELY_SHORT:
        return name
    *folders, last = name.split("/")
    return "/".join((*(_cut(part, LONGEST) for part in folders), _cut(last, LONGEST - room)))


def member_stem(name: str) -> str:
    """Return what the results of a tar archive's member are called, but for their endings."""
    return shortened(os.path.splitext(name)[0], room=len(".panel.jpg"))


def _cut(part: str, most: int) -> str:
    data = os.fsencode(part)
    if len(data) <= most:
        return part
    end = f"~{hashlib.sha256(data).hexdigest()[:16]}"
    length = most - len(end)
    while length and data[length] & 0xC0 == 0x80:  # within a character of UTF-8
        length -= 1
    return os.fsdecode(data[:length]) + end
