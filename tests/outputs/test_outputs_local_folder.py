import errno
import os
import threading
from pathlib import Path

import pytest

from igcli.errors import ImageError, OutputError, UsageError
from igcli.outputs.local_folder import LocalFolder
from support.limits import files_up_to
from support.results import files


def test_files_are_written_with_their_folders(output: LocalFolder) -> None:
    output.write("panels/cats/a.jpg", b"one")
    output.write("panels/cats/a.jpg", b"two")
    output.write("summary.json", b"")
    assert files(Path(output.path)) == {"panels/cats/a.jpg": b"two", "summary.json": b""}
    assert output.has("panels/cats/a.jpg")
    assert not output.has("panels/cats")
    assert not output.has("panels/dogs/a.jpg")
    with output.open_to_read("panels/cats/a.jpg") as file:
        assert file.read() == b"two"


def test_odd_names_are_written(output: LocalFolder) -> None:
    names = ["new\nline", "sp ace", "\udcff.jpg", "...", "~", "-rf", "x" * 255]
    for name in names:
        output.write(f"panels/{name}", b"x")
    assert {path.name for path in Path(output.path, "panels").iterdir()} == set(names)


def test_permissions_follow_the_umask(output: LocalFolder) -> None:
    before = os.umask(0o027)
    try:
        output.write("panels/a.jpg", b"x")
    finally:
        os.umask(before)
    assert Path(output.path, "panels/a.jpg").stat().st_mode & 0o777 == 0o640
    assert Path(output.path, "panels").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a/../../b", "a/..", ".", "", "a//b", "a/", "./a", "a\0b", "panels/../a"]
)
def test_no_name_leads_out(output: LocalFolder, name: str) -> None:
    with pytest.raises(OutputError, match="is not a name inside the output folder"):
        output.write(name, b"x")
    with pytest.raises(OutputError):
        output.has(name)
    assert files(Path(output.path).parent) == {}


def test_links_in_the_output_are_not_followed(output: LocalFolder, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "a.jpg").write_bytes(b"mine")
    Path(output.path, "panels").symlink_to(victim)
    with pytest.raises(OutputError, match=r"'panels/a\.jpg' cannot be written: "):
        output.write("panels/a.jpg", b"x")
    with pytest.raises(OutputError):
        output.has("panels/a.jpg")
    Path(output.path, "results.jsonl").symlink_to(victim / "a.jpg")
    with pytest.raises(OutputError):
        output.open_to_append("results.jsonl")
    with pytest.raises(OutputError):
        output.open_to_read("results.jsonl")
    output.write("results.jsonl", b"the link is replaced")
    assert files(victim) == {"a.jpg": b"mine"}
    assert not Path(output.path, "results.jsonl").is_symlink()


def test_the_output_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    folder = LocalFolder(os.fspath(tmp_path / "link"))
    folder.create()
    folder.write("panels/a.jpg", b"x")
    assert files(tmp_path / "real") == {"panels/a.jpg": b"x"}


def test_a_fifo_in_place_of_a_file_does_not_hang(output: LocalFolder) -> None:
    os.mkfifo(f"{output.path}/results.jsonl")
    with pytest.raises(OutputError, match="not a regular file"):
        output.open_to_append("results.jsonl")
    with pytest.raises(OutputError, match="not a regular file"):
        output.open_to_read("results.jsonl")


def test_what_only_the_name_is_to_blame_for_fails_one_image(output: LocalFolder) -> None:
    output.write("panels/a.jpg/b.jpg", b"x")
    for name in ("panels/a.jpg", "panels/" + "x" * 256):
        with pytest.raises(ImageError, match="cannot be written"):
            output.write(name, b"x")
    with pytest.raises(OutputError, match="Not a directory"):
        output.write("panels/a.jpg/b.jpg/c.jpg", b"x")
    assert files(Path(output.path)) == {"panels/a.jpg/b.jpg": b"x"}


def test_a_vanished_output_is_not_made_again(output: LocalFolder) -> None:
    Path(output.path).rmdir()
    with pytest.raises(OutputError, match="No such file or directory"):
        output.write("panels/a.jpg", b"x")
    assert not Path(output.path).exists()
    assert not output.has("panels/a.jpg")


def test_a_full_disk_leaves_nothing_behind(output: LocalFolder) -> None:
    output.write("panels/a.jpg", b"old")
    message = r"^output 'panels/a\.jpg' cannot be written: "
    with files_up_to(1000), pytest.raises(OutputError, match=message):
        output.write("panels/a.jpg", b"x" * 5000)
    assert files(Path(output.path)) == {"panels/a.jpg": b"old"}


def test_files_are_whole_at_any_time(output: LocalFolder) -> None:
    path = Path(output.path, "panels/a.jpg")
    whole = {bytes([number]) * 300_000 for number in range(50)}
    stop, seen = threading.Event(), set()

    def read_repeatedly() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    output.write("panels/a.jpg", bytes(300_000))
    watcher = threading.Thread(target=read_repeatedly)
    watcher.start()
    for data in whole:
        output.write("panels/a.jpg", data)
    stop.set()
    watcher.join()
    assert seen <= whole
    assert files(Path(output.path)).keys() == {"panels/a.jpg"}


def test_many_threads_write(output: LocalFolder) -> None:
    def write(worker: int) -> None:
        for number in range(20):
            output.write(f"panels/{number}/{worker}.jpg", bytes([worker]) * 100)

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = files(Path(output.path))
    assert len(written) == 160
    assert all(data == bytes([int(Path(name).stem)]) * 100 for name, data in written.items())


def test_check_touches_nothing(tmp_path: Path) -> None:
    LocalFolder(os.fspath(tmp_path / "a/b/c")).check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file", "file/below", "file/be/low", "dangling"])
def test_an_output_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nothing")
    folder = LocalFolder(f"{tmp_path}/{name}")
    for refuse in (folder.check, folder.create):
        with pytest.raises(UsageError, match=r"^output '.*' is not a folder$"):
            refuse()


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_a_path_that_names_no_folder_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="names no folder"):
        LocalFolder(path)


def test_what_cannot_be_created_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: File name too long"):
        LocalFolder(f"{tmp_path}/{'x' * 300}").create()


@pytest.mark.parametrize("mode", [0o500, 0o300, 0o600])
def test_permissions_are_checked_before_anything_is_done(ordinary_user: Path, mode: int) -> None:
    locked = ordinary_user / "locked"
    locked.mkdir(mode=mode)
    names = ["locked", "locked/out", "locked/deep/out"] if mode != 0o300 else ["locked"]
    for name in names:
        folder = LocalFolder(f"{ordinary_user}/{name}")
        for refuse in (folder.check, folder.create):
            with pytest.raises(UsageError, match=r"no permission to write to '.*/locked'$"):
                refuse()


def test_create_leaves_nothing_but_the_folder(tmp_path: Path) -> None:
    folder = LocalFolder(os.fspath(tmp_path / "a/b"))
    folder.create()
    folder.create()
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "b"]


def test_a_failing_rename_leaves_nothing(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OutputError, match="Input/output error"):
        output.write("panels/a.jpg", b"x")
    assert files(Path(output.path)) == {}


def test_a_folder_below_writes_into_its_own_place(tmp_path: Path) -> None:
    folder = LocalFolder(os.fspath(tmp_path))
    below = folder.subfolder("shards/3-of-7")
    assert below.names("records") == []
    below.write("records/a", b"1")
    assert (tmp_path / "shards/3-of-7/records/a").read_bytes() == b"1"
    assert folder.has("shards/3-of-7/records/a")
    assert below.names("records") == ["a"]
    with pytest.raises(OutputError):
        below.write("../../b", b"1")
