"""Which of a network's scores are explained. Importing this imports no NumPy."""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from igcli.errors import IgcliError, ImageError, UsageError
from igcli.pipeline.explain.target_file import keys_of, keys_of_row, read_rows
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
        """Whether somebody asked for more than the top label."""
        return self.index is not None or self.top > 1

    def of(self, scores: Array) -> tuple[int, ...]:
        """Return the outputs, by falling score where they are the top ones.

        Args:
            scores: Float32 (K,).
        """
        if self.index is not None:
            return (self.index,)
        if self.top == 1:
            return (int(scores.argmax()),)
        # Stable, so that of equal scores the first comes first.
        return tuple((-scores).argsort(kind="stable")[: self.top].tolist())


class Folders:
    """Targets by where images lie: the name of an image's folder is its label."""

    def __init__(self, labels: Sequence[str] | None, outputs: int) -> None:
        """Take the labels of the network, None where it has none, and the number of outputs."""
        self._labels = labels
        self._outputs = outputs
        self._known: dict[str, TargetChoice | str] = {}

    def of(self, source: Source) -> TargetChoice:
        """Return the target of an image: that of the nearest folder that is a label.

        Of a tar archive's images it is their `.cls` member.

        Raises:
            ImageError: There is no such label.
        """
        if source.label is None and source.data is not None:
            raise ImageError(f"{FOLDER}: it has no .cls member beside it")
        names = _folders(source) if source.label is None else [source.label]
        found = [self._named(name) for name in names if name] or [f"{FOLDER}: it lies in none"]
        for each in found:
            if isinstance(each, TargetChoice):
                return each
        raise ImageError(str(found[0]))

    def _named(self, name: str) -> TargetChoice | str:
        """Return the target that a name stands for, or why it stands for none."""
        if name not in self._known:
            try:
                self._known[name] = self._parsed(name)
            except IgcliError as error:
                self._known[name] = str(error)
        return self._known[name]

    def _parsed(self, name: str) -> TargetChoice:
        is_label = _folded(name) in map(_folded, self._labels or ())
        if _INDEX.fullmatch(name) and not is_label:
            return parse(int(name), self._labels, self._outputs, where=FOLDER)
        return TargetChoice(index=_labelled(name, self._labels, where=FOLDER))


def _folders(source: Source) -> list[str]:
    """Return the names of the folders of an image, its own first: those above it in the run."""
    inner = source.name.split("/")[:-1]
    if inner:
        return inner[::-1]
    if scheme(source.path) in ARCHIVES:
        # Imported here: for plain paths, nothing of it is needed.
        from igcli.images.archives.archive import place_of

        place = place_of(source.path)
        return [place.stem.rpartition("/")[2]] if place else []
    path = source.shown if is_url(source.path) else os.path.abspath(source.path)  # noqa: PTH100
    return path.split("/")[-2:-1]


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """The targets of every image.

    Attributes:
        usual: Of images without a row of their own.
        own: Of the images that have one, by what rows call them.
        folders: Targets of the others by where they lie, where that is asked for.
    """

    usual: TargetChoice = TargetChoice()
    own: Mapping[str, TargetChoice] = field(default_factory=dict)
    folders: Folders | None = None

    def of(self, source: Source | None) -> TargetChoice:
        """Return the targets of an image, found by its path or its name in the output.

        Raises:
            ImageError: Its folder is no label.
        """
        if source is None:
            return self.usual
        for key in keys_of(source) if self.own else ():
            if key in self.own:
                return self.own[key]
        return self.usual if self.folders is None else self.folders.of(source)

    def are_those_of(self, earlier: Mapping[str, Any], source: Source) -> bool:
        """Tell whether a record is of the targets that an image has now.

        Only what a file beside the image says can have changed and leave all settings the same.
        """
        if source.label is None or self.folders is None:
            return True
        try:
            wanted = self.of(source)
        except ImageError as error:
            return earlier.get("error") == str(error)
        if earlier.get("status") == "failed":
            return not str(earlier.get("error")).startswith(FOLDER)
        return earlier.get("target") == wanted.index


def check_form(wanted: int | str, *, where: str) -> None:
    """Refuse what is a target of no network: "top:0".

    Raises:
        UsageError: It is; `where` begins the message.
    """
    top = _TOP.fullmatch(wanted) if isinstance(wanted, str) else None
    if top and top[1] and not int(top[1]):
        raise UsageError(f"{where}: {wanted}: explains nothing; give top, or top:2 and more")


def check_rows(file: str) -> None:
    """Refuse a file of targets that is none of any network.

    Raises:
        UsageError: It cannot be read, has no rows, or a row is no pair.
    """
    rows = list(read_rows(file))
    if not rows:
        raise UsageError(
            f"targets: {file} has no rows: expected a path and a label or index in each"
        )
    for row in rows:
        check_form(row.target, where=f"targets: {file}:{row.line}")


def targets(wanted: int | str, file: str | None, model: Model) -> Targets:
    """Return the targets of a run.

    Args:
        wanted: "top", "top:N", an index, a label or "folder".
        file: CSV file with rows for some images, or None.
        model: The network, whose labels are known.

    Raises:
        UsageError: The file cannot be read.
        IgcliError: The network has no such output.
    """
    labels, outputs = model.labels, model.network.outputs
    own: dict[str, TargetChoice] = {}
    for row in read_rows(file) if file else ():
        found = parse(row.target, labels, outputs, where=f"targets: {file}:{row.line}")
        for key in keys_of_row(row.path):
            own.setdefault(key, found)
    if wanted == "folder":
        return Targets(own=own, folders=Folders(labels, outputs))
    return Targets(parse(wanted, labels, outputs, where="target"), own)


def parse(
    wanted: int | str, labels: Sequence[str] | None, outputs: int, *, where: str
) -> TargetChoice:
    """Return what "top", "top:N", an index or a label means for a network.

    Raises:
        IgcliError: The network has no such output; `where` begins the message.
    """
    if isinstance(wanted, str) and (top := _TOP.fullmatch(wanted)):
        count = int(top[1] or 1)
        if not 1 <= count <= outputs:
            raise IgcliError(
                f"{where}: {wanted}: the network has {outputs:,} outputs, so top:1 to top:{outputs}"
            )
        return TargetChoice(top=count)
    if isinstance(wanted, int) or _INDEX.fullmatch(wanted):
        if int(wanted) >= outputs:
            raise IgcliError(
                f"{where}: {wanted} is out of range: the network has {outputs:,} outputs, "
                f"0 to {outputs - 1}"
            )
        return TargetChoice(index=int(wanted))
    return TargetChoice(index=_labelled(wanted, labels, where=where))


def _labelled(label: str, labels: Sequence[str] | None, *, where: str) -> int:
    if labels is None:
        raise IgcliError(
            f"{where}: {label!r} is no index, and the network has no labels: set model.labels"
        )
    places = [place for place, name in enumerate(labels) if name == label]
    folded = list(map(_folded, labels))
    places = places or [place for place, name in enumerate(folded) if name == _folded(label)]
    if len(places) == 1:
        return places[0]
    if places:
        indices = ", ".join(map(str, places))
        raise IgcliError(
            f"{where}: {label!r} is the label of several outputs: give one of {indices}"
        )
    near = difflib.get_close_matches(_folded(label), folded, 3, 0.5)
    near += [name for name in folded if _folded(label) in name]
    names = [labels[folded.index(name)] for name in dict.fromkeys(near)][:3]
    hint = f"; the nearest: {', '.join(names)}" if names else ""
    raise IgcliError(f"{where}: the network has no label {label!r}{hint}")


def _folded(label: str) -> str:
    """Return a label as it is compared: macOS takes letters apart, and folders have few spaces."""
    return unicodedata.normalize("NFC", label).casefold().replace("_", " ")
