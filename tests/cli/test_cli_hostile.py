"""Folders that nobody looked at: damaged and hostile files, from the walk to the records."""

import json
import os
import random
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Result

from igcli.errors import ImageError
from igcli.images.decode import decode
from igcli.images.options import Limits
from support.damage import BOMBS, mutated, seeds
from support.results import records

Again = Callable[..., Result]
MUTATIONS = 1000
LIMITS = ("--max-pixels", "1000000")


@pytest.fixture
def run(cli: Cli, tiny_model: Path) -> Again:
    return lambda *options: cli(
        "attribute", "images", "--model", tiny_model, "--steps", "2", *options
    )


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


def is_decodable(data: bytes) -> bool:
    try:
        decode(data, Limits(max_pixels=1_000_000))
    except ImageError:
        return False
    return True


def test_mutated_files_beside_good_ones(run: Again, images: Path, tmp_path: Path) -> None:
    rng = random.Random(20170302)
    files = seeds()
    good = {f"good{number}.jpg": data for number, data in enumerate(files)}
    for name, data in good.items():
        (images / name).write_bytes(data)
    assert run("--output", "clean", *LIMITS).code == 0
    clean = {name: (tmp_path / "clean" / "panels" / name).read_bytes() for name in good}

    bad = {f"m{n:04}.jpg": mutated(files[n % len(files)], rng) for n in range(MUTATIONS)}
    for name, data in bad.items():
        (images / name).write_bytes(data)
    start = time.monotonic()
    result = run("--output", "all", *LIMITS)
    seconds = time.monotonic() - start
    results = records(tmp_path / "all")
    undecodable = {name for name, data in bad.items() if not is_decodable(data)}
    failed = {name for name, record in results.items() if record["status"] == "failed"}
    assert result.code == 3
    assert "Traceback" not in result.err
    assert results.keys() == good.keys() | bad.keys()
    assert failed == undecodable
    for name, panel in clean.items():
        assert (tmp_path / "all" / "panels" / name).read_bytes() == panel
    print(f"{MUTATIONS} mutations in {seconds:.0f} s, {len(failed)} failed records")  # noqa: T201


def test_bombs_are_failed_records_at_once(run: Again, images: Path, tmp_path: Path) -> None:
    for name, data in BOMBS.items():
        (images / f"{name}.png").write_bytes(data)
    with (images / "bytes.jpg").open("wb") as file:
        file.write(b"\xff\xd8\xff")
        file.truncate(1 << 40)
    result = run()
    assert result.code == 3
    results = records(tmp_path / "igcli-output")
    assert len(results) == len(BOMBS) + 1
    assert all(record["error"].startswith("too large: ") for record in results.values())


def test_special_files_are_skipped_with_a_warning(
    run: Again, images: Path, tmp_path: Path, cli: Cli, tiny_model: Path
) -> None:
    (images / "a.png").write_bytes(seeds()[3])
    os.mkfifo(images / "fifo.jpg")
    (images / "null.jpg").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"{images}/socket.jpg")
        result = run()
    assert result.code == 0
    said = [line for line in result.err.splitlines() if "not a regular file" in line]
    assert sorted(said) == [
        f"igcli: skipped 'images/{name}.jpg': not a regular file"
        for name in ("fifo", "null", "socket")
    ]
    assert list(records(tmp_path / "igcli-output")) == ["a.png"]
    assert cli("attribute", "/dev/zero", "--model", tiny_model, "--output", "no").code == 4


def test_links_are_followed_where_asked_and_their_loops_end(
    run: Again, images: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.png").write_bytes(seeds()[4])
    (elsewhere / "back").symlink_to(images)
    (images / "a.png").write_bytes(seeds()[3])
    (images / "more").symlink_to(elsewhere)
    (images / "self").symlink_to(".")
    assert run("--output", "one").code == 0
    assert sorted(records(tmp_path / "one")) == ["a.png"]
    assert run("--output", "two", "--follow-symlinks").code == 0
    assert sorted(records(tmp_path / "two")) == ["a.png", "more/b.png"]


def test_a_folder_that_cannot_be_read_is_code_3(
    run: Again, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (images / "a.png").write_bytes(seeds()[3])
    (images / "locked").mkdir()
    real = os.scandir

    def scandir(path: Any) -> Any:
        if os.fsdecode(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = run()
    assert (result.code, "the folder cannot be read" in result.err) == (3, True)


def test_hostile_names_steer_no_terminal_and_stay_in_the_output(
    run: Again, images: Path, tmp_path: Path
) -> None:
    names = [b"\x1b]0;owned\x07.png", b"new\nline.png", b"\xff\xfe.png", b"..png", b"-rf.png",
             b"~.png", b"$(id).png", b"'\".png", "‮gnp.png".encode()]  # fmt: skip
    for name in names:
        Path(os.fsdecode(os.fsencode(images) + b"/" + name)).write_bytes(b"no image")
    before = {path for path in tmp_path.rglob("*") if "images" in path.parts}
    result = run("--json")
    assert result.code == 3
    assert not {"\x1b", "\x07", "‮"} & set(result.err)
    lines = [json.loads(line) for line in result.lines][:-1]
    shown = [name for name in names if not name.startswith(b".")]  # Hidden by their dot or not.
    assert {os.fsencode(line["image"]) for line in lines} >= set(shown)
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert all(tmp_path / "igcli-output" in path.parents for path in written)


def test_detail_says_where_an_unforeseen_error_arose(
    run: Again, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (images / "a.png").write_bytes(seeds()[3])
    (images / "b.png").write_bytes(seeds()[4])
    detail = run("-v", "--output", "good").err
    assert re.search(r"images/a\.png: [0-9.]+ s\b", detail)  # However slow the machine is.

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("odd\nthing")

    monkeypatch.setattr("igcli.pipeline.image.job.decode_fitted", broken)
    plain, detailed = run("--output", "one"), run("--output", "two", "-v", "--log-file", "log")
    for result in (plain, detailed):
        assert result.code == 3
        assert result.err.count("igcli: images/a.png: odd\\nthing\n") == 1
    assert "Traceback" not in plain.err
    assert "ZeroDivisionError: odd" in detailed.err
    assert "ZeroDivisionError: odd" in (tmp_path / "log").read_text()
