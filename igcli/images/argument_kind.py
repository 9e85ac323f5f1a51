"""What kind of thing a user names by an argument."""

import fnmatch
import os
from collections.abc import Iterator
from typing import Literal

from igcli.errors import ImageError, UsageError
from igcli.images import remote
from igcli.images.archives.archive import open_archive, place_of
from igcli.images.directory_walker import real
from igcli.images.files import reason_of
from igcli.urls import ARCHIVES, is_url, scheme

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH112, PTH114, PTH118


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


# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH100, PTH112


Kind = Literal["pattern", "folder", "archive", "file"]
WALKED = ("folder", "archive")


def kind_of(argument: str, *, archives_are_walked: bool) -> Kind:
    """Return what an argument names: where it is a path, at this moment.

    Args:
        argument: A path or URL.
        archives_are_walked: Whether archives are more than files.

    Raises:
        UsageError: A URL leads nowhere, or an archive cannot be opened.
    """
    if is_url(argument) and scheme(argument) not in ARCHIVES:
        found: Kind = remote.kind_of(argument)
    elif is_pattern(argument):
        found = "pattern"
    else:
        found = "folder" if os.path.isdir(argument) else "file"
    return _kind_of_file(argument) if found == "file" and archives_are_walked else found


def kind_of_match(path: str, *, archives_are_walked: bool) -> Kind:
    """Return what a match of a pattern is; as in `kind_of`, but a store is not asked again."""
    if not is_url(path):
        return kind_of(path, archives_are_walked=archives_are_walked)
    if path.endswith("/"):
        return "folder"
    return _kind_of_file(path) if archives_are_walked else "file"


def own_name(argument: str) -> str:
    """Return the own name of a folder or archive."""
    place = place_of(argument)
    if place is not None and not os.path.isdir(argument):
        return place.own_name
    return os.path.basename(real(argument) if is_url(argument) else os.path.abspath(argument))


def refuse_missing(argument: str) -> None:
    """Refuse a path of nothing, or of a folder that cannot be read.

    Raises:
        UsageError: It is one.
    """
    if is_url(argument) or is_pattern(argument):
        return
    try:
        os.lstat(argument)  # a link that leads nowhere is there, and fails like any bad image
        if os.path.isdir(argument):
            os.scandir(argument).close()
    except (OSError, ValueError) as error:
        raise UsageError(f"{argument!r} cannot be read: {reason_of(error, argument)}") from error


def _kind_of_file(path: str) -> Kind:
    place = place_of(path)
    if place is None:
        return "file"
    try:
        archive = open_archive(place)
    except ImageError as error:
        raise UsageError(str(error)) from None
    if place.name in archive.files:
        return "file"
    if place.name and not any(name.startswith(f"{place.name}/") for name in archive.files):
        raise UsageError(f"{place.path!r} cannot be read: nothing of that name in the archive")
    return "archive"
