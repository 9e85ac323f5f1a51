"""Shards: a run split over several processes by the names of its images."""

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cached_property

from igcli.outputs import journal, lock
from igcli.outputs.folder import OutputFolder
from igcli.records import Record

FOLDER = "shards"
MAX_SHARDS = 100_000
"""Limit on the shards of a run: each of them keeps a count for every one."""

_NAME = re.compile(r"([1-9][0-9]{0,5})-of-([1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """One of the parts that a run is split into.

    Attributes:
        number: Its number, from 1 on.
        count: Number of all shards.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"

    @property
    def folder(self) -> str:
        """The folder of its records, summary and lock in the output."""
        return f"{FOLDER}/{self}"

    @property
    def lock(self) -> str:
        """The name of its lock in the output."""
        return f"{self.folder}/{lock.NAME}"

    def owns(self, name: str) -> bool:
        """Return whether the image `name` belongs to this shard."""
        return shard_number(name, self.count) == self.number


def shard_number(name: str, count: int) -> int:
    """Return which of `count` shards an image belongs to, from 1 on.

    It depends on nothing but the bytes of the image's name, so adding images moves no other.
    """
    if count == 1:
        return 1
    try:
        data = os.fsencode(name)
    except UnicodeEncodeError:  # not the name of a file, but records may hold anything
        data = name.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(data, digest_size=8).digest()
    return int.from_bytes(digest, "big") % count + 1


def sharding_name(record: Record) -> str:
    """Return the name that decides which shard a record belongs to: its archive's if it has one."""
    tar = record.get("tar")
    return tar if tar and isinstance(tar, str) else record["image"]


@dataclass(frozen=True)
class RunLocation:
    """Where a run writes.

    Attributes:
        folder: The output: files and configuration.
        shard: The part of a run that it is, if the run is split.
    """

    folder: OutputFolder
    shard: Shard | None = None

    @cached_property
    def records(self) -> OutputFolder:
        """The folder of records and summary: the output, or the shard's folder in it."""
        return self.folder if self.shard is None else self.folder.subfolder(self.shard.folder)

    @property
    def lock(self) -> str:
        """The name of the run's lock in the output."""
        return lock.NAME if self.shard is None else self.shard.lock


def started_shards(folder: OutputFolder) -> list[Shard]:
    """Return the shards that have started in an output, sorted.

    Raises:
        OutputError: It cannot be read.
    """
    names = map(_NAME.fullmatch, folder.names(FOLDER))
    shards = sorted(Shard(int(name[1]), int(name[2])) for name in names if name)
    # A run that ended before it did anything may leave an empty folder.
    return [shard for shard in shards if folder.names(shard.folder)]


def running_shards(folder: OutputFolder) -> list[Shard]:
    """Return the shards that are running now; errors as in `started_shards`."""
    return [shard for shard in started_shards(folder) if lock.is_held(folder, shard.lock)]


def unmerged_shards(folder: OutputFolder) -> list[Shard]:
    """Return the shards whose records have not been merged into those of the output yet.

    Raises:
        OutputError: They cannot be read.
    """
    return [
        shard
        for shard in started_shards(folder)
        if any(journal.lines(folder.subfolder(shard.folder)))
    ]
