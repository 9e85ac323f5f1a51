"""The kind of an argument: a file, a folder, an archive or a pattern; and a pattern's matches."""

import fnmatch
import os
from collections.abc import Iterator
from typing import Literal

from igcli.errors import ImageError, UsageError
from igcli.images import remote
from igcli.images.archives.archive import archive_location, open_archive
from igcli.images.directory_walker import real_path
from igcli.images.files import reason_of
from igcli.urls import ARCHIVES, is_url, scheme

# Paths stay as given, byte for byte.
# ruff: noqa: PTH100, PTH112, PTH114, PTH118


Kind = Literal["pattern", "folder", "archive", "file"]
WALKED = ("folder", "archive")


def kind_of(argument: str, *, archives_are_walked: bool) -> Kind:
    """Return the kind of an argument; that of a path as it is at this moment.

    Args:
        argument: A path or URL.
        archives_are_walked: Whether archives count as folders of images, not as files.

    Raises:
        UsageError: Nothing is at a URL, or an archive cannot be opened.
    """
    if is_url(argument) and scheme(argument) not in ARCHIVES:
        kind: Kind = remote.kind_of(argument)
    elif is_pattern(argument):
        kind = "pattern"
    else:
        kind = "folder" if os.path.isdir(argument) else "file"
    return _kind_of_file(argument) if kind == "file" and archives_are_walked else kind


def kind_of_match(path: str, *, archives_are_walked: bool) -> Kind:
    """Return the kind of a pattern's match, like `kind_of`, without asking a store again."""
    if not is_url(path):
        return kind_of(path, archives_are_walked=archives_are_walked)
    if path.endswith("/"):
        return "folder"
    return _kind_of_file(path) if archives_are_walked else "file"


def own_name(argument: str) -> str:
    """Return the last part of the name of a folder or archive."""
    location = archive_location(argument)
    if location is not None and not os.path.isdir(argument):
        return location.own_name
    return os.path.basename(real_path(argument) if is_url(argument) else os.path.abspath(argument))


def refuse_missing(argument: str) -> None:
    """Refuse a missing path or an unreadable folder.

    Raises:
        UsageError: It is one of them.
    """
    if is_url(argument) or is_pattern(argument):
        return
    try:
        os.lstat(argument)  # a broken link passes, and fails later like any bad image
        if os.path.isdir(argument):
            os.scandir(argument).close()
    except (OSError, ValueError) as error:
        raise UsageError(f"{argument!r} cannot be read: {reason_of(error, argument)}") from error


def _kind_of_file(path: str) -> Kind:
    location = archive_location(path)
    if location is None:
        return "file"
    try:
        archive = open_archive(location)
    except ImageError as error:
        raise UsageError(str(error)) from None
    if location.name in archive.files:
        return "file"
    if location.name and not any(name.startswith(f"{location.name}/") for name in archive.files):
        raise UsageError(f"{location.path!r} cannot be read: no such file or folder in the archive")
    return "archive"


def is_pattern(argument: str) -> bool:
    """Return whether `argument` holds wildcards and names no existing file."""
    return not remote.MAGIC.isdisjoint(argument) and not os.path.lexists(argument)


def expand(pattern: str) -> Iterator[str]:
    """Yield the matching paths; `**` stands for any number of folders and follows no links.

    URLs of folders end in a slash.

    Raises:
        ImageError: A store does not answer.
    """
    root, rest = _split_root(pattern)
    parts = [part for part in rest.split("/") if part]
    if pattern.endswith("/"):
        parts.append("")  # folders only
    unrepeated = [part for i, part in enumerate(parts) if parts[i : i + 2] != ["**", "**"]]
    yield from _expand(root, unrepeated)


def _split_root(pattern: str) -> tuple[str, str]:
    """Split a pattern into the folder where it starts and the rest."""
    if is_url(pattern):
        scheme, _, path = pattern.partition("://")
        bucket, _, rest = path.lstrip("/").partition("/")
        return f"{scheme}://{bucket}", rest
    return "/" if pattern.startswith("/") else "", pattern


def _expand(folder: str, parts: list[str]) -> Iterator[str]:
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _descend(folder, rest or ["*"])
    elif remote.MAGIC.isdisjoint(part):
        path = os.path.join(folder, part)
        if rest or _exists(path):
            yield from _expand(path, rest)
    else:
        for name in _names(folder, folders=bool(rest)):
            is_hidden = name.startswith(".") and not part.startswith(".")
            if not is_hidden and fnmatch.fnmatchcase(name.rstrip("/"), part):
                yield from _expand(os.path.join(folder, name), rest)


def _descend(folder: str, rest: list[str]) -> Iterator[str]:
    """Match `rest` in `folder` and, depth first, in every folder below it."""
    pending = [folder]
    while pending:
        current = pending.pop()
        yield from _expand(current, rest)
        names = (name for name in _names(current, folders=True) if not name.startswith("."))
        paths = [os.path.join(current, name) for name in names]
        pending += [path for path in reversed(paths) if not os.path.islink(path)]


def _exists(path: str) -> bool:
    return remote.exists(path) if is_url(path) else os.path.lexists(path)


def _names(folder: str, *, folders: bool) -> list[str]:
    """Return the sorted names in `folder`, or of its folders only; none if it is unreadable."""
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
