"""Images and outputs by URL, from the command line to what lies in the store."""

import io
import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Cli, Result
from PIL import Image

from igcli.gallery.served_output import ServedOutput
from igcli.outputs.open import output_at
from igcli.outputs.results import read_results
from support import stores
from support.image_files import encoded
from support.results import Record, files, parsed, without
from support.stores import KEY, SECRET, put, tree

COUNT = 6


def placeless(data: bytes) -> dict[str, Record]:
    """Records by image, without what the place and time of a run change; no image comes twice."""
    entries = parsed(data)
    by_image = {record["image"]: without(record, "seconds", "source") for record in entries}
    assert len(by_image) == len(entries)
    return by_image


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stores.s3_server(tmp_path_factory.mktemp("s3") / "log") as server:
        yield server


@pytest.fixture
def bucket(address: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An S3 bucket of one's own with a few images, one of them broken."""
    name = f"bucket-{zlib.crc32(request.node.name.encode())}"
    with stores.environment(address):
        stores.make_bucket(name)
        for number in range(COUNT):
            put(f"s3://{name}/in/{number % 2}/{number}.png", encoded(number))
        put(f"s3://{name}/in/broken.jpg", b"no image")
        put(f"s3://{name}/in/notes.txt", b"no image")
        put(f"s3://{name}/in/.hidden/a.png", encoded(0))
        yield f"s3://{name}"


@pytest.fixture
def local(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for number in range(COUNT):
        path = folder / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(number))
    (folder / "broken.jpg").write_bytes(b"no image")
    return folder


@pytest.fixture
def run(cli: Cli, tiny_model: Path) -> Cli:
    def attribute(*arguments: str | Path) -> Result:
        return cli("attribute", *arguments, "--model", tiny_model, "--steps", "3")

    return attribute


def test_a_store_gets_what_a_folder_gets(
    run: Cli, bucket: str, local: Path, tmp_path: Path
) -> None:
    extra = ("--arrays", "--gif")
    assert run(local, "--output", tmp_path / "out", *extra).code == 3
    result = run(f"{bucket}/in", "--output", f"{bucket}/out", *extra, "-v")
    assert result.code == 3, result.err
    there, here = tree(f"{bucket}/out"), files(tmp_path / "out")
    assert there.keys() == here.keys()
    for name in there.keys() - {"results.jsonl", "summary.json", "config.yaml"}:
        assert there[name] == here[name], name
    assert placeless(there["results.jsonl"]) == placeless(here["results.jsonl"])
    sources = [json.loads(line)["source"] for line in there["results.jsonl"].splitlines()]
    assert sorted(sources)[0] == f"{bucket}/in/0/0.png"
    assert set(result.lines) == {
        f"{bucket}/out/{name}"
        for name in here
        if name.partition("/")[0] in ("panels", "gifs", "arrays")
    }
    said = b"".join(there.values()) + result.out + result.err.encode()
    assert KEY.encode() not in said
    assert SECRET.encode() not in said


def test_a_store_is_resumed(run: Cli, bucket: str) -> None:
    output = ("--output", f"{bucket}/out")
    assert run(f"{bucket}/in", *output).code == 3
    before = tree(f"{bucket}/out")
    put(f"{bucket}/in/0/2.png", encoded(9))
    put(f"{bucket}/in/new.png", encoded(10))
    again = run(f"{bucket}/in", *output)
    assert sorted(again.lines) == [
        f"{bucket}/out/panels/0/2.png.jpg",
        f"{bucket}/out/panels/new.png.jpg",
    ]
    after = tree(f"{bucket}/out")
    assert json.loads(after["summary.json"])["skipped"] == COUNT - 1
    assert after["panels/0/0.png.jpg"] == before["panels/0/0.png.jpg"]
    assert after["panels/0/2.png.jpg"] != before["panels/0/2.png.jpg"]
    refused = run(f"{bucket}/in", *output, "--panel-style", "windowing")
    assert refused.code == 2
    assert "panel.style: overlay -> windowing" in refused.err
    assert tree(f"{bucket}/out") == after


def test_overwriting_removes_what_igcli_wrote_alone(run: Cli, bucket: str) -> None:
    output = ("--output", f"{bucket}/out")
    run(f"{bucket}/in", *output, "--gallery")
    put(f"{bucket}/out/panels/notes.txt", b"mine")
    put(f"{bucket}/out/mine.txt", b"mine")
    result = run(f"{bucket}/in/0", *output, "--on-existing", "overwrite")
    assert result.code == 0, result.err
    assert set(tree(f"{bucket}/out")) == {
        "config.yaml", "mine.txt", "panels/0.png.jpg", "panels/2.png.jpg", "panels/4.png.jpg",
        "panels/notes.txt", "results.jsonl", "summary.json",
    }  # fmt: skip
    assert run(f"{bucket}/in/0", *output, "--on-existing", "error").code == 2
    foreign = run(f"{bucket}/in/0", "--output", f"{bucket}/in")
    assert foreign.code == 2
    assert "was not written by igcli" in foreign.err


KILLED = """
import sys
from igcli.outputs import remote_folder
remote_folder.MAX_LINES = 2
from igcli.cli import main
sys.argv[0] = "igcli"
sys.exit(main())
"""


def test_a_killed_run_goes_on_where_it_left_records(
    run: Cli, bucket: str, tiny_model: Path, tmp_path: Path
) -> None:
    for number in range(40):
        put(f"{bucket}/many/{number:02}.png", encoded(number))
    options = ("--model", str(tiny_model), "--steps", "3", "--batch-size", "4")
    arguments = ["attribute", f"{bucket}/many", "--output", f"{bucket}/out", *options, "-q"]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments], stdout=subprocess.DEVNULL, cwd=tmp_path
    )
    try:
        end = time.monotonic() + 400
        while len(output_at(f"{bucket}/out").names("records")) < 2:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    left = tree(f"{bucket}/out")
    assert "results.jsonl" not in left
    whole = [name for name in left if name.startswith("panels/")]
    assert all(Image.open(io.BytesIO(left[name])).load() for name in whole)
    changed = run(f"{bucket}/many", "--output", f"{bucket}/out", "--seed", "5")
    assert changed.code == 2, "records in parts count, too"
    result = run(f"{bucket}/many", "--output", f"{bucket}/out", "--batch-size", "4")
    assert result.code == 0, result.err
    written = tree(f"{bucket}/out")
    assert len(placeless(written["results.jsonl"])) == 40
    assert json.loads(written["summary.json"])["skipped"] >= 4
    assert not [name for name in written if name.startswith("records/")]


def test_patterns_lists_and_single_files(run: Cli, bucket: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    result = run(f"{bucket}/in/*/[0-3].png", f"{bucket}/in/0/4.png", "--output", output)
    assert result.code == 0, result.err
    panels = sorted(os.path.relpath(line, output) for line in result.lines)
    assert panels == [f"panels/{name}.png.jpg" for name in ("0/0", "0/2", "0/4", "1/1", "1/3")]
    names = tmp_path / "names.txt"
    names.write_text(f"{bucket}/in/0/0.png\n{bucket}/in/0/nothing.png\n{bucket}/in/0\n")
    listed = run("--files-from", names, "--output", tmp_path / "listed")
    assert listed.code == 3
    results = placeless((tmp_path / "listed" / "results.jsonl").read_bytes())
    assert results["0.png"]["status"] == "ok" if "0.png" in results else results["0/0.png"]
    errors = {record["error"] for record in results.values() if record["status"] == "failed"}
    assert errors == {"cannot be read: no such file or folder", "empty file"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("s3://no-such-bucket/in",), "igcli: s3://no-such-bucket cannot be used: no such bucket"),
        (("BUCKET/nothing",), "igcli: 'BUCKET/nothing' cannot be read: no such file or folder"),
        (("BUCKET/in", "--output", "s3://no-such-bucket/out"), "igcli: s3://no-such-bucket cannot"),
        (("BUCKET/in", "--output", "http://h/out"), "igcli: output 'http://h/out': nothing can be"),
        (("BUCKET/in", "--output", "s3://"), "igcli: output 's3://' names no folder in the store"),
        (("s3://k:s3cr3t@b/in",), "igcli: a URL s3://... holds a user name or password"),
        (("BUCKET/in", "--output", "s3://k:s3cr3t/x@b/o"), "igcli: --output: is a URL with a user"),
        (("http://k:s3cr3t@b/a.jpg",), "igcli: a URL http://... holds a user name or password"),
        (("http://h/photos/",), "igcli: 'http://h/photos/': folders on the web cannot be listed"),
        (("ftp://h/a.jpg",), "igcli: 'ftp://h/a.jpg': unsupported kind of URL; igcli reads"),
        (("file://photos",), "igcli: 'file://photos': a file URL needs an absolute path"),
        (("zip://a.jpg",), "igcli: 'zip://a.jpg' names no archive"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_known_before_any_work(
    cli: Cli, bucket: str, arguments: tuple[str, ...], message: str
) -> None:
    result = cli("attribute", *(argument.replace("BUCKET", bucket) for argument in arguments))
    [line] = [line for line in result.err.splitlines() if "locking is unavailable" not in line]
    assert (result.code, result.out) == (2, b"")
    assert line.startswith(message.replace("BUCKET", bucket))
    assert "s3cr3t" not in line


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "cannot connect to the server"),
        ("AWS_ACCESS_KEY_ID", None, "no credentials in the environment"),
    ],
)
def test_a_store_out_of_reach_is_known_at_once(
    cli: Cli, bucket: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None,
    reason: str,
) -> None:  # fmt: skip
    monkeypatch.delenv(name)
    if value:
        monkeypatch.setenv(name, value)
    else:
        monkeypatch.setenv("HOME", "/nonexistent")
    from igcli.stores import _store

    _store.cache_clear()
    start = time.monotonic()
    for where in ((f"{bucket}/in",), ("in.png", "--output", f"{bucket}/out")):
        result = cli("attribute", *where)
        assert result.code == 2
        assert result.err == f"igcli: {bucket} cannot be used: {reason}\n"
    assert time.monotonic() - start < 10


def test_other_commands_read_a_store(cli: Cli, run: Cli, bucket: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(f"{bucket}/in/0", "--output", f"{bucket}/{name}", "--arrays")
    result = cli("compare", f"{bucket}/a", f"{bucket}/b", "--min-correlation", "0.999")
    assert result.code == 0, result.err
    assert "3 images compared" in result.err
    refused = cli("compare", f"{bucket}/a", f"{bucket}/b", "--gallery", "page.html")
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    page = cli("gallery", f"{bucket}/a")
    assert page.lines == [f"{bucket}/a/index.html"]
    written = tree(f"{bucket}/a")
    assert b"0.png" in written["index.html"]
    thumbnails = {name: data for name, data in written.items() if name.endswith(".webp")}
    assert len(thumbnails) == 2 * 3
    assert all(Image.open(io.BytesIO(data)).format == "WEBP" for data in thumbnails.values())
    with ServedOutput(read_results(output_at(f"{bucket}/a"))) as served:
        for name in (*thumbnails, "panels/0.png.jpg", "results.jsonl"):
            file = served.open(name)
            assert file is not None
            assert file.read() == written[name]
        assert served.open("panels/gone.jpg") is None
    alone = cli("gallery", f"{bucket}/a", "--single", "page.html")
    assert alone.lines == [str(tmp_path / "page.html")]
    assert (tmp_path / "page.html").read_text().count("data:image/webp") >= 2 * 3
    assert tree(f"{bucket}/a") == written
    status = cli("status", f"{bucket}/a")
    assert status.code == 0, status.err
    shown = cli("config", "show", "--output", f"{bucket}/a")
    assert f"output: {bucket}/a" in shown.lines


def test_shards_share_a_store(cli: Cli, run: Cli, bucket: str) -> None:
    for number in (1, 2):
        result = run(f"{bucket}/in", "--output", f"{bucket}/out", "--shard", f"{number}/2")
        assert result.code in (0, 3), result.err
    merged = cli("merge", f"{bucket}/out")
    assert merged.code in (0, 3), merged.err
    assert len(placeless(stores.get(f"{bucket}/out/results.jsonl"))) == COUNT + 1


def test_files_of_the_web(run: Cli, local: Path, tmp_path: Path) -> None:
    private = local / "private"
    private.mkdir()
    (private / "a.png").write_bytes(encoded(1))
    with stores.web_server(local) as (address, asked), stores.environment(address):
        names = tmp_path / "names.txt"
        paths = (
            "0/0.png?width=4",
            "private/a.png?X-Amz-signature=right",
            "private/b.png?signature=s3cr3t",
            "nothing.png",
        )
        names.write_text("".join(f"{address}/{path}\n" for path in paths))
        result = run("--files-from", names, "--output", tmp_path / "out", "-v")
        assert result.code == 3, result.err
        results = placeless((tmp_path / "out" / "results.jsonl").read_bytes())
    assert {name: record.get("error") for name, record in results.items()} == {
        "0/0.png": None,
        "private/a.png": None,
        "private/b.png": "cannot be read: the server responds with status 403",
        "nothing.png": "cannot be read: no such file or folder",
    }
    assert "/private/a.png?X-Amz-signature=right" in asked
    said = b"".join(files(tmp_path / "out").values()) + result.out + result.err.encode()
    assert b"ignature" not in said
    assert f"{address}/private/a.png".encode() in said


def test_a_store_in_memory_and_a_file_by_url(run: Cli, local: Path, tmp_path: Path) -> None:
    assert run(f"file://{local}/0", "--output", f"file://{tmp_path}/out").code == 0
    result = run(local / "0", "--output", "memory://bench/out")
    assert result.code == 0, result.err
    here, there = files(tmp_path / "out"), tree("memory://bench/out")
    assert there.keys() == here.keys()
    assert there["panels/0.png.jpg"] == here["panels/0.png.jpg"]


def test_a_missing_library_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from igcli.stores import _store

    monkeypatch.setitem(sys.modules, "gcsfs", None)
    _store.cache_clear()
    result = cli("attribute", "gs://bucket/in")
    assert result.code == 2
    assert result.err == "igcli: gs:// needs the extra 'gs': pip install 'igcli[gs]'\n"


def test_plain_paths_need_no_library(local: Path, tiny_model: Path, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom igcli.cli import main\n"
        f"sys.argv = ['igcli', 'attribute', {str(local / '0')!r}, '--model', {str(tiny_model)!r},"
        " '--steps', '2', '-q', '--gallery']\n"
        "code = main()\nprint(code, {'fsspec', 's3fs', 'aiohttp'} & sys.modules.keys())\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 set()", done.stderr
