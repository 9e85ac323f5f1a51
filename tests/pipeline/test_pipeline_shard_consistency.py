"""What shards agree on: whoever comes first decides, and the others follow or are refused."""

import json
import os
from pathlib import Path

import pytest

from igcli.config.load import load_settings
from igcli.errors import UsageError
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.shards import RunLocation, Shard
from igcli.pipeline.resume.earlier import EarlierResults
from igcli.pipeline.resume.shard_consistency import agree_with_shards, agreed_batch_size


def location(path: Path, number: int | None, count: int = 3) -> RunLocation:
    shard = None if number is None else Shard(number, count)
    return RunLocation(LocalFolder(os.fspath(path)), shard)


def earlier(**settings: object) -> EarlierResults:
    return EarlierResults(load_settings(None, settings).settings)


def test_the_first_writes_and_the_others_compare(tmp_path: Path) -> None:
    assert agree_with_shards(location(tmp_path, 1), earlier(), "net")
    written = (tmp_path / "config.yaml").read_bytes()
    assert not agree_with_shards(
        location(tmp_path, 2), earlier(gif=True), "net"
    )  # left to a closer look
    assert (tmp_path / "config.yaml").read_bytes() == written
    for number, count, settings, network, reason in (
        (2, 3, {"seed": 1}, "net", "another configuration"),
        (2, 3, {}, "other", "another network"),
        (2, 4, {}, "net", "another number of shards"),
    ):
        with pytest.raises(UsageError, match=reason):
            agree_with_shards(location(tmp_path, number, count), earlier(**settings), network)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_what_cannot_be_read_agrees_with_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "run.json").write_text(text)
    with pytest.raises(UsageError, match="number of shards and another network"):
        agree_with_shards(location(tmp_path, 1), earlier(), "net")


def test_a_run_that_is_not_split_agrees_with_itself(tmp_path: Path) -> None:
    assert agree_with_shards(location(tmp_path, None), earlier(), "net")
    assert list(tmp_path.iterdir()) == []


def test_shards_on_a_kind_of_device_share_a_batch_size(tmp_path: Path) -> None:
    taken = [
        agreed_batch_size(location(tmp_path, number), size, device)
        for number, size, device in (
            (1, 25, "CPU:0"),
            (2, 10, "CPU:0"),
            (3, 64, "GPU:0"),
            (1, 32, "GPU:1"),
            (None, 50, "CPU:0"),
        )
    ]
    assert taken == [25, 25, 64, 64, 50]
    assert json.loads((tmp_path / "shards" / "batch-size-cpu.json").read_text()) == 25
