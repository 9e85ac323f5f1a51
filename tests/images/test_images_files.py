import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from igcli.errors import ImageError, UsageError
from igcli.images.argument_kind import refuse_missing
from igcli.images.files import read_file


def test_all_bytes_are_returned(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a\nb\xff.jpg")
    path.write_bytes(bytes(range(256)) * 1000)
    assert read_file(str(path), max_bytes=256_000) == path.read_bytes()


def test_files_beyond_the_limit_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: nothing could read it into memory
    with pytest.raises(ImageError, match=r"^too large: 1,099,511,627,776 bytes, the limit is 100$"):
        read_file(str(path), max_bytes=100)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "cannot be read: No such file or directory"),
        ("empty", "empty file"),
        ("folder", "a folder, not a file"),
        ("fifo", "not a regular file"),
        ("socket", "not a regular file"),
        ("dangling", "cannot be read: No such file or directory"),
        ("loop", "cannot be read: Too many levels of symbolic links"),
        ("empty/below", "cannot be read: Not a directory"),
        ("x" * 300, "cannot be read: File name too long"),
        ("a\0b", "cannot be read: "),
    ],
)
def test_what_is_no_readable_file(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(ImageError) as caught:
            read_file(f"{tmp_path}/{name}", max_bytes=100)
    assert str(caught.value).startswith(reason)


def test_a_device_is_not_opened() -> None:
    with pytest.raises(ImageError, match="not a regular file"):
        read_file("/dev/zero", max_bytes=100)


def test_permissions(ordinary_user: Path) -> None:
    path = ordinary_user / "a.jpg"
    path.touch()
    path.chmod(0)
    with pytest.raises(ImageError, match=r"^cannot be read: Permission denied$"):
        read_file(str(path), max_bytes=100)


def test_a_file_that_turns_into_a_fifo_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    before = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(os, "stat", lambda _: before)
    result: list[str] = []

    def read() -> None:
        try:
            read_file(str(path), max_bytes=100)
        except ImageError as error:
            result.append(str(error))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(5)
    assert result == ["not a regular file"]


def test_a_file_that_grows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 10)
    before = path.stat()
    path.write_bytes(b"x" * 20)
    monkeypatch.setattr(os, "fstat", lambda _: before)
    with pytest.raises(ImageError, match="grew while it was read"):
        read_file(str(path), max_bytes=100)


def test_a_path_of_windows_is_named_as_such(tree: Callable[..., Path]) -> None:
    tree("photos/a.jpg", r"odd\b.jpg")
    with pytest.raises(ImageError, match="No such file or directory: the path has backslashes"):
        read_file(r"photos\a.jpg", max_bytes=9)
    with pytest.raises(UsageError, match="No such file or directory: the path has backslashes"):
        refuse_missing(r"C:\photos\a.jpg")
    with pytest.raises(ImageError, match="empty file"):
        read_file(r"odd\b.jpg", max_bytes=9)
