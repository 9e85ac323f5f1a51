"""The names of an image's files in the output, and the refusal of images that would share them."""

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


def panel_name(name: str, file_format: str) -> str:
    """Return the output's name for the panel of the image `name`, in a file format: "jpg"."""
    return f"panels/{_stem(name)}.{file_format}"


def gif_name(name: str, file_format: str) -> str:
    """Return the output's name for the animation of the image `name`, in a file format: "gif"."""
    return f"gifs/{_stem(name)}.{file_format}"


def arrays_name(name: str) -> str:
    """Return the output's name for the arrays of the image `name`."""
    return f"arrays/{_stem(name)}.npz"


def script_name(kind: str, name: str) -> str:
    """Return the name of a page's script with the values or the frames of the image `name`."""
    return f"{kind}/{_stem(name)}.js"


def sanity_name(name: str) -> str:
    """Return the output's name for the picture that `igcli sanity` makes of the image `name`."""
    return f"sanity/{_stem(name)}.png"


def count_distinct(sources: Iterable[Source], *, archives: bool = False) -> int:
    """Return the number of images, after making sure that no two share an output.

    Args:
        sources: The images, iterable more than once; each takes 8 bytes of memory.
        archives: Whether they are tar archives.

    Raises:
        UsageError: Two images share an output; the message names both.
    """
    suffixes = ARCHIVES if archives else SUFFIXES
    stems, folders = array("q"), set()
    for source in sources:
        stems.append(hash(_stem(source.name, suffixes)))
        # Few folders have names like files; keeping all could take more memory than the hashes.
        if any(f"{suffix}/" in source.name for suffix in suffixes):
            folders.add(os.path.dirname(source.name))
    hashes = np.sort(np.frombuffer(stems, dtype=np.int64))
    shared = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    blocked = {stem for stem in _folder_stems(folders, suffixes) if _contains(hashes, hash(stem))}
    if shared or blocked:
        _refuse_shared(sources, shared, blocked, suffixes)
    return len(stems)


def _refuse_shared(
    sources: Iterable[Source], shared: set[int], blocked: set[str], suffixes: tuple[str, ...]
) -> None:
    """Raise for the first image that shares an output; equal hashes alone prove nothing.

    Args:
        sources: All images.
        shared: Hashes that several stems have.
        blocked: Stems whose outputs may have the name of a folder.
        suffixes: As in `_stem`.
    """
    first: dict[str, str] = {}
    for source in sources:
        stem = _stem(source.name, suffixes)
        if stem in first:
            raise UsageError(
                f"two images have the same output: {first[stem]!r} and {source.shown!r}; "
                "rename one or give them in separate runs"
            )
        if stem in blocked:
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
    position = int(np.searchsorted(hashes, value))
    return position < len(hashes) and int(hashes[position]) == value


def _stem(name: str, suffixes: tuple[str, ...] = SUFFIXES) -> str:
    """Return `name` without the first suffix; any other suffix stays, so a.jpg and a.png differ.

    A name that is too long is shortened, with room for the longest suffix.
    """
    return shortened(name.removesuffix(suffixes[0]), room=max(map(len, suffixes)))
