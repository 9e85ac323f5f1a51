import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from igcli.errors import OutputError, UsageError
from igcli.outputs.cleanup import sweep
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.lock import NAME, Lock

HOLD = """
import sys, time
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.lock import Lock
folder = LocalFolder(sys.argv[1])
folder.create()
with Lock(folder):
    print(folder.tag, flush=True)
    time.sleep(60)
"""


def output(path: Path) -> LocalFolder:
    folder = LocalFolder(os.fspath(path))
    folder.create()
    return folder


@contextmanager
def holder(path: Path) -> Iterator[tuple[int, str]]:
    """Hold the lock in a process that is killed at the end; yield its number and tag."""
    command = [sys.executable, "-c", HOLD, os.fspath(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_second_run_is_told_who_holds_the_output(tmp_path: Path) -> None:
    with holder(tmp_path) as (number, _):
        start = time.monotonic()
        with pytest.raises(OutputError) as caught, Lock(output(tmp_path)):
            pass
        assert time.monotonic() - start < 1
    assert f"is in use by process {number} on {os.uname().nodename}" in str(caught.value)
    assert caught.value.exit_code == 1


def test_the_lock_dies_with_its_process_and_its_leftovers_go(tmp_path: Path) -> None:
    for _ in range(3):
        with holder(tmp_path) as (_, tag):
            pass
        (tmp_path / "panels" / "cats").mkdir(parents=True, exist_ok=True)
        (tmp_path / "panels" / "cats" / f".igcli-{tag}-7.tmp").write_text("half")
        (tmp_path / f".igcli-{tag}-0.tmp").write_text("half")
    (tmp_path / "panels" / ".igcli-0123456789abcdef-1.tmp").write_text("somebody else's")
    (tmp_path / "panels" / "a.jpg").write_text("whole")
    (tmp_path / "gifs").symlink_to(tmp_path / "panels")
    os.mkfifo(tmp_path / "arrays")
    folder = output(tmp_path)
    with Lock(folder):
        lines = (tmp_path / NAME).read_text().splitlines()
        assert [json.loads(line)["tag"] for line in lines] == [folder.tag]
    assert {path.name for path in tmp_path.rglob("*")} == {
        "panels", "cats", "gifs", "arrays", "a.jpg", ".igcli-0123456789abcdef-1.tmp"
    }  # fmt: skip


def test_what_one_sweep_did_not_finish_the_next_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holder(tmp_path) as (_, tag):
        pass
    leftover = tmp_path / f".igcli-{tag}-0.tmp"
    leftover.write_text("half")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("igcli.outputs.lock.sweep", killed)
        with pytest.raises(KeyboardInterrupt):
            Lock(output(tmp_path)).__enter__()
    with Lock(output(tmp_path)):
        assert not leftover.exists()


@pytest.mark.parametrize("text", ["", "{", "null\n[]\n7\n", '{"tag": 5}', "\0\xff"])
def test_an_unreadable_lock_of_a_dead_run_is_no_obstacle(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with Lock(output(tmp_path)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_two_locks_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    with Lock(output(tmp_path)):
        with pytest.raises(OutputError, match="in use by process"), Lock(output(tmp_path)):
            pass
        with Lock(output(tmp_path), ".igcli-lock-other"):
            pass
    with Lock(output(tmp_path)):
        pass


def test_a_lock_that_a_link_or_fifo_stands_for_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / NAME).symlink_to(victim)
    (tmp_path / "two").mkdir()
    os.mkfifo(tmp_path / "two" / NAME)
    for name in ("one", "two"):
        with pytest.raises(UsageError, match="cannot be written"), Lock(output(tmp_path / name)):
            pass
    assert victim.read_text() == "mine"


def test_a_folder_made_for_nothing_is_removed(tmp_path: Path) -> None:
    with Lock(output(tmp_path / "new" / "deep")):
        pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "old").mkdir()
    with Lock(output(tmp_path / "old")):
        pass
    folder = output(tmp_path / "used" / "deep")
    with Lock(folder):
        folder.write("panels/a.jpg", b"x")
    assert {path.name for path in tmp_path.rglob("*")} == {"old", "used", "deep", "panels", "a.jpg"}


def test_an_output_that_vanishes_is_no_error_at_the_end(tmp_path: Path) -> None:
    with Lock(output(tmp_path / "out")):
        (tmp_path / "out").rename(tmp_path / "moved")
    assert (tmp_path / "moved" / NAME).exists()


def test_sweeping_for_no_tags_removes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".igcli-0123456789abcdef-1.tmp").touch()
    sweep(output(tmp_path), [])
    assert len(list(tmp_path.iterdir())) == 1


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        output(tmp_path).write("a.jpg", b"x")
    assert list(tmp_path.iterdir()) == []
