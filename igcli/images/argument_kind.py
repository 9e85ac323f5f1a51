"""What kind of thing a user names by an argument."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH100, PTH112

import os
from typing import Literal

from igcli.errors import ImageError, UsageError
from igcli.images import globs, remote
from igcli.images.archives.archive import open_archive, place_of
from igcli.images.directory_walker import real
from igcli.images.files import reason_of
from igcli.urls import ARCHIVES, is_url, kind

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
    if is_url(argument) and kind(argument) not in ARCHIVES:
        found: Kind = remote.kind_of(argument)
    elif globs.is_pattern(argument):
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
    if is_url(argument) or globs.is_pattern(argument):
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
