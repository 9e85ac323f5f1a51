"""From the arguments of a command to the images that they name."""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

from igcli.cli.attribute.options import Arguments
from igcli.cli.attribute.report import NAMED, named
from igcli.cli.terminal import say
from igcli.errors import NoImagesError, UsageError
from igcli.images.listing import Listing
from igcli.images.sources import Walk
from igcli.outputs.output_paths import count_distinct
from igcli.outputs.shards import RunLocation, shard_number
from igcli.pipeline.explain.target_file import RowMatcher, TargetRow, read_rows
from igcli.pipeline.runs.selection import Selection
from igcli.records import Source


def find(
    arguments: Arguments, place: RunLocation, targets: str | None = None
) -> tuple[Selection, Walk]:
    """Return the images of a run, no two of which share an output, and the walk they come from.

    Args:
        arguments: What the command line says.
        place: Where results go.
        targets: The file of targets, where there is one.

    Raises:
        UsageError: Nothing is named, or something that is not there; or there are targets, and
            none for an image.
        NoImagesError: There are none.
    """
    named = [name for name in arguments.images if name != "-"]
    lists = ["-"] if len(named) < len(arguments.images) else []
    lists += [arguments.files_from] if arguments.files_from is not None else []
    if not named and not lists:
        raise UsageError("no images are named: give files, folders, glob patterns, or -")
    if len(lists) > 1:
        raise UsageError("paths come either from standard input (-) or from --files-from")
    listed: Iterable[str] = _listed(lists[0], nul=arguments.nul) if lists else ()
    archives = arguments.input_format == "tar"
    walk = Walk(
        named,
        listed=listed,
        output=place.folder.path,
        limit=arguments.limit,
        follow=arguments.follow_symlinks,
        archives=archives,
    )
    rows = None if targets is None else RowMatcher(targets, read_rows(targets))
    counted = _Counted(walk, 1 if place.shard is None else place.shard.count, rows)
    if not count_distinct(counted, archives=archives):
        where = ", ".join(named) or "the list"
        seen = f": {walk.tally}" if str(walk.tally) else ""
        raise NoImagesError(f"no {'tar files' if archives else 'images'} in {where}{seen}")
    if rows is not None:
        _match(rows, walk, archives=archives)
    selection = Selection(
        walk,
        counted.totals,
        place.shard,
        arguments.limit,
        archives=archives,
        left_out=walk.tally.left_out,
        rows=rows,
    )
    return selection, walk


def _match(rows: RowMatcher, walk: Walk, *, archives: bool) -> None:
    """Say which targets are for no image; those beyond the limit and of other shards are images."""
    if rows.unmatched:
        for source in walk.whole():
            rows.match_archive(source) if archives else rows.match(source)
    if rows.matches_nothing:
        raise UsageError(
            f"targets: {rows.file}: no row is for an image of this run; the first is "
            f"{told_row(rows.unmatched[0])}. Paths are as the images are given, or as they are "
            "called in the output"
        )
    if not archives:
        tell_unmatched(rows)


def tell_unmatched(rows: RowMatcher) -> None:
    """Say which targets are for no image."""
    left = rows.unmatched
    if left:
        names = named([told_row(row) for row in left[:NAMED]], len(left))
        many = f"{len(left):,} rows are" if len(left) > 1 else "1 row is"
        say(f"targets: {rows.file}: {many} for no image: {names}", logging.WARNING)


def told_row(row: TargetRow) -> str:
    """Return a row as it is named: 'a.jpg' (line 2)."""
    hint = ", and has backslashes, as on Windows" if "\\" in row.path else ""
    return f"{row.path!r} (line {row.line}{hint})"


class _Counted:
    """Images, counted by their shards on the way.

    Attributes:
        totals: How many of the latest iteration each shard has.
    """

    def __init__(self, sources: Iterable[Source], shards: int, rows: RowMatcher | None) -> None:
        self._sources, self._shards = sources, shards
        self._rows = rows
        self.totals: list[int] = []

    def __iter__(self) -> Iterator[Source]:
        self.totals = [0] * self._shards
        for source in self._sources:
            self.totals[shard_number(source.name, self._shards) - 1] += 1
            if self._rows is not None:
                self._rows.match(source)
            yield source


def _listed(name: str, *, nul: bool) -> Listing:
    try:
        if name == "-" and sys.stdin is None:
            raise UsageError("standard input is closed: there is no list of images to read")
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            return Listing(file, nul=nul)
    except OSError as error:
        where = "standard input" if name == "-" else f"--files-from: {name}"
        raise UsageError(f"{where}: {error.strerror or error}") from None
