import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Cli

from igcli.config.schema import Settings
from igcli.pipeline.resume.fingerprint import config_sha256
from support.image_files import write_image
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
    assert "is incomplete" in (tmp_path / "out" / "index.html").read_text()


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


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number in range(2):
        write_image(tmp_path / "images" / f"{number}.jpg", number)
    (tmp_path / "images" / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    return tmp_path / "images"


@pytest.mark.parametrize(("name", "pictures"), [("attribute", "panels"), ("gif", "gifs")])
def test_a_run_can_end_in_its_page(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path, name: str, pictures: str
) -> None:
    arguments = (name, images, "--model", tiny_model, "--steps", "2")
    result = cli(*arguments, "--gallery")
    output = tmp_path / "igcli-output"
    assert result.code == 3, result.err
    assert result.lines[-1] == str(output / "index.html")
    assert len(result.lines) == 3
    html = (output / "index.html").read_text()
    kind = {"panels": "panel", "gifs": "animation"}[pictures]
    assert f'["0.{kind}","{pictures}/"' in html
    assert "Gradients a second" in html  # The summary was there before the page.
    (output / "index.html").unlink()
    assert cli("gallery", output).code == 0
    assert (output / "index.html").read_text() == html


def test_the_page_is_no_changed_setting(images: Path, tiny_model: Path) -> None:
    settings = Settings.model_validate({"model": {"source": os.fspath(tiny_model)}})
    with_page = settings.model_copy(update={"gallery": True})
    assert config_sha256(with_page) == config_sha256(settings)


def test_a_page_of_others_stops_a_run_before_it_starts(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    arguments = ("attribute", images, "--model", tiny_model, "--steps", "2")
    assert cli(*arguments).code == 3
    output = tmp_path / "igcli-output"
    (output / "index.html").write_text("mine")
    before = (output / "results.jsonl").read_bytes()
    refused = cli(*arguments, "--gallery", "--on-existing", "overwrite")
    assert refused.code == 2
    assert "was not written by igcli" in refused.err
    assert (output / "results.jsonl").read_bytes() == before
    assert cli(*arguments, "--on-existing", "overwrite").code == 3
    assert (output / "index.html").read_text() == "mine"


def test_records_are_followed_by_the_summary_and_no_path(
    cli: Cli, images: Path, tiny_model: Path
) -> None:
    result = cli("attribute", images, "--model", tiny_model, "--steps", "2", "--gallery", "--json")
    assert "device" in json.loads(result.lines[-1])
    assert len(result.lines) == 4
