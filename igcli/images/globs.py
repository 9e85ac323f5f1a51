"""Glob patterns, expanded as a shell does: sorted, hidden names only where asked for."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH112, PTH114, PTH118

import fnmatch
import os
from collections.abc import Iterator

from igcli.images import remote
from igcli.urls import is_url

MAGIC = frozenset("*?[")


def is_pattern(argument: str) -> bool:
    """Tell whether `argument` holds wildcards and names no existing file."""
    return not MAGIC.isdisjoint(argument) and not os.path.lexists(argument)


def expand(pattern: str) -> Iterator[str]:
    """Yield the paths that match; `**` stands for any number of folders, links not followed.

    URLs of folders end in a slash.

    Raises:
        ImageError: A store does not answer.
    """
    root, below = _root(pattern)
    parts = [part for part in below.split("/") if part]
    if pattern.endswith("/"):
        parts.append("")  # folders only
    once = [part for i, part in enumerate(parts) if parts[i : i + 2] != ["**", "**"]]
    yield from _expand(root, once)


def _root(pattern: str) -> tuple[str, str]:
    """Return where a pattern begins, and the rest of it."""
    if is_url(pattern):
        scheme, _, path = pattern.partition("://")
        bucket, _, below = path.lstrip("/").partition("/")
        return f"{scheme}://{bucket}", below
    return "/" if pattern.startswith("/") else "", pattern


def _expand(folder: str, parts: list[str]) -> Iterator[str]:
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _descend(folder, rest or ["*"])
    elif MAGIC.isdisjoint(part):
        path = os.path.join(folder, part)
        if rest or _exists(path):
            yield from _expand(path, rest)
    else:
        for name in _names(folder, folders=bool(rest)):
            shown = part.startswith(".") or not name.startswith(".")
            if shown and fnmatch.fnmatchcase(name.rstrip("/"), part):
                yield from _expand(os.path.join(folder, name), rest)


def _descend(folder: str, rest: list[str]) -> Iterator[str]:
    """Match `rest` in `folder` and, depth first, in every folder below it."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        yield from _expand(here, rest)
        below = (name for name in _names(here, folders=True) if not name.startswith("."))
        paths = [os.path.join(here, name) for name in below]
        waiting += [path for path in reversed(paths) if not os.path.islink(path)]


def _exists(path: str) -> bool:
    return remote.exists(path) if is_url(path) else os.path.lexists(path)


def _names(folder: str, *, folders: bool) -> list[str]:
    """Return the sorted names in `folder`, of folders alone or of all; none if unreadable."""
    if is_url(folder):
        end = "" if folders else "/"
        names = [
            name + end * is_folder
            for name, is_folder in remote.entries(folder)
            if name and (is_folder or not folders)
        ]
        return sorted(names, key=os.fsencode)
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in entries if not folders or os.path.isdir(entry)]
    except OSError:
        return []
    return sorted(names, key=os.fsencode)
