import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Cli

from support.runs import failed, ok, write_run


def test_the_path_of_the_page_is_all_that_is_said(cli: Cli, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "out put", [ok("a"), failed("b", "no")])
    result = cli("gallery", "out put")
    assert (result.code, result.err) == (0, "")
    assert result.lines == [str(folder / "index.html")]
    assert (folder / "index.html").read_text().startswith("<!doctype html>\n")
    first = (folder / "index.html").read_bytes()
    assert cli("gallery", folder).code == 0
    assert (folder / "index.html").read_bytes() == first
    assert [path.name for path in folder.glob(".igcli-*")] == []


def test_a_folder_whose_name_is_not_utf_8(command: Cli, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/out\xff"
    write_run(Path(os.fsdecode(folder)), [ok("a")])
    result = command("gallery", os.fsdecode(folder))
    assert (result.code, result.out) == (0, folder + b"/index.html\n")


def test_a_run_that_is_not_finished_is_shown(cli: Cli, tmp_path: Path) -> None:
    write_run(tmp_path / "out", [ok("a")], tail=b'{"image": "b", "st')
    assert cli("gallery", "out").code == 0
    assert "is broken off" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.parametrize("name", ["gone", "empty", "file", ""])
def test_what_is_no_run_is_refused(cli: Cli, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    result = cli("gallery", name)
    assert (result.code, result.out) == (2, b"")
    assert result.err.count("\n") == 1


def test_a_page_of_others_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "out", [ok("a")])
    (folder / "index.html").write_text("mine")
    result = cli("gallery", folder)
    assert result.code == 2
    assert "was not written by igcli" in result.err
    assert (folder / "index.html").read_text() == "mine"


@pytest.mark.parametrize("name", ["gallery", "compare"])
def test_neither_command_needs_tensorflow(tmp_path: Path, name: str) -> None:
    folder = write_run(tmp_path / "out", [ok("a")])
    runs = [str(folder)] * (2 if name == "compare" else 1)
    script = (
        "import sys; from igcli.cli import main\n"
        f"sys.argv = ['igcli', '{name}', *{runs!r}]\n"
        "main(); print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.split()[-1] == b"False"
