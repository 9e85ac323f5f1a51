"""Where the files of an image lie in the output."""

# ruff: noqa: PTH120

import os
from array import array
from collections.abc import Iterable, Iterator

import numpy as np

from igcli.errors import UsageError
from igcli.records import Source
from igcli.shortening import shortened

SUFFIXES = (".jpg", ".png", ".gif", ".webp", ".npz")
ARCHIVES = (".tar",)


def panel_name(name: str, form: str) -> str:
    """Return where the panel of the image `name` lies; `form` is its file format."""
    return f"panels/{_stem(name)}.{form}"


def gif_name(name: str, form: str) -> str:
    """Return where the animation of the image `name` lies; arguments as in `panel_name`."""
    return f"gifs/{_stem(name)}.{form}"


def arrays_name(name: str) -> str:
    """Return where the arrays of the image `name` lie."""
    return f"arrays/{_stem(name)}.npz"


def count_distinct(sources: Iterable[Source], *, archives: bool = False) -> int:
    """Count the images and make sure that no two share an output.

    Args:
        sources: Iterable more than once; 8 bytes of memory are used for each.
        archives: Whether they are tar archives.

    Raises:
        UsageError: Two do; it names both.
    """
    suffixes = ARCHIVES if archives else SUFFIXES
    stems, folders = array("q"), set()
    for source in sources:
        stems.append(hash(_stem(source.name, suffixes)))
        # Few folders are called like files; keeping all could take more than all the hashes.
        if any(f"{suffix}/" in source.name for suffix in suffixes):
            folders.add(os.path.dirname(source.name))
    hashes = np.sort(np.frombuffer(stems, dtype=np.int64))
    shared = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    hidden = {stem for stem in _folder_stems(folders, suffixes) if _contains(hashes, hash(stem))}
    if shared or hidden:
        _refuse_shared(sources, shared, hidden, suffixes)
    return len(stems)


def _refuse_shared(
    sources: Iterable[Source], shared: set[int], hidden: set[str], suffixes: tuple[str, ...]
) -> None:
    """Raise for the first two sources of one output; equal hashes alone are no proof."""
    first: dict[str, str] = {}
    for source in sources:
        stem = _stem(source.name, suffixes)
        if stem in first:
            raise UsageError(
                f"two images for one output: {first[stem]!r} and {source.shown!r}; "
                "rename one or give them in separate runs"
            )
        if stem in hidden:
            raise UsageError(
                f"the output of {source.shown!r} would have the name of a folder; "
                "rename one or give them in separate runs"
            )
        if hash(stem) in shared:
            first[stem] = source.shown


def _folder_stems(folders: Iterable[str], suffixes: tuple[str, ...]) -> Iterator[str]:
    """Yield the stems of images whose outputs would have the names of these folders."""
    for path in {parent for folder in folders for parent in _parents(folder)}:
        stem, suffix = os.path.splitext(path)
        if suffix in suffixes:
            yield stem


def _parents(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = os.path.dirname(folder)


def _contains(hashes: "np.ndarray[tuple[int], np.dtype[np.int64]]", value: int) -> bool:
    at = int(np.searchsorted(hashes, value))
    return at < len(hashes) and int(hashes[at]) == value


def _stem(name: str, suffixes: tuple[str, ...] = SUFFIXES) -> str:
    """Drop an ending that is exactly the first suffix and keep any other: a.jpg and a.png differ.

    A name that is too long is shortened, with room for the longest suffix.
    """
    return shortened(name.removesuffix(suffixes[0]), room=max(map(len, suffixes)))
