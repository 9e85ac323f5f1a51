import os
from pathlib import Path
from typing import IO

import pytest

from igcli.errors import OutputError
from igcli.outputs import result_files
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.result_files import ResultFiles
from igcli.outputs.tar import END, encode_group
from support.runs import ok, write_file


def archive(**members: bytes) -> bytes:
    return encode_group(members, "a.jpg", ok("x.tar/a.jpg")) + END


def folder(path: Path) -> LocalFolder:
    return LocalFolder(os.fspath(path))


def test_files_and_members_are_read_by_their_names(tmp_path: Path) -> None:
    write_file(tmp_path, "panels/x.tar/a.jpg", b"file")
    write_file(tmp_path, "tars/sub.tar/x.tar", archive(**{"cats/a.panel.jpg": b"member"}))
    with ResultFiles(folder(tmp_path)) as files:
        assert files.read("panels/x.tar/a.jpg") == b"file"
        assert files.read("tars/sub.tar/x.tar/cats/a.panel.jpg") == b"member"
        assert files.read("tars/sub.tar/x.tar").endswith(END)


@pytest.mark.parametrize(
    "name",
    ["tars/x.tar/b", "tars/y.tar/a", "tars/x.tar/", "panels/b", "../a", "/a", "tars/../x.tar/a"],
)
def test_what_is_missing_is_one_line(tmp_path: Path, name: str) -> None:
    write_file(tmp_path / "out", "tars/x.tar", archive(a=b"member"))
    write_file(tmp_path, "a", b"outside")
    with (
        ResultFiles(folder(tmp_path / "out")) as files,
        pytest.raises(OutputError, match=r"cannot be read|not a name"),
    ):
        files.read(name)


def test_an_archive_may_be_replaced(tmp_path: Path) -> None:
    output = folder(tmp_path)
    output.write("tars/x.tar", archive(a=b"old"))
    with ResultFiles(output) as files:
        assert files.read("tars/x.tar/a") == b"old"
        output.write("tars/x.tar", archive(a=b"new", b=b"more"))
        assert files.read("tars/x.tar/b") == b"more"
        assert files.read("tars/x.tar/a") == b"new"


def test_few_archives_are_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_files, "MAX_OPEN", 2)
    for n in range(4):
        write_file(tmp_path, f"tars/{n}.tar", archive(a=b"%d" % n))
    opened = []
    open_local = LocalFolder.open_local

    def noted(self: LocalFolder, name: str) -> IO[bytes]:
        opened.append(open_local(self, name))
        return opened[-1]

    monkeypatch.setattr(LocalFolder, "open_local", noted)
    with ResultFiles(folder(tmp_path)) as files:
        for n in (0, 1, 2, 3, 0, 2):
            assert files.read(f"tars/{n}.tar/a") == b"%d" % n
            assert sum(not file.closed for file in opened) <= 2
    assert len(opened) == 6
    assert all(file.closed for file in opened)
