"""Shards: a run split over several processes by the names of its images."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from igcli.outputs import journal, lock
from igcli.outputs.folder import OutputFolder

FOLDER = "shards"
MOST = 100_000
"""Shards of a run at most: each keeps a count for every one."""

_NAME = re.compile(r"([1-9][0-9]{0,5})-of-([1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """One of the parts that a run is split into.

    Attributes:
        number: Which, from 1 on.
        count: How many there are.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"

    @property
    def folder(self) -> str:
        """Where its records, summary and lock lie in the output."""
        return f"{FOLDER}/{self}"

    @property
    def lock(self) -> str:
        """The name of its lock in the output."""
        return f"{self.folder}/{lock.NAME}"

    def owns(self, name: str) -> bool:
        """Tell whether the image `name` is one of this shard's."""
        return number_of(name, self.count) == self.number


def number_of(name: str, count: int) -> int:
    """Return which of `count` shards an image belongs to, from 1 on.

    It depends on the bytes of the image's name alone, so that adding images moves none.
    """
    if count == 1:
        return 1
    try:
        data = os.fsencode(name)
    except UnicodeEncodeError:  # no file has such a name, but records may be anybody's
        data = name.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(data, digest_size=8).digest()
    return int.from_bytes(digest, "big") % count + 1


def deciding_name(record: Mapping[str, Any]) -> str | None:
    """Return the name that decides the shard of a record: its archive's, if it has one."""
    name = record.get("tar") or record.get("image")
    return name if isinstance(name, str) else None


@dataclass(frozen=True)
class RunLocation:
    """Where a run writes.

    Attributes:
        folder: The output: files and configuration.
        shard: Which part of a run it is, if it is one.
    """

    folder: OutputFolder
    shard: Shard | None = None

    @cached_property
    def records(self) -> OutputFolder:
        """Where records and summary go: the output, or the shard's folder in it."""
        return self.folder if self.shard is None else self.folder.below(self.shard.folder)

    @property
    def lock(self) -> str:
        """The name of the run's lock in the output."""
        return lock.NAME if self.shard is None else self.shard.lock


def begun(folder: OutputFolder) -> list[Shard]:
    """Return the shards that have begun in an output, in their order.

    Raises:
        OutputError: It cannot be read.
    """
    names = map(_NAME.fullmatch, folder.names(FOLDER))
    found = sorted(Shard(int(name[1]), int(name[2])) for name in names if name)
    # A run that ended before it did anything may leave an empty folder.
    return [shard for shard in found if folder.names(shard.folder)]


def running(folder: OutputFolder) -> list[Shard]:
    """Return the shards that run at this moment; errors as in `begun`."""
    return [shard for shard in begun(folder) if lock.is_held(folder, shard.lock)]


def unmerged(folder: OutputFolder) -> list[Shard]:
    """Return the shards with records that are not among those of the output yet.

    Raises:
        OutputError: They cannot be read.
    """
    return [shard for shard in begun(folder) if any(journal.lines(folder.below(shard.folder)))]
