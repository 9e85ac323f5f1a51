"""The images of a run: all that the user names, or a shard's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from igcli.outputs.shards import Shard
from igcli.pipeline.explain.target_file import RowMatcher
from igcli.records import Source


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Images, iterable as often as needed.

    Attributes:
        whole: All that the user names.
        totals: How many of them each shard has; one number where there are no shards.
        shard: The one whose images these are; None for all.
        limit: How many of the whole at most; None for all.
        archives: Whether these are tar archives, of as many images as they may hold.
        left_out: How many other things were met where these are, by kind: {".docx": 1}.
        rows: The rows of a file of targets, where there is one, and which are for images.
    """

    whole: Iterable[Source]
    totals: Sequence[int]
    shard: Shard | None = None
    limit: int | None = None
    archives: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict)
    rows: RowMatcher | None = None

    @property
    def total(self) -> int:
        """How many images these are."""
        return self.totals[0 if self.shard is None else self.shard.number - 1]

    def __iter__(self) -> Iterator[Source]:
        if self.shard is None:
            yield from self.whole
            return
        yield from (source for source in self.whole if self.shard.owns(source.name))
