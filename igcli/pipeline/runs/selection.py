"""The images of a run: all that the user named, or those of one shard."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from igcli.outputs.shards import Shard
from igcli.pipeline.explain.target_file import RowMatcher
from igcli.records import Source


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The images of a run; can be iterated over several times.

    Attributes:
        whole: All images that the user named.
        totals: Number of images of each shard; one number if the run is not split.
        shard: The shard whose images these are; None for all.
        limit: Maximum number of images in `whole`; None for no limit.
        archives: Whether the sources are tar archives, each with any number of images.
        left_out: Number of other files found beside the images, by kind: {".docx": 1}.
        rows: The rows of a file of targets, and which of them match an image.
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
        """Number of images, or of archives."""
        return self.totals[0 if self.shard is None else self.shard.number - 1]

    def __iter__(self) -> Iterator[Source]:
        if self.shard is None:
            yield from self.whole
            return
        yield from (source for source in self.whole if self.shard.owns(source.name))
