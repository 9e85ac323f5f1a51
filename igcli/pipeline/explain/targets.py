"""Targets: which of a network's scores are explained, for each image. Imports no NumPy."""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from igcli.errors import IgcliError, ImageError, UsageError
from igcli.options import setting
from igcli.pipeline.explain.target_file import image_keys, read_rows, row_keys
from igcli.urls import ARCHIVES, is_url, scheme

if TYPE_CHECKING:
    from igcli.models.load import Model
    from igcli.records import Array, Source

_TOP = re.compile(r"top(?::([0-9]{1,9}))?")
_INDEX = re.compile(r"[0-9]{1,9}")
FOLDER = "target: folder"


@dataclass(frozen=True, slots=True)
class TargetChoice:
    """The targets of an image: the `top` highest scores, or the one with `index`."""

    top: int = 1
    index: int | None = None

    @property
    def is_chosen(self) -> bool:
        """Whether the user asked for anything but the top label."""
        return self.index is not None or self.top > 1

    def indices(self, scores: Array) -> tuple[int, ...]:
        """Return the indices of the targets; top ones in descending order of their scores.

        Args:
            scores: Float32 (K,).
        """
        if self.index is not None:
            return (self.index,)
        if self.top == 1:
            return (int(scores.argmax()),)
        # Stable: equal scores stay in the order of their indices.
        return tuple((-scores).argsort(kind="stable")[: self.top].tolist())


class FolderTargets:
    """Targets by folder (`target: folder`): the name of an image's folder is its label."""

    def __init__(self, labels: Sequence[str] | None, outputs: int) -> None:
        """Take the network's labels, None if it has none, and its number of outputs."""
        self._labels = labels
        self._outputs = outputs
        self._known: dict[str, TargetChoice | str] = {}

    def of(self, source: Source) -> TargetChoice:
        """Return the target of an image: the innermost of its folders that is a label.

        For an image in a tar archive of samples, the label is in its `.cls` member.

        Raises:
            ImageError: None of them is a label.
        """
        if source.label is None and source.data is not None:
            raise ImageError(f"{FOLDER}: the archive has no .cls member for it")
        names = _folders(source) if source.label is None else [source.label]
        choices = [self._choice(name) for name in names if name]
        for choice in choices:
            if isinstance(choice, TargetChoice):
                return choice
        raise ImageError(choices[0] if choices else f"{FOLDER}: the image is not in a folder")

    def _choice(self, name: str) -> TargetChoice | str:
        """Return the target that a name stands for, or the error message."""
        if name not in self._known:
            try:
                self._known[name] = self._parse(name)
            except IgcliError as error:
                self._known[name] = str(error)
        return self._known[name]

    def _parse(self, name: str) -> TargetChoice:
        is_label = _folded(name) in map(_folded, self._labels or ())
        if _INDEX.fullmatch(name) and not is_label:
            return parse_target(int(name), self._labels, self._outputs, where=FOLDER)
        return TargetChoice(index=_index_of_label(name, self._labels, where=FOLDER))


def _folders(source: Source) -> list[str]:
    """Return the names of an image's folders within the run's input, innermost first."""
    inner = source.name.split("/")[:-1]
    if inner:
        return inner[::-1]
    if scheme(source.path) in ARCHIVES:
        # Imported here because plain paths do not need it.
        from igcli.images.archives.archive import archive_location

        place = archive_location(source.path)
        return [place.stem.rpartition("/")[2]] if place else []
    path = source.shown if is_url(source.path) else os.path.abspath(source.path)  # noqa: PTH100
    return path.split("/")[-2:-1]


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """The targets of all images.

    Attributes:
        default: Targets of images without a row in the target file.
        rows: Targets by the keys of rows in the target file; see `row_keys`.
        folders: Targets of the other images by their folders; None to use `default`.
    """

    default: TargetChoice = TargetChoice()
    rows: Mapping[str, TargetChoice] = field(default_factory=dict)
    folders: FolderTargets | None = None

    def of(self, source: Source | None) -> TargetChoice:
        """Return the targets of an image, looked up by its path or its name in the output.

        Raises:
            ImageError: None of its folders is a label.
        """
        if source is None:
            return self.default
        for key in image_keys(source) if self.rows else ():
            if key in self.rows:
                return self.rows[key]
        return self.default if self.folders is None else self.folders.of(source)

    def match_record(self, earlier: Mapping[str, Any], source: Source) -> bool:
        """Tell whether an earlier record has the targets that its image has now.

        With equal settings only the label in a `.cls` member can have changed.
        """
        if source.label is None or self.folders is None:
            return True
        try:
            choice = self.of(source)
        except ImageError as error:
            return earlier.get("error") == str(error)
        if earlier.get("status") == "failed":
            return not str(earlier.get("error")).startswith(FOLDER)
        return earlier.get("target") == choice.index


def check_syntax(target: int | str, *, where: str) -> None:
    """Refuse a target that is wrong for every network: "top:0".

    Raises:
        UsageError: It is wrong; `where` begins the message.
    """
    top = _TOP.fullmatch(target) if isinstance(target, str) else None
    if top and top[1] and not int(top[1]):
        raise UsageError(f"{where}: {target} selects no target: use top, or top:N with N from 1")


def check_file(file: str) -> None:
    """Refuse a target file that is wrong for every network.

    Raises:
        UsageError: It cannot be read, has no rows, or has a row that is not a path and a target.
    """
    rows = read_rows(file)
    if not rows:
        raise UsageError(
            f"targets: {file} has no rows: expected a path and a label or index in each"
        )
    for row in rows:
        check_syntax(row.target, where=f"targets: {file}:{row.line}")


def resolve_targets(target: int | str, file: str | None, model: Model) -> Targets:
    """Return the targets of a run.

    Args:
        target: "top", "top:N", an index, a label or "folder".
        file: CSV file with the targets of some images, or None.
        model: The network.

    Raises:
        UsageError: The file cannot be read.
        IgcliError: The network has no such output.
    """
    labels, outputs = model.labels, model.network.outputs
    rows: dict[str, TargetChoice] = {}
    for row in read_rows(file) if file else ():
        choice = parse_target(row.target, labels, outputs, where=f"targets: {file}:{row.line}")
        for key in row_keys(row.path):
            rows.setdefault(key, choice)
    if target == "folder":
        return Targets(rows=rows, folders=FolderTargets(labels, outputs))
    return Targets(parse_target(target, labels, outputs, where="target"), rows)


def parse_target(
    target: int | str, labels: Sequence[str] | None, outputs: int, *, where: str
) -> TargetChoice:
    """Return the targets that "top", "top:N", an index or a label selects.

    Raises:
        IgcliError: The network has no such output; `where` begins the message.
    """
    if isinstance(target, str) and (top := _TOP.fullmatch(target)):
        count = int(top[1] or 1)
        if not 1 <= count <= outputs:
            raise IgcliError(
                f"{where}: {target}: the network has {outputs:,} outputs: use top:1 to "
                f"top:{outputs}"
            )
        return TargetChoice(top=count)
    if isinstance(target, int) or _INDEX.fullmatch(target):
        if int(target) >= outputs:
            raise IgcliError(
                f"{where}: {target} is out of range: the network has {outputs:,} outputs, "
                f"0 to {outputs - 1}"
            )
        return TargetChoice(index=int(target))
    return TargetChoice(index=_index_of_label(target, labels, where=where))


def _index_of_label(label: str, labels: Sequence[str] | None, *, where: str) -> int:
    if labels is None:
        raise IgcliError(
            f"{where}: {label!r} is not an index, and the network has no labels: set "
            f"{setting('model.labels')}"
        )
    indices = [index for index, name in enumerate(labels) if name == label]
    if len(indices) == 1:
        return indices[0]
    folded = list(map(_folded, labels))
    indices = indices or [index for index, name in enumerate(folded) if name == _folded(label)]
    if len(indices) == 1:
        return indices[0]
    if indices:
        choices = ", ".join(map(str, indices))
        raise IgcliError(
            f"{where}: {label!r} is the label of several outputs: use one of the indices {choices}"
        )
    near = difflib.get_close_matches(_folded(label), folded, 3, 0.5)
    near += [name for name in folded if _folded(label) in name]
    names = [labels[folded.index(name)] for name in dict.fromkeys(near)][:3]
    hint = f"; did you mean {', '.join(names)}?" if names else ""
    raise IgcliError(f"{where}: the network has no label {label!r}{hint}")


def _folded(label: str) -> str:
    """Return a label for comparison: macOS decomposes letters, and folders rarely have spaces."""
    return unicodedata.normalize("NFC", label).casefold().replace("_", " ")
