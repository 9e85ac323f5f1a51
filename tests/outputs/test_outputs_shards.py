"""Shards: which image is whose, for good, and what lies where."""

import json
from pathlib import Path

import pytest

from igcli.errors import OutputError, UsageError
from igcli.outputs import run_files
from igcli.outputs.exclusive_access import clear_location, exclusive_access
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.lock import Lock
from igcli.outputs.shards import (
    RunLocation,
    Shard,
    running_shards,
    shard_number,
    started_shards,
    unmerged_shards,
)

# b2sum -l 64 of the name, modulo 7, plus one: other machines and later versions agree on them.
KNOWN = {"cats/a.jpg": 5, "": 1, "\udcff.png": 5}


def test_an_image_belongs_to_a_shard_for_good() -> None:
    assert {name: shard_number(name, 7) for name in KNOWN} == KNOWN
    assert shard_number("cats/a.jpg", 1) == 1
    assert shard_number("no file's \ud800", 7) in range(1, 8)


def test_shards_are_about_equal() -> None:
    numbers = [shard_number(f"{number:05}.jpg", 4) for number in range(40_000)]
    # Four standard deviations of the binomial distribution: 4 * sqrt(40,000 / 4 * 3 / 4).
    assert all(abs(numbers.count(number) - 10_000) < 350 for number in range(1, 5))


def test_shards_that_have_begun_hold_something(output: LocalFolder) -> None:
    for name in ("2-of-10/x", "10-of-10/x", "0-of-3/x", "01-of-3/x", "1-of-3x/x", "3-of-3/y/z"):
        output.write(f"shards/{name}", b"")
    Path(output.path, "shards", "1-of-10").mkdir()
    assert started_shards(output) == [Shard(2, 10), Shard(3, 3), Shard(10, 10)]
    output.write("shards/2-of-10/results.jsonl", b"")
    output.write("shards/3-of-3/records/w.jsonl", b'{"image": "a"}\n')
    assert unmerged_shards(output) == [Shard(3, 3)]


def test_running_shards_hold_their_locks(output: LocalFolder) -> None:
    first, second = (RunLocation(output, Shard(number, 2)) for number in (1, 2))
    with exclusive_access(first), Lock(LocalFolder(output.path), second.lock):
        assert running_shards(output) == [Shard(1, 2), Shard(2, 2)]
        with pytest.raises(OutputError, match=r"shards/2-of-2' is in use by process"):
            Lock(LocalFolder(output.path), second.lock).__enter__()
        with (
            pytest.raises(OutputError, match="in use by shard 1-of-2, 2-of-2"),
            exclusive_access(RunLocation(LocalFolder(output.path))),
        ):
            pass
        with (
            pytest.raises(UsageError, match="split into 2 shards, not 3"),
            exclusive_access(RunLocation(LocalFolder(output.path), Shard(1, 3))),
        ):
            pass
        assert running_shards(output) == [Shard(1, 2), Shard(2, 2)]
    assert started_shards(output) == []


def test_a_shard_sweeps_what_was_its_own(output: LocalFolder) -> None:
    run_files.write_config(output, "")
    for tag in ("dead", "alive"):
        for name in ("panels/a", "shards/1-of-2", "shards/1-of-2/records"):
            output.write(f"{name}/.igcli-{tag}-0.tmp", b"")
    output.write("shards/1-of-2/.igcli-lock", b'{"process": 1, "host": "x", "tag": "dead"}\n')
    with exclusive_access(RunLocation(output, Shard(1, 2))):
        left = {path.name for path in Path(output.path).rglob("*.tmp")}
    assert left == {".igcli-alive-0.tmp"}


def test_overwriting_clears_the_archives_of_a_shard_alone(output: LocalFolder) -> None:
    names = {shard_number(f"{number}.tar", 2): f"{number}.tar" for number in range(8)}
    records = [
        {"image": f"{tar}/a", "tar": tar, "panel": f"tars/{tar}/a"} for tar in names.values()
    ]
    output.write(
        "results.jsonl", b"".join(json.dumps(record).encode() + b"\n" for record in records)
    )
    for tar in names.values():
        output.write(f"tars/{tar}", b"")
    clear_location(RunLocation(output, Shard(1, 2)))
    assert output.names("tars") == [names[2]]
    assert output.has("results.jsonl")
