"""From the arguments of a command to the images that they name."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

from igcli.cli.run_options import Arguments
from igcli.errors import NoImagesError, UsageError
from igcli.images.listing import Listing
from igcli.images.walk import Walk
from igcli.outputs.names import count_distinct
from igcli.outputs.shards import Place, number_of
from igcli.pipeline.selection import Selection
from igcli.records import Source


def find(arguments: Arguments, place: Place) -> tuple[Selection, Walk]:
    """Return the images of a run, no two of which share an output, and the walk they come from.

    Raises:
        UsageError: Nothing is named, or something that is not there.
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
    counted = _Counted(walk, 1 if place.shard is None else place.shard.count)
    if not count_distinct(counted, archives=archives):
        where = ", ".join(named) or "the list"
        seen = f": {walk.tally}" if str(walk.tally) else ""
        raise NoImagesError(f"no {'tar files' if archives else 'images'} in {where}{seen}")
    limit = arguments.limit
    return Selection(walk, counted.totals, place.shard, limit, archives=archives), walk


class _Counted:
    """Images, counted by their shards on the way.

    Attributes:
        totals: How many of the latest iteration each shard has.
    """

    def __init__(self, sources: Iterable[Source], shards: int) -> None:
        self._sources, self._shards = sources, shards
        self.totals: list[int] = []

    def __iter__(self) -> Iterator[Source]:
        self.totals = [0] * self._shards
        for source in self._sources:
            self.totals[number_of(source.name, self._shards) - 1] += 1
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
