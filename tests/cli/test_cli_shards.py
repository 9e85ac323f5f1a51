"""Runs split into shards: together they are the single run, whatever happens to one of them."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli, Result
from PIL import Image

from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.lock import Lock
from igcli.pipeline.runs import local
from support.results import TREES, files, summary, timeless

COUNT = 100
HOSTILE = ["späce ü.png", "new\nline.png", "-0.png", "bad\udcff.png", "a.jpg.png", "b.jpg"]
OPTIONS = ("--steps", "4", "--batch-size", "16", "--gif", "--arrays", "-q")
Attribute = Callable[..., Result]


def make_images(folder: Path, count: int, names: list[str] = HOSTILE) -> Path:
    """Small images in folders, some of hostile names, one in twenty broken."""
    rng = np.random.default_rng(3)
    every = [*names, *(f"{number % 5}/{number:03}.png" for number in range(count - len(names)))]
    for number, name in enumerate(every):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (18, 20, 3), np.uint8)).save(path, "PNG")
        if number % 20 == 11:
            path.write_bytes(path.read_bytes()[:300])
    return folder


def shard_of(name: str, count: int) -> int:
    """Which shard an image is promised to belong to, for good: other machines agree on it."""
    digest = hashlib.blake2b(os.fsencode(name), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count + 1


def names_in(images: Path) -> list[str]:
    return [os.fspath(p.relative_to(images)) for p in images.rglob("*") if p.is_file()]


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_images(tmp_path_factory.mktemp("many") / "in", COUNT)


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_images(tmp_path_factory.mktemp("few") / "in", 30)


@pytest.fixture
def attribute(cli: Cli, tiny_model: Path, tmp_path: Path) -> Attribute:
    def attributed(images: Path, output: str, *options: object) -> Result:
        fixed = ("--model", tiny_model, "--output", tmp_path / output, *OPTIONS)
        return cli("attribute", images, *fixed, *map(str, options))

    return attributed


@pytest.fixture
def whole(attribute: Attribute, few: Path, tmp_path: Path) -> Path:
    assert attribute(few, "whole").code == 3
    return tmp_path / "whole"


def test_split_runs_are_the_single_run(
    attribute: Attribute, cli: Cli, many: Path, tmp_path: Path
) -> None:
    assert attribute(many, "whole").code == 3
    expected, whole = files(tmp_path / "whole", TREES), timeless(tmp_path / "whole")
    assert len(whole) == COUNT
    assert len(expected) == 3 * (COUNT - COUNT // 20)
    for count in (1, 2, 3, 7):
        output = tmp_path / f"split-{count}"
        for number in range(count, 0, -1):
            assert attribute(many, output.name, "--shard", f"{number}/{count}").code in (0, 3)
        own = {
            number: set(timeless(output / "shards" / f"{number}-of-{count}"))
            for number in range(1, count + 1)
        }
        names = names_in(many)
        assert own == {n: {x for x in names if shard_of(x, count) == n} for n in own}
        assert cli("status", output).code == 3  # images that failed
        merged = cli("merge", output)
        assert merged.code == 3
        assert [Path(line).name for line in merged.lines] == [
            "results.jsonl",
            "summary.json",
            "index.html",
        ]
        assert files(output, TREES) == expected
        assert timeless(output) == whole
        assert list(timeless(output)) == sorted(
            whole, key=lambda n: n.encode(errors="surrogatepass")
        )
        same_summary(output, tmp_path / "whole", count)


def same_summary(output: Path, whole: Path, count: int) -> None:
    one, other = (summary(folder) for folder in (whole, output))
    assert other.pop("shards") == count
    assert other.pop("seconds") > 0
    one.pop("seconds")
    assert other == one


def test_adding_images_moves_none(attribute: Attribute, few: Path, tmp_path: Path) -> None:
    images = tmp_path / "in"
    shutil.copytree(few, images)
    assert attribute(images, "out", "--shard", "2/3", "--json").code in (0, 3)
    before = timeless(tmp_path / "out" / "shards" / "2-of-3")
    for number in range(20):
        Image.new("RGB", (16, 16), (number, 0, 0)).save(images / f"{number}.added.png")
    attribute(images, "out", "--shard", "2/3")
    after = timeless(tmp_path / "out" / "shards" / "2-of-3")
    assert {name: after[name] for name in before} == before
    assert set(after.keys() - before) == {
        f"{number}.added.png" for number in range(20) if shard_of(f"{number}.added.png", 3) == 2
    }


def start(images: Path, output: Path, model: Path, *options: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "igcli", "attribute", os.fspath(images), "--model"]
    command += [os.fspath(model), "--output", os.fspath(output), *OPTIONS, *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def test_a_killed_shard_is_named_and_healed(
    attribute: Attribute, cli: Cli, many: Path, tiny_model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    process = start(many, output, tiny_model, "--shard", "2/3")
    lines = output / "shards" / "2-of-3" / "results.jsonl"
    while not (lines.exists() and lines.read_bytes().count(b"\n") > 3):
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGSTOP)
    running = json.loads(cli("status", output, "--json").out)
    assert [shard["state"] for shard in running["shards"]] == [
        "not started",
        "running",
        "not started",
    ]
    assert running["array"] == "1,3"
    assert attribute(many, "out", "--shard", "2/3").code == 1
    process.kill()
    process.wait()
    left = output / "panels" / ".igcli-0123-0.tmp"  # no run's: it stays
    left.write_bytes(b"")
    assert attribute(many, "out", "--shard", "1/3").code == 3
    assert attribute(many, "out", "--shard", "3/3").code == 3
    stopped = cli("status", output)
    assert stopped.code == 3
    totals = [sum(shard_of(name, 3) == n for name in names_in(many)) for n in (1, 2, 3)]
    status = json.loads(cli("status", output, "--json").out)
    assert [
        shard["done"] + shard["failed"] + shard["missing"] for shard in status["shards"]
    ] == totals
    assert status["shards"][1]["state"] == "stopped"
    assert status["shards"][1]["missing"] > 0
    assert cli("status", output, "--array").out == b"2\n"
    assert "shards to rerun: 2" in stopped.out.decode()
    merged = cli("merge", output, "--no-gallery")
    assert merged.code == 3
    assert "--shard 2" in merged.err
    assert not summary(output)["finished"]
    assert attribute(many, "out", "--shard", "2/3").code == 3
    assert cli("merge", output).code == 3
    assert cli("status", output, "--array").out == b""
    assert attribute(many, "whole").code == 3
    assert list(output.rglob("*.tmp")) == [left]
    left.unlink()
    assert files(output, TREES) == files(tmp_path / "whole", TREES)
    assert timeless(output) == timeless(tmp_path / "whole")


def test_shards_run_side_by_side(many: Path, tiny_model: Path, cli: Cli, tmp_path: Path) -> None:
    runs = [
        start(many, tmp_path / "out", tiny_model, "--limit", "40", "--shard", f"{number}/2")
        for number in (1, 2)
    ]
    assert {process.wait() for process in runs} <= {0, 3}
    assert json.loads(cli("status", tmp_path / "out", "--json").out)["total"]["missing"] == 0


def test_of_shards_that_begin_at_once_only_one_configuration_goes_on(
    few: Path, tiny_model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    runs = [
        start(few, output, tiny_model, "--shard", f"{number}/3", "--panel-quality", f"{number}")
        for number in (1, 2, 3)
    ]
    codes = [process.wait() for process in runs]
    assert sum(code == 2 for code in codes) == 2, codes
    [done] = [path.name for path in (output / "shards").iterdir() if path.is_dir()]
    number = codes.index(next(code for code in codes if code != 2)) + 1
    assert done == f"{number}-of-3"
    assert f"quality: {number}\n" in (output / "config.yaml").read_text()


def test_a_shard_may_have_no_image_but_a_run_must(
    attribute: Attribute, cli: Cli, few: Path, tmp_path: Path
) -> None:
    images = tmp_path / "in"
    images.mkdir()
    shutil.copy(few / "b.jpg", images)
    other = 3 - shard_of("b.jpg", 2)
    assert attribute(images, "out", "--shard", f"{other}/2").code == 0
    shard_summary = summary(tmp_path / "out" / "shards" / f"{other}-of-2")
    assert (shard_summary["finished"], shard_summary["total"], shard_summary["images"]) == (
        True,
        0,
        0,
    )
    (images / "b.jpg").unlink()
    assert attribute(images, "empty", "--shard", "1/2").code == 4
    assert not (tmp_path / "empty").exists()


def test_names_collide_over_the_whole_run(attribute: Attribute, few: Path, tmp_path: Path) -> None:
    for name in ("a.jpg", "a"):
        shutil.copy(few / "b.jpg", tmp_path / name)
    for number in (1, 2, 3, 4):
        result = attribute(tmp_path / "a.jpg", "out", tmp_path / "a", "--shard", f"{number}/4")
        assert result.code == 2
        assert "two images have the same output" in result.err
    assert not (tmp_path / "out").exists()


def test_the_limit_is_the_whole_runs(attribute: Attribute, few: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        attribute(few, "out", "--shard", f"{number}/2", "--limit", "9")
    shard_records = [timeless(tmp_path / "out" / "shards" / f"{number}-of-2") for number in (1, 2)]
    assert sum(map(len, shard_records)) == 9


def test_a_shard_limited_more_than_another_is_not_finished(
    attribute: Attribute, cli: Cli, few: Path, tmp_path: Path
) -> None:
    for number, limit in ((1, ()), (2, ("--limit", "3"))):
        attribute(few, "out", "--shard", f"{number}/2", *limit)
    result = cli("status", tmp_path / "out", "--json")
    assert result.code == 3
    shown = json.loads(result.out)
    assert [shard["state"] for shard in shown["shards"]] == ["finished", "limited"]
    assert shown["array"] == "2"
    assert shown["shards"][1]["missing"] > 0
    attribute(few, "out", "--shard", "2/2")
    assert cli("status", tmp_path / "out", "--array").out == b""


def test_a_shared_scale_is_the_single_runs(
    attribute: Attribute, cli: Cli, many: Path, tmp_path: Path
) -> None:
    shared = ("--panel-scale", "shared", "--limit", "50")
    attribute(many, "whole", *shared)
    for number in (3, 1, 2):
        assert attribute(many, "out", *shared, "--shard", f"{number}/3").code in (0, 3)
    assert cli("merge", tmp_path / "out").code == 3
    assert files(tmp_path / "out", TREES) == files(tmp_path / "whole", TREES)
    assert timeless(tmp_path / "out") == timeless(tmp_path / "whole")


def test_shards_take_the_batch_size_of_the_first(
    attribute: Attribute, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, measured in ((1, 10), (2, 50)):
        monkeypatch.setattr(local, "tuned_batch_size", lambda *_, size=measured, **__: size)
        attribute(few, "out", "--shard", f"{number}/2", "--batch-size", "auto")
        assert summary(tmp_path / "out" / "shards" / f"{number}-of-2")["batch_size"] == 10


REFUSED = {
    "0/3": "no shard 0 of 3",
    "4/3": "no shard 4 of 3",
    "1/0": "1 to 100,000, not 0",
    "1/999999": "1 to 100,000",
    "3": "I/N",
    "-1/3": "I/N",
    "1/3/5": "I/N",
    "\u0661/3": "I/N",
    "auto": "neither is set",
    "auto/3": "neither is set",
}


@pytest.mark.parametrize("shard", REFUSED)
def test_what_names_no_shard_is_refused(
    attribute: Attribute, few: Path, tmp_path: Path, shard: str
) -> None:
    result = attribute(few, "out", "--shard", shard)
    assert result.code == 2
    assert REFUSED[shard] in result.err
    assert len(result.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


Case = tuple[str, dict[str, str], str]
TASK, INDEX, SIZE = "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_COUNT"
FIRST, LAST = "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX"
TOLD: list[Case] = [
    ("auto/3", {TASK: "3"}, "3-of-3"),
    ("auto/3", {INDEX: "2"}, "3-of-3"),
    ("auto", {TASK: "2", SIZE: "4"}, "2-of-4"),
    (
        "auto",
        {TASK: "2", SIZE: "4", FIRST: "1", LAST: "4"},
        "2-of-4",
    ),
    ("auto/3", {TASK: "0"}, "SLURM_ARRAY_TASK_ID=0: there is no shard 0"),
    ("auto/3", {TASK: "4"}, "no shard 4 of 3"),
    ("auto/3", {INDEX: "3"}, "no shard 4 of 3"),
    ("auto/3", {TASK: "x"}, "must be a number"),
    ("auto/3", {TASK: "1", INDEX: "0"}, "both are set"),
    ("auto", {INDEX: "0"}, "--shard auto/N"),
    ("auto", {TASK: "5", SIZE: "2", FIRST: "5"}, "does not fit an array 1-2"),
]


@pytest.mark.parametrize(("shard", "variables", "expected"), TOLD)
def test_the_environment_tells_the_shard(
    attribute: Attribute,
    few: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shard: str,
    variables: dict[str, str],
    expected: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    result = attribute(few, "out", "--shard", shard, "--limit", "2")
    if expected[0].isdigit():
        assert result.code in (0, 3)
        assert (tmp_path / "out" / "shards" / expected / "summary.json").exists()
    else:
        assert result.code == 2
        assert expected in result.err


def test_the_recorded_number_beats_that_of_a_part_rerun(
    attribute: Attribute, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attribute(few, "out", "--shard", "1/5")
    monkeypatch.setenv(TASK, "4")
    monkeypatch.setenv(SIZE, "1")
    assert attribute(few, "out", "--shard", "auto").code in (0, 3)
    folders = {path.name for path in (tmp_path / "out" / "shards").iterdir()}
    assert folders >= {"1-of-5", "4-of-5"}
    monkeypatch.setenv(TASK, "6")
    assert "no shard 6 of 5" in attribute(few, "out", "--shard", "auto").err


def test_what_does_not_go_together_is_refused(
    attribute: Attribute, cli: Cli, few: Path, tmp_path: Path
) -> None:
    attribute(few, "out", "--shard", "1/3")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    for options, reason in {
        ("--shard", "1/4"): "split into 3 shards, not 4",
        ("--shard", "2/3", "--steps", "5"): "steps: 4 -> 5",
        ("--shard", "2/3", "--panel-quality", "50"): "panel.quality: 95 -> 50",
        ("--shard", "1/3", "--on-existing", "overwrite", "--seed", "3"): "seed: 0 -> 3",
        ("--shard", "1/3", "--on-existing", "error"): "already holds results",
        ("--shard", "2/3", "--precision", "auto"): "precision: auto",
        (): "igcli merge",
        ("--on-existing", "error"): "not empty",
    }.items():
        result = attribute(few, "out", *options)
        assert (result.code, len(result.err.splitlines())) == (2, 1)
        assert reason in result.err
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert {path.name for path in after.keys() - before} == set()
    assert attribute(few, "out", "--shard", "2/3", "--on-existing", "error").code in (0, 3)
    assert "igcli merge" in cli("gallery", tmp_path / "out").err


def test_runs_of_another_kind_keep_each_other_away(
    attribute: Attribute, cli: Cli, few: Path, tmp_path: Path
) -> None:
    attribute(few, "out", "--shard", "1/2")
    output = LocalFolder(os.fspath(tmp_path / "out"))
    with Lock(output, "shards/1-of-2/.igcli-lock"):
        assert (attribute(few, "out", "--on-existing", "overwrite").code) == 1
        merged = cli("merge", output.path)
        assert merged.code == 1
        assert "shard 1-of-2" in merged.err
        assert attribute(few, "out", "--shard", "2/2").code in (0, 3)
    with Lock(output):
        result = attribute(few, "out", "--shard", "1/2")
        assert (result.code, "igcli merge" in result.err) == (1, True)


def test_overwriting_a_shard_leaves_the_others_alone(
    attribute: Attribute, cli: Cli, few: Path, whole: Path, tmp_path: Path
) -> None:
    images, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(few, images)
    for number in (1, 2):
        attribute(images, "out", "--shard", f"{number}/2")
    gone = next(n for n in timeless(output / "shards/1-of-2") if n.startswith("0/"))
    (images / gone).unlink()
    others = {n for n in files(output, TREES) if f"/{gone}." not in n}
    stamps = {n: (output / n).stat().st_mtime_ns for n in files(output, TREES)}
    assert attribute(images, "out", "--shard", "1/2", "--on-existing", "overwrite").code in (0, 3)
    assert set(files(output, TREES)) == others
    redone = {n for n in others if (output / n).stat().st_mtime_ns != stamps[n]}
    own = {
        n for n, record in timeless(output / "shards/1-of-2").items() if record["status"] == "ok"
    }
    assert len(redone) == 3 * len(own)
    assert gone not in own
    cli("merge", output)
    stamps = {n: (output / n).stat().st_mtime_ns for n in files(output, TREES)}
    attribute(images, "out", "--shard", "2/2", "--on-existing", "overwrite")
    written = files(output, TREES)
    assert {n for n in written if (output / n).stat().st_mtime_ns != stamps[n]} == set(
        written
    ) - redone
    cli("merge", output)
    expected = {n: r for n, r in timeless(whole).items() if n != gone}
    assert {n: {**r, "source": ""} for n, r in timeless(output).items()} == {
        n: {**r, "source": ""} for n, r in expected.items()
    }


def test_after_a_merge_single_runs_and_shards_go_on(
    attribute: Attribute, cli: Cli, few: Path, tmp_path: Path
) -> None:
    images, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(few, images)
    for number in (1, 2):
        attribute(images, "out", "--shard", f"{number}/2")
    cli("merge", output)
    once = {name: (output / name).read_bytes() for name in ("results.jsonl", "summary.json")}
    assert cli("merge", output).code == 3
    assert {name: (output / name).read_bytes() for name in once} == once
    assert attribute(images, "out").lines == []  # nothing was left to do
    changed = "1/001.png"
    Image.new("RGB", (16, 16), "teal").save(images / changed)
    assert len(attribute(images, "out").lines) == 3
    sha256 = hashlib.sha256((images / changed).read_bytes()).hexdigest()
    assert timeless(output)[changed]["image_sha256"] == sha256
    for number in (1, 2):
        assert attribute(images, "out", "--shard", f"{number}/2").lines == []
    assert not (output / "summary.json").exists()  # nobody knows about the whole until a merge
    cli("merge", output)
    assert timeless(output)[changed]["image_sha256"] == sha256
    assert len(timeless(output)) == 30
    assert attribute(images, "out", "--on-existing", "overwrite").code == 3
    assert not (output / "shards").exists()


def test_shards_go_on_where_a_single_run_was_stopped(
    attribute: Attribute, cli: Cli, few: Path, whole: Path, tmp_path: Path
) -> None:
    attribute(few, "out", "--limit", "12")
    for number in (1, 2):
        attribute(few, "out", "--shard", f"{number}/2")
    cli("merge", tmp_path / "out")
    assert files(tmp_path / "out", TREES) == files(whole, TREES)
    assert timeless(tmp_path / "out") == timeless(whole)


def test_the_status_of_a_run_that_is_not_split(cli: Cli, whole: Path, tmp_path: Path) -> None:
    result = cli("status", whole)
    assert result.code == 3
    assert [line.split() for line in result.lines] == [
        ["done", "failed", "missing", "state"],
        ["run", "29", "1", "0", "finished"],
        ["--retry-failed", "retries", "failed", "images"],
    ]
    assert cli("merge", whole).code == 2
    assert cli("status", tmp_path / "nowhere").code == 2
    assert cli("merge", tmp_path / "nowhere").code == 2
    assert not (tmp_path / "nowhere").exists()


def test_a_run_that_ends_before_it_begins_leaves_nothing(
    attribute: Attribute, few: Path, tmp_path: Path
) -> None:
    assert attribute(few, "out", "--shard", "1/3", "--target", "nonsense").code == 1
    assert not (tmp_path / "out").exists()
    assert attribute(few, "out", "--shard", "1/2").code in (0, 3)
