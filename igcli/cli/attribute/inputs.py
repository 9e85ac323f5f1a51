"""The images of a run, from the arguments that name them."""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

from igcli.cli.attribute.options import Arguments
from igcli.cli.attribute.report import MAX_NAMES, join_names
from igcli.cli.terminal import say
from igcli.errors import NoImagesError, UsageError
from igcli.images.listing import Listing
from igcli.images.sources import Walk
from igcli.outputs.output_paths import count_distinct
from igcli.outputs.shards import RunLocation, shard_number
from igcli.pipeline.explain.target_file import RowMatcher, TargetRow, read_rows
from igcli.pipeline.runs.base import Selection
from igcli.records import Source


def select_images(
    arguments: Arguments, location: RunLocation, targets: str | None = None
) -> tuple[Selection, Walk]:
    """Return the images of a run, each with an output of its own, and the walk that finds them.

    Args:
        arguments: The options that are not settings.
        location: Where the run writes.
        targets: The file of targets, if there is one.

    Raises:
        UsageError: No image is named, a named file does not exist, two images would share an
            output, or no row of `targets` matches an image.
        NoImagesError: No image was found.
    """
    names = [name for name in arguments.images if name != "-"]
    lists = ["-"] if len(names) < len(arguments.images) else []
    lists += [arguments.files_from] if arguments.files_from is not None else []
    if not names and not lists:
        raise UsageError("no images are named: give files, folders, glob patterns or -")
    if len(lists) > 1:
        raise UsageError("read paths either from standard input (-) or from --files-from, not both")
    listed: Iterable[str] = _open_listing(lists[0], nul=arguments.nul) if lists else ()
    archives = arguments.input_format == "tar"
    walk = Walk(
        names,
        listed=listed,
        output=location.folder.path,
        limit=arguments.limit,
        follow=arguments.follow_symlinks,
        archives=archives,
    )
    rows = None if targets is None else RowMatcher(targets, read_rows(targets))
    counting = _CountingByShard(walk, 1 if location.shard is None else location.shard.count, rows)
    if not count_distinct(counting, archives=archives):
        where = ", ".join(names) or "the list"
        statistics = f": {walk.statistics}" if str(walk.statistics) else ""
        raise NoImagesError(f"no {'tar files' if archives else 'images'} in {where}{statistics}")
    if rows is not None:
        _match(rows, walk, archives=archives)
    selection = Selection(
        walk,
        counting.totals,
        location.shard,
        arguments.limit,
        archives=archives,
        left_out=walk.statistics.left_out,
        rows=rows,
    )
    return selection, walk


def warn_of_unmatched(rows: RowMatcher) -> None:
    """Warn of the rows of a target file that match no image."""
    unmatched = rows.unmatched
    if unmatched:
        names = join_names([_row_name(row) for row in unmatched[:MAX_NAMES]], len(unmatched))
        subject = f"{len(unmatched):,} rows match" if len(unmatched) > 1 else "1 row matches"
        say(f"targets: {rows.file}: {subject} no image: {names}", logging.WARNING)


def _match(rows: RowMatcher, walk: Walk, *, archives: bool) -> None:
    """Match rows and images; images beyond the limit and of other shards count as matches."""
    if rows.unmatched:
        for source in walk.unlimited():
            rows.match_archive(source) if archives else rows.match(source)
    if rows.matches_nothing:
        raise UsageError(
            f"targets: {rows.file}: no row matches an image of this run; the first is "
            f"{_row_name(rows.unmatched[0])}. Write paths as the images are given, or as they are "
            "named in the output"
        )
    if not archives:
        warn_of_unmatched(rows)


def _row_name(row: TargetRow) -> str:
    """Return a row as messages name it: 'a.jpg' (line 2)."""
    hint = ", with backslashes, as on Windows" if "\\" in row.path else ""
    return f"{row.path!r} (line {row.line}{hint})"


class _CountingByShard:
    """Iterates over images, matches them with rows and counts those of each shard.

    Attributes:
        totals: Number of images of each shard in the latest iteration.
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


def _open_listing(name: str, *, nul: bool) -> Listing:
    """Return the paths in a file, or on standard input for "-"."""
    try:
        if name == "-" and sys.stdin is None:
            raise UsageError("standard input is closed: there is no list of images to read")
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            return Listing(file, nul=nul)
    except OSError as error:
        where = "standard input" if name == "-" else f"--files-from: {name}"
        raise UsageError(f"{where}: {error.strerror or error}") from None
