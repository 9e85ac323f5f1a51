"""What an earlier record says of an image, and what of it stays."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from igcli.config.schema import Settings
from igcli.outputs.output_paths import arrays_name, gif_name, panel_name

Record = dict[str, Any]
Files = dict[str, str]


class ResultFiles(Protocol):
    """Where the files of images go: an `OutputFolder`, or what stands for one.

    Attributes:
        is_remote: Whether each call takes its time.
    """

    is_remote: bool

    def has(self, name: str) -> bool:
        """Tell whether `name` exists as a file."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a file."""
        ...

    def remove(self, name: str) -> None:
        """Remove the file `name` where it is there."""
        ...


def files_of(name: str, panel_format: str, gif_format: str) -> Files:
    """Return where the panel, GIF and arrays of an image lie.

    Raises:
        ImageError: A name would be longer than file systems allow.
    """
    return {
        "panel": panel_name(name, panel_format),
        "gif": gif_name(name, gif_format),
        "arrays": arrays_name(name),
    }


def requested_files(files: Files, settings: Settings, *, panels: bool) -> Files:
    """Return those of an image's files that a run is to write."""
    asked = {"panel": panels, "gif": settings.gif is not None, "arrays": settings.arrays}
    return {kind: name for kind, name in files.items() if asked[kind]}


def is_same(earlier: Mapping[str, Any], hashes: Mapping[str, str]) -> bool:
    """Tell whether a record is a result of the same image, network and settings."""
    done = earlier.get("status") == "ok"
    return done and all(earlier.get(name) == value for name, value in hashes.items())


def is_done(
    earlier: Mapping[str, Any], hashes: Mapping[str, str], wanted: Files, folder: ResultFiles
) -> bool:
    """Tell whether nothing is left to do.

    Args:
        earlier: The last record of the image.
        hashes: Of what its results would be made of now.
        wanted: The files asked for.
        folder: The output.

    Raises:
        OutputError: It cannot be searched.
    """
    named = all(earlier.get(kind) == name for kind, name in wanted.items())
    return named and is_same(earlier, hashes) and all(map(folder.has, wanted.values()))


def is_up_to_date(
    earlier: Mapping[str, Any],
    hashes: Mapping[str, str],
    wanted: Callable[[], Files],
    folder: ResultFiles,
    *,
    retry_failed: bool,
) -> bool:
    """Tell whether an image is left as an earlier run left it, done or failed.

    Args:
        earlier: The last record of the image.
        hashes: Of what its results would be made of now.
        wanted: Returns the files asked for.
        folder: The output.
        retry_failed: Whether images that failed are tried again.

    Raises:
        OutputError: It cannot be searched.
    """
    if earlier.get("status") == "failed":
        return not retry_failed and earlier.get("image_sha256") == hashes["image_sha256"]
    return is_done(earlier, hashes, wanted(), folder)


def renewed(record: Record, earlier: Record, files: Files, folder: ResultFiles) -> Record:
    """Return a record that names what an earlier one of the same image did and this run did not.

    Args:
        record: The new one.
        earlier: Of the same image, network and settings.
        files: Where all files of the image lie.
        folder: The output.

    Raises:
        OutputError: It cannot be searched.
    """
    kept = {
        kind: name
        for kind, name in files.items()
        if record[kind] is None and earlier.get(kind) == name and folder.has(name)
    }
    warnings = [*earlier.get("warnings", ()), *record["warnings"]] if kept else record["warnings"]
    found = {**record, **kept, "warnings": list(dict.fromkeys(warnings))}
    for part in ("others", "panel_scales"):
        if kept and part in earlier:
            found.setdefault(part, earlier[part])
    return found


def remove_outdated(
    record: Mapping[str, Any], earlier: Mapping[str, Any], files: Files, folder: ResultFiles
) -> None:
    """Remove the files of an image's earlier content that this run did not replace.

    Args:
        record: The new one.
        earlier: Of other content.
        files: Where all files of the image lie.
        folder: The output.

    Raises:
        OutputError: They cannot be removed.
    """
    for kind, name in files.items():
        if record[kind] is None and earlier.get(kind) == name:
            folder.remove(name)
