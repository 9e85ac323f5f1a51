"""The files of an image, and which of them an earlier run left up to date."""

from collections.abc import Mapping
from typing import Protocol

from igcli.config.schema import Settings
from igcli.outputs.output_paths import arrays_name, gif_name, panel_name
from igcli.records import FileKind, Record

Files = dict[FileKind, str]
"""Names of an image's files relative to the output, by kind."""


class ResultFiles(Protocol):
    """Where the files of images go: an `OutputFolder`, or the results of one tar archive.

    Attributes:
        is_remote: Whether each call waits for a store.
    """

    is_remote: bool

    def has(self, name: str) -> bool:
        """Tell whether the file `name` exists."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a file."""
        ...

    def remove(self, name: str) -> None:
        """Remove the file `name` if it exists."""
        ...


def files_of(name: str, panel_format: str, gif_format: str) -> Files:
    """Return the names of the panel, GIF and arrays of an image."""
    return {
        "panel": panel_name(name, panel_format),
        "gif": gif_name(name, gif_format),
        "arrays": arrays_name(name),
    }


def requested_files(files: Files, settings: Settings, *, panels: bool) -> Files:
    """Return those of an image's files that a run writes."""
    requested = {"panel": panels, "gif": settings.gif is not None, "arrays": settings.arrays}
    return {kind: name for kind, name in files.items() if requested[kind]}


def is_same(earlier: Record, hashes: Mapping[str, str]) -> bool:
    """Tell whether a record is a result of the same image, network and settings."""
    if earlier.get("status") != "ok":
        return False
    return all(earlier.get(name) == value for name, value in hashes.items())


def is_up_to_date(
    earlier: Record,
    hashes: Mapping[str, str],
    requested: Files,
    folder: ResultFiles,
    *,
    retry_failed: bool,
) -> bool:
    """Tell whether an earlier run left nothing to do.

    An image that failed is up to date as well, unless its content changed or it is retried.

    Args:
        earlier: The last record of the image.
        hashes: Hashes of what its results would be made of now.
        requested: The files that the run writes.
        folder: The output.
        retry_failed: Whether to retry images that failed.

    Raises:
        OutputError: The output cannot be searched.
    """
    if earlier.get("status") == "failed":
        return not retry_failed and earlier.get("image_sha256") == hashes["image_sha256"]
    named = all(earlier.get(kind) == name for kind, name in requested.items())
    return named and is_same(earlier, hashes) and all(map(folder.has, requested.values()))


def renewed(record: Record, earlier: Record, files: Files, folder: ResultFiles) -> Record:
    """Return a record that also names the files which an earlier run wrote and this one did not.

    Args:
        record: The new one.
        earlier: The earlier one, of the same image, network and settings.
        files: The names of all files of the image.
        folder: The output.

    Raises:
        OutputError: The output cannot be searched.
    """
    kept: Files = {
        kind: name
        for kind, name in files.items()
        if record[kind] is None and earlier.get(kind) == name and folder.has(name)
    }
    renewed = record.copy()
    for kind, name in kept.items():
        renewed[kind] = name
    warnings = [*(earlier.get("warnings", ()) if kept else ()), *record["warnings"]]
    renewed["warnings"] = list(dict.fromkeys(warnings))
    if kept and "others" in earlier:
        renewed.setdefault("others", earlier["others"])
    if kept and "panel_scales" in earlier:
        renewed.setdefault("panel_scales", earlier["panel_scales"])
    return renewed


def remove_outdated(record: Record, earlier: Record, files: Files, folder: ResultFiles) -> None:
    """Remove the files of an image's earlier content that this run did not replace.

    Args:
        record: The new one.
        earlier: The earlier one, of other content.
        files: The names of all files of the image.
        folder: The output.

    Raises:
        OutputError: The files cannot be removed.
    """
    for kind, name in files.items():
        if record[kind] is None and earlier.get(kind) == name:
            folder.remove(name)
