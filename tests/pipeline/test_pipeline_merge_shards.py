"""Merging is all or nothing, and can be repeated; and status and merge of odd outputs."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from igcli.errors import OutputError
from igcli.outputs import run_files
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.status import ranges, read_status
from igcli.pipeline.runs.merge_shards import merge
from support.runs import failed, ok

SUMMARY: dict[str, Any] = {"finished": True, "total": 2, "seconds": 1.25, "skipped": 1}


@pytest.fixture
def output(tmp_path: Path) -> LocalFolder:
    """An output with merged records, and two shards of three that have more."""
    folder = LocalFolder(os.fspath(tmp_path))
    write(folder, "", [ok("a", gradient_evaluations=5), failed("z", "was")], None)
    write(folder, "shards/1-of-3/", [ok("b"), ok("a", completeness_error=None)], SUMMARY)
    other = {**SUMMARY, "finished": False, "device": "GPU:0", "totals": [2, 2, 4]}
    write(folder, "shards/3-of-3/", [failed("c", "x"), ok("c")], other)
    return folder


def write(
    folder: LocalFolder, prefix: str, records: list[Any], summary: dict[str, Any] | None
) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in records)
    folder.write(f"{prefix}results.jsonl", lines.encode() + b'{"image": "torn')
    if summary is not None:
        folder.write(f"{prefix}summary.json", json.dumps({"device": "CPU:0", **summary}).encode())


def content(folder: LocalFolder) -> dict[str, bytes]:
    names = ("results.jsonl", "summary.json")
    return {name: Path(folder.path, name).read_bytes() for name in names if folder.has(name)}


def test_records_and_counts_are_joined(output: LocalFolder) -> None:
    summary, status = merge(output)
    lines = content(output)["results.jsonl"].splitlines()
    expected = [ok("a", completeness_error=None), ok("b"), ok("c"), failed("z", "was")]
    assert [json.loads(line) for line in lines] == expected
    assert (summary["done"], summary["failed"], summary["images"]) == (3, 1, 4)
    assert (summary["seconds"], summary["skipped"]) == (2.5, 2)
    assert summary["gradient_evaluations"] == 3 * 51
    errors = {"median": 0.013, "worst": 0.013, "undefined": 1}
    assert summary["completeness_error"] == errors
    assert summary["device"] == ["CPU:0", "GPU:0"]
    assert summary["finished"] is False
    assert summary["total"] == 2 + 2 + 2
    assert status.array == "2-3"
    assert not output.has("shards/1-of-3/results.jsonl")
    assert output.has("shards/1-of-3/summary.json")


@pytest.mark.parametrize("broken", ["write_parts", "write", "remove"])
def test_a_merge_that_is_stopped_is_repeated(
    output: LocalFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    before = content(output)

    method = getattr(LocalFolder, broken)

    def stop(folder: LocalFolder, name: str, *arguments: Any) -> Any:
        if "lock" not in name:
            raise OutputError("stopped")
        return method(folder, name, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, broken, stop)
        with pytest.raises(OutputError):
            merge(output)
    if broken == "write_parts":
        assert content(output) == before
    merge(output)
    once = content(output)
    merge(output)
    assert content(output) == once
    names = [json.loads(line)["image"] for line in once["results.jsonl"].splitlines()]
    assert names == ["a", "b", "c", "z"]


def test_expressions_of_arrays() -> None:
    assert ranges([]) == ""
    assert ranges([3, 5, 6]) == "3,5-6"
    assert ranges([1, 2, 3, 7, 9, 10]) == "1-3,7,9-10"


@pytest.mark.parametrize("summary", ["", "[]", "{", '{"total": "x", "totals": [1]}', "[" * 9999])
def test_summaries_that_say_nothing(output: LocalFolder, summary: str) -> None:
    for prefix in ("", "shards/1-of-3/", "shards/3-of-3/"):
        output.write(f"{prefix}{run_files.SUMMARY}", summary.encode())
    status = read_status(output)
    assert [shard.missing for shard in status.shards] == [None, None, None]
    assert [shard.state for shard in status.shards] == ["stopped", "not started", "stopped"]
    assert status.array == "1-3"
    assert not status.is_done
