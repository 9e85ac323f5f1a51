"""Tar archives of images in, tar archives of results out."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from conftest import Cli

from support.image_files import encoded
from support.results import summary, timeless, without
from support.tars import members_of, regular, samples, special, write_tar

TAR = ("--input-format", "tar")
BROKEN = regular("cats/broken.png", encoded(5)[:200])


def timeless_members(path: Path) -> dict[str, bytes]:
    """The members of an archive, their records without `seconds`."""
    return {
        name: re.sub(rb'"seconds": [0-9.]+', b"", data) if name.endswith(".json") else data
        for name, data in members_of(path).items()
    }


@pytest.fixture
def settings(tiny_model: Path) -> tuple[str, ...]:
    return ("--model", str(tiny_model), "--steps", "6")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two archives, one of them in a folder and packed."""
    write_tar(tmp_path / "data" / "a.tar", [*samples(5), BROKEN])
    write_tar(tmp_path / "data" / "more" / "b.tar.gz", samples(3, 20), "w:gz")
    (tmp_path / "data" / "notes.txt").write_text("none")
    return tmp_path / "data"


def test_archives_hold_what_a_run_over_the_same_files_writes(
    cli: Cli, data: Path, settings: tuple[str, ...], tmp_path: Path
) -> None:
    unpacked = tmp_path / "files"
    with tarfile.open(data / "a.tar") as archive:
        archive.extractall(unpacked, filter="data")
    both = (*settings, "--gif", "--arrays")
    assert cli("attribute", unpacked, *both, "--output", "single").code == 3
    result = cli("attribute", data / "a.tar", *TAR, *both, "--output", "packed")
    assert result.code == 3
    assert result.lines == [str(tmp_path / "packed" / "tars" / "data" / "a.tar")]
    assert "5 of 6 images done; 1 failed" in result.err
    members = members_of(Path(result.lines[0]))
    single, packed = timeless(tmp_path / "single"), timeless(tmp_path / "packed")
    assert len(packed) == len(single) == 6
    for name, record in single.items():
        stem = os.path.splitext(name)[0]
        other = packed[f"data/a.tar/{name}"]
        assert without(json.loads(members[f"{stem}.json"]), "seconds") == other
        assert other["source"] == f"{data}/a.tar/{name}"
        assert other.pop("tar") == "data/a.tar"
        ours = {"panel": ".panel.jpg", "gif": ".gif", "arrays": ".npz"}
        for kind, ending in ours.items():
            if record["status"] == "ok":
                assert other[kind] == f"tars/data/a.tar/{stem}{ending}"
                assert members[stem + ending] == (tmp_path / "single" / record[kind]).read_bytes()
        same = record.keys() - {"image", "source", *ours}
        assert {key: other[key] for key in same} == {key: record[key] for key in same}
    images = [f"cats/000{number}" for number in range(5)]
    endings = (".panel.jpg", ".gif", ".npz", ".json")
    expected = [stem + ending for stem in images for ending in endings]
    assert list(members) == [*expected, "cats/broken.json"]


def test_equal_results_are_equal_archives(
    cli: Cli, data: Path, settings: tuple[str, ...], tmp_path: Path
) -> None:
    cli("attribute", data, *TAR, *settings, "--output", "one")
    cli("attribute", data, *TAR, *settings, "--output", "two")
    names = ["a.tar", "more/b.tar.gz.tar"]
    for name in names:
        assert timeless_members(tmp_path / "one/tars" / name) == timeless_members(
            tmp_path / "two/tars" / name
        )
        with tarfile.open(tmp_path / "one/tars" / name) as archive:
            assert {(member.mtime, member.uid, member.gid, member.uname) for member in archive} == {
                (0, 0, 0, "")
            }
    archives = [
        path.relative_to(tmp_path / "one/tars") for path in (tmp_path / "one").rglob("*.tar")
    ]
    assert sorted(map(str, archives)) == names
    totals = summary(tmp_path / "one")
    assert (totals["images"], totals["done"], totals["failed"]) == (9, 8, 1)
    assert (totals["total"], totals["archives"]) == (None, 2)


def test_images_wait_for_their_turn_in_a_bounded_number(
    cli: Cli, settings: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the first, a method that asks again and again; the others are done before it.
    write_tar(tmp_path / "in/x.tar", samples(12))
    run = ("attribute", "in", *TAR, *settings[:2], "--steps", "auto", "--tolerance", "0.0001")
    cli(*run, "--batch-size", "4", "--output", "free")
    monkeypatch.setattr("igcli.pipeline.runs.tar.MAX_WAITING", 1)
    result = cli(*run, "--batch-size", "4", "--output", "bounded")
    assert "12 of 12 images done" in result.err
    name = "tars/x.tar"
    assert timeless_members(tmp_path / "bounded" / name) == timeless_members(
        tmp_path / "free" / name
    )


def test_archives_follow_the_convention_of_webdataset(
    cli: Cli, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    members = [regular(f"v1.0/{key}.{side}.png", encoded(3)) for key in "ab" for side in ("l", "r")]
    write_tar(tmp_path / "x.tar", members)
    assert cli("attribute", "x.tar", *TAR, *settings).code == 0
    groups: list[tuple[str, list[str]]] = []
    for name in members_of(tmp_path / "igcli-output/tars/x.tar"):
        match = re.fullmatch(r"((?:.*/|)[^.]+)[.]([^/]*)", name)
        assert match is not None
        key, ending = match.groups()
        if not groups or groups[-1][0] != key:
            groups.append((key, []))
        groups[-1][1].append(ending)
    endings = ["l.panel.jpg", "l.json", "r.panel.jpg", "r.json"]
    assert groups == [("v1.0/a", endings), ("v1.0/b", endings)]


def test_a_whole_archive_is_left_alone_and_a_changed_image_done_again(
    cli: Cli, data: Path, settings: tuple[str, ...], tmp_path: Path
) -> None:
    run = ("attribute", data, *TAR, *settings)
    cli(*run)
    output, path = tmp_path / "igcli-output", tmp_path / "igcli-output/tars/a.tar"
    before, lines = path.stat(), (output / "results.jsonl").read_bytes()
    again = cli(*run)
    assert (again.code, again.out) == (3, b"")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (output / "results.jsonl").read_bytes() == lines
    first = members_of(path)
    members = [*samples(5), BROKEN]
    members[4] = regular("cats/0002.jpg", encoded(77, "JPEG"))
    write_tar(data / "a.tar", members)
    changed = cli(*run)
    assert changed.lines == [str(path)]
    assert (
        "8 of 9 images done (7 already done, 1 redone because they changed); 1 failed"
        in changed.err
    )
    second = members_of(path)
    assert list(second) == list(first)
    assert {name for name in first if second[name] != first[name]} == {
        "cats/0002.panel.jpg",
        "cats/0002.json",
    }
    write_tar(data / "a.tar", members[2:8])
    assert "6 of 6 images done (6 already done)" in cli(*run).err
    assert list(members_of(path)) == list(first)[2:8]


def test_pictures_added_later_join_those_that_are_there(
    cli: Cli, data: Path, settings: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "igcli-output/tars/a.tar"
    cli("attribute", data, *TAR, *settings)
    first = members_of(path)
    cli("gif", data, *TAR, *settings)
    second = members_of(path)
    assert second["cats/0001.panel.jpg"] == first["cats/0001.panel.jpg"]
    record = json.loads(second["cats/0001.json"])
    assert record["panel"] == "tars/a.tar/cats/0001.panel.jpg"
    assert record["gif"] == "tars/a.tar/cats/0001.gif"
    assert second["cats/0001.gif"].startswith(b"GIF8")
    assert timeless(tmp_path / "igcli-output")["a.tar/cats/0001.jpg"] == without(record, "seconds")
    assert cli("attribute", data, *TAR, *settings).out == b""


def test_records_lost_after_an_archive_was_whole_come_back(
    cli: Cli, data: Path, settings: tuple[str, ...], tmp_path: Path
) -> None:
    cli("attribute", data, *TAR, *settings)
    whole = timeless(tmp_path / "igcli-output")
    (tmp_path / "igcli-output" / "results.jsonl").unlink()
    assert cli("attribute", data, *TAR, *settings).out == b""
    assert timeless(tmp_path / "igcli-output") == whole


def test_other_settings_are_refused_and_overwriting_removes_archives_alone(
    cli: Cli, data: Path, settings: tuple[str, ...], tmp_path: Path
) -> None:
    cli("attribute", data, *TAR, *settings)
    refused = cli("attribute", data, *TAR, *settings, "--panel-style", "windowing")
    assert refused.code == 2
    assert "panel.style: overlay -> windowing" in refused.err
    assert cli("attribute", data, *TAR, *settings, "--steps", "7").code == 2
    tars = tmp_path / "igcli-output" / "tars"
    (tars / "mine.txt").write_text("kept")
    cli("attribute", data / "a.tar", *TAR, *settings, "--on-existing", "overwrite")
    files = {str(path.relative_to(tars)) for path in tars.rglob("*") if path.is_file()}
    assert files == {"mine.txt", "data/a.tar"}


def test_failed_images_are_tried_again_where_that_is_asked_for(
    cli: Cli, data: Path, settings: tuple[str, ...]
) -> None:
    cli("attribute", data, *TAR, *settings)
    again = cli("attribute", data, *TAR, *settings, "--retry-failed", "--json")
    told = [json.loads(line) for line in again.lines]
    assert [entry["image"] for entry in told[:-1]] == ["a.tar/cats/broken.png"]
    assert told[-1]["failed"] == 1


def test_a_damaged_archive_gives_what_can_be_read_until_it_is_mended(
    cli: Cli, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    whole = write_tar(tmp_path / "in/x.tar", samples(6)).read_bytes()
    output = tmp_path / "igcli-output"
    (tmp_path / "in/x.tar").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in/y.tar").write_bytes(b"no archive")
    first = cli("attribute", "in", *TAR, *settings)
    assert first.code == 3
    assert "in/x.tar: damaged after " in first.err
    assert "in/y.tar: cannot be read as a tar file: " in first.err
    assert "images may be missing from damaged archives: 2" in first.err
    count = len(timeless(output))
    assert 1 <= count < 6
    assert [path.name for path in output.glob("tars/*")] == ["x.tar"]
    assert set(summary(output)["damaged"]) == {"x.tar", "y.tar"}
    status = cli("status", "igcli-output")
    assert (status.code, status.lines[-1].split()[1:4]) == (3, [str(count), "0", "?"])
    kept = members_of(output / "tars/x.tar")
    again = cli("attribute", "in", *TAR, *settings)
    assert (again.code, again.out) == (3, b"")
    # Less of it can be read: what is there of the rest stays.
    (tmp_path / "in/x.tar").write_bytes(whole[:3000])
    assert cli("attribute", "in", *TAR, *settings).code == 3
    assert members_of(output / "tars/x.tar") == kept
    (tmp_path / "in/x.tar").write_bytes(whole)
    (tmp_path / "in/y.tar").unlink()
    mended = cli("attribute", "in", *TAR, *settings)
    assert mended.code == 0
    assert f"6 of 6 images done ({count} already done)" in mended.err
    assert "damaged" not in summary(output)
    assert cli("status", "igcli-output").code == 0


def test_a_merge_of_damaged_archives_is_no_success(
    cli: Cli, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    path = write_tar(tmp_path / "in/x.tar", samples(6))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert cli("attribute", "in", *TAR, *settings, "--shard", "1/1").code == 3
    assert cli("merge", "igcli-output", "--no-gallery").code == 3
    assert set(summary(tmp_path / "igcli-output")["damaged"]) == {"x.tar"}


def test_the_page_of_archives_has_pictures_and_no_links_to_members(
    cli: Cli, data: Path, settings: tuple[str, ...], tmp_path: Path
) -> None:
    output = tmp_path / "igcli-output"
    result = cli("attribute", data, *TAR, *settings, "--arrays", "--gallery")
    assert result.lines[-1] == str(output / "index.html")
    refused = cli("compare", "igcli-output", "igcli-output")
    assert refused.code == 2
    assert "arrays in tar files are not compared" in refused.err
    page = (output / "index.html").read_text()
    assert "a.tar/cats/0001.jpg" in page
    assert "0001.panel.jpg" not in page
    thumbnails = {path.name: path.stat() for path in (output / "gallery/thumbnails").iterdir()}
    assert len(thumbnails) == 2 * 8
    assert all(name.partition("-")[0] in page for name in thumbnails)
    assert cli("gallery", "igcli-output").code == 0
    assert (output / "index.html").read_text() == page
    assert {
        name: (output / "gallery/thumbnails" / name).stat() for name in thumbnails
    } == thumbnails


def test_hostile_members_do_no_harm(cli: Cli, tmp_path: Path, settings: tuple[str, ...]) -> None:
    members = [
        regular("/abs.png", encoded(1)),
        regular("../../up.png", encoded(2)),
        regular("a\nb\x1b[31m.png", encoded(3)),
        special("link.png", tarfile.SYMTYPE, "/etc/passwd"),
        special("node.png", tarfile.BLKTYPE),
        regular("abs.png", encoded(4)),
        regular("abs.jpg", encoded(4)),
        regular("bomb.png", bytes(2_000_000)),
    ]
    write_tar(tmp_path / "in/x.tar", members)
    result = cli("attribute", "in", *TAR, *settings, "--max-bytes", "1000000")
    assert result.code == 3
    assert "\x1b" not in result.err
    contents = members_of(tmp_path / "igcli-output/tars/x.tar")
    assert list(contents) == [
        *("abs.panel.jpg", "abs.json", "a\nb\x1b[31m.panel.jpg", "a\nb\x1b[31m.json"),
        *("link.json", "node.json", "bomb.json"),
    ]
    assert "left out, because the names repeat or lead elsewhere: '../../up.png'" in result.err
    assert {path.name for path in tmp_path.iterdir()} == {"in", "igcli-output"}
    errors = {
        name: record.get("error") for name, record in timeless(tmp_path / "igcli-output").items()
    }
    assert errors["x.tar/bomb.png"] == "too large: 2,000,000 bytes, the limit is 1,000,000"
    assert cli("attribute", "in", *TAR, *settings, "--max-bytes", "1000000").out == b""


@pytest.mark.parametrize(
    "option",
    ["--dry-run", "--precision=auto", "--panel-scale=shared", "--engine=ray"],
)
def test_what_does_not_go_together_is_refused(
    cli: Cli, data: Path, settings: tuple[str, ...], option: str, tmp_path: Path
) -> None:
    result = cli("attribute", data, *TAR, *settings, option)
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "--input-format tar" in result.err
    assert not (tmp_path / "igcli-output").exists()


def test_archives_that_would_share_an_output_and_none_at_all_are_refused(
    cli: Cli, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    write_tar(tmp_path / "in/x.tar.gz", samples(1), "w:gz")
    write_tar(tmp_path / "in/x.tar.gz.tar", samples(1))
    result = cli("attribute", "in", *TAR, *settings)
    assert result.code == 2
    assert "two images have the same output" in result.err
    (tmp_path / "none").mkdir()
    (tmp_path / "none/a.jpg").write_bytes(encoded(1))
    result = cli("attribute", "none", *TAR, *settings)
    assert result.code == 4
    assert "no tar files in none: 1 other file (.jpg 1)" in result.err


def test_an_archive_without_images_gives_an_empty_one(
    cli: Cli, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    write_tar(tmp_path / "in/x.tar", [regular("a.txt", b"x")])
    assert cli("attribute", "in", *TAR, *settings).code == 0
    assert members_of(tmp_path / "igcli-output/tars/x.tar") == {}


def test_targets_of_members_are_found_by_their_source(
    cli: Cli, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    write_tar(tmp_path / "in/x.tar", samples(2))
    (tmp_path / "targets.csv").write_text("in/x.tar/cats/0001.jpg,2\n")
    cli("attribute", "in", *TAR, *settings, "--targets", "targets.csv", "--target", "0")
    results = timeless(tmp_path / "igcli-output")
    assert [record["target"] for record in results.values()] == [0, 2]


def test_shards_are_of_archives(cli: Cli, tmp_path: Path, settings: tuple[str, ...]) -> None:
    for number in range(6):
        write_tar(tmp_path / f"in/{number}.tar", samples(2, 10 * number))
    cli("attribute", "in", *TAR, *settings, "--output", "whole")
    written = []
    for shard in ("1/3", "2/3", "3/3"):
        result = cli("attribute", "in", *TAR, *settings, "--output", "parts", "--shard", shard)
        assert result.code in (0, 4)
        written += result.lines
    assert sorted(written) == [str(tmp_path / f"parts/tars/{number}.tar") for number in range(6)]
    for number in range(6):
        name = f"tars/{number}.tar"
        assert timeless_members(tmp_path / "parts" / name) == timeless_members(
            tmp_path / "whole" / name
        )
    before = cli("status", "parts").lines[-1]
    assert cli("merge", "parts", "--no-gallery").code == 0
    assert timeless(tmp_path / "parts") == timeless(tmp_path / "whole")
    assert cli("status", "parts").lines[-1] == before
    assert before.split()[:3] == ["total", "12", "0"]


def test_killed_runs_repeat_the_archive_under_way(
    tmp_path: Path, settings: tuple[str, ...]
) -> None:
    for number in range(3):
        write_tar(tmp_path / f"in/{number}.tar", samples(40, 100 * number))

    def start(output: str) -> "subprocess.Popen[bytes]":
        command = ["-m", "igcli", "attribute", "in", *TAR, *settings, "-q", "--output", output]
        return subprocess.Popen([sys.executable, *command], cwd=tmp_path, stdout=subprocess.DEVNULL)

    assert start("whole").wait() == 0
    expected = {
        number: timeless_members(tmp_path / f"whole/tars/{number}.tar") for number in range(3)
    }
    killed = 0
    for number in range(3):
        process = start("out")
        path = tmp_path / f"out/tars/{number}.tar"
        while process.poll() is None and not path.exists():
            # Now and then, in the middle of writing one.
            if number == 1 and list(tmp_path.glob("out/tars/.igcli-*")):
                time.sleep(0.02)
                break
            time.sleep(0.001)
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path in (tmp_path / "out/tars").glob("*.tar"):
            assert timeless_members(path) == expected[int(path.stem)]
    assert start("out").wait() == 0
    assert killed >= 2
    for number in range(3):
        assert timeless_members(tmp_path / f"out/tars/{number}.tar") == expected[number]
    assert timeless(tmp_path / "out") == timeless(tmp_path / "whole")
    lines = (tmp_path / "out/results.jsonl").read_text().splitlines()
    assert len(lines) == 120
    assert not list(tmp_path.rglob(".igcli-*"))


def test_archives_may_lie_in_a_store(cli: Cli, data: Path, settings: tuple[str, ...]) -> None:
    files = pytest.importorskip("fsspec").filesystem("memory")
    for path in ("a.tar", "more/b.tar.gz"):
        files.pipe(f"/tars-in/{path}", (data / path).read_bytes())
    run = ("attribute", "memory://tars-in/", *TAR, *settings, "--output", "memory://tars-out/x")
    assert cli(*run).lines == [
        "memory://tars-out/x/tars/a.tar",
        "memory://tars-out/x/tars/more/b.tar.gz.tar",
    ]
    assert cli(*run).out == b""
    cli("attribute", data, *TAR, *settings)
    files.get("/tars-out/x/tars/a.tar", "fetched.tar")
    ours, theirs = members_of(Path("fetched.tar")), members_of(Path("igcli-output/tars/a.tar"))
    pictures = [name for name in theirs if not name.endswith(".json")]
    assert [ours[name] for name in pictures] == [theirs[name] for name in pictures]
    files.rm("/tars-in", recursive=True)
    files.rm("/tars-out", recursive=True)


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_memory_is_the_same_for_few_and_many_members(
    tmp_path: Path, settings: tuple[str, ...]
) -> None:
    # What resource.getrusage tells of a child includes the memory of its parent.
    code = (
        "import re, sys; from igcli.cli import main; code = main();"
        "print(re.search('VmHWM:.* ([0-9]+) kB', open('/proc/self/status').read())[1]);"
        "sys.exit(code)"
    )
    peaks = {}
    for count in (300, 3000):
        write_tar(tmp_path / f"{count}/x.tar", samples(count))
        options = (*TAR, *settings, "-q", "--arrays", "--gif", "--output", f"out{count}")
        for run in ("first", "again"):
            command = [sys.executable, "-c", code, "attribute", str(count), *options]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
            peaks[run, count] = int(done.stdout.split()[-1])
    print(peaks)  # noqa: T201
    assert peaks["first", 3000] < 1.1 * peaks["first", 300]
    assert peaks["again", 3000] < 1.1 * peaks["again", 300]


def test_members_with_long_names_have_results(
    cli: Cli, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    name = "x" * 250 + ".png"
    write_tar(tmp_path / "x.tar", [regular(name, encoded(1))])
    assert cli("attribute", "x.tar", *TAR, *settings).code == 0
    members = members_of(tmp_path / "igcli-output/tars/x.tar")
    assert {member[:200] for member in members} == {"x" * 200}
    assert all(len(member) <= 255 for member in members)
    again = cli("attribute", "x.tar", *TAR, *settings)
    assert "1 already done" in again.err
