"""`igcli gallery --single`: the file, and what is refused."""

import os
from pathlib import Path

import pytest
from conftest import Cli

from support.runs import failed, ok, picture, write_file, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = write_run(tmp_path / "out", [ok("a"), failed("b", "no")])
    write_file(folder, "panels/a.jpg", picture(30))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {
        os.path.relpath(path, folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_path_of_the_file_is_all_that_is_said(cli: Cli, run: Path, tmp_path: Path) -> None:
    before = content(run)
    result = cli("gallery", "out", "--single", "to send.html")
    assert (result.code, result.err, result.lines) == (0, "", [str(tmp_path / "to send.html")])
    page = (tmp_path / "to send.html").read_bytes()
    assert page.startswith(b"<!doctype html>\n<!-- Written by igcli. -->\n")
    assert content(run) == before
    again = cli("gallery", "out", "--single", "to send.html")
    assert again.code == 0
    assert (tmp_path / "to send.html").read_bytes() == page


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_the_output_need_not_be_writable(cli: Cli, run: Path) -> None:
    run.chmod(0o555)
    result = cli("gallery", "out", "--single", "x.html")
    run.chmod(0o755)
    assert result.code == 0


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("out/panels/x.html", "is a file of the output itself"),
        ("out/gallery/x.html", "name a file in an existing folder"),
        ("out/index.html", "is a file of the output itself"),
        ("out/../out/./index.html", "is a file of the output itself"),
        ("linked/index.html", "is a file of the output itself"),
        ("out/results.jsonl", "was not written by igcli"),
        ("out/panels/a.jpg", "was not written by igcli"),
        ("mine.html", "was not written by igcli"),
        ("link.html", "was not written by igcli"),
        ("out", "was not written by igcli"),
        ("gone/x.html", "name a file in an existing folder"),
        ("mine.html/x.html", "name a file in an existing folder"),
        ("s3://bucket/x.html", "name a file in an existing folder"),
        ("out/", "name a file in an existing folder"),
        ("", "name a file in an existing folder"),
    ],
)
def test_where_no_page_may_be_written(
    cli: Cli, run: Path, tmp_path: Path, file: str, message: str
) -> None:
    (tmp_path / "mine.html").write_text("mine")
    (tmp_path / "link.html").symlink_to(tmp_path / "mine.html")
    (tmp_path / "linked").symlink_to(run)
    before = content(tmp_path)
    result = cli("gallery", "out", "--single", file)
    assert (result.code, result.out) == (2, b"")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", ["gone", "empty", "file", ""])
def test_what_is_no_run_is_refused(cli: Cli, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    result = cli("gallery", name, "--single", "x.html")
    assert (result.code, result.out) == (2, b"")
    assert result.err.count("\n") == 1
    assert not (tmp_path / "x.html").exists()


def test_many_images_need_a_limit(cli: Cli, tmp_path: Path) -> None:
    write_run(tmp_path / "out", [failed(f"{n}", "no") for n in range(1201)])
    result = cli("gallery", "out", "--single", "x.html")
    assert result.code == 2
    assert result.err == (
        "igcli: --single: 1,201 images are too many for one file; --limit 200 shows the first "
        "ones\n"
    )
    assert cli("gallery", "out", "--single", "x.html", "--limit", "201").code == 2
    assert cli("gallery", "out", "--single", "x.html", "--limit", "0").code == 2
    assert not (tmp_path / "x.html").exists()
    assert cli("gallery", "out", "--single", "x.html", "--limit", "200").code == 0
    page = (tmp_path / "x.html").read_text()
    assert "This page shows the first 200 images; the figures above cover all 1,201" in page


def test_a_limit_above_the_images_is_none(cli: Cli, run: Path) -> None:
    assert cli("gallery", run, "--single", "x.html", "--limit", "5000").code == 0


def test_options_that_exclude_each_other(cli: Cli, run: Path) -> None:
    result = cli("gallery", run, "--serve", "--single", "x.html")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "exclude each other" in result.err
    result = cli("gallery", run, "--limit", "3")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "--limit is for --single" in result.err


def test_a_run_in_progress(cli: Cli, run: Path, tmp_path: Path) -> None:
    (run / "summary.json").unlink()
    with (run / "results.jsonl").open("ab") as file:
        file.write(b'{"image": "c", "sta')
    assert cli("gallery", run, "--single", "x.html").code == 0
    assert "is incomplete" in (tmp_path / "x.html").read_text()
