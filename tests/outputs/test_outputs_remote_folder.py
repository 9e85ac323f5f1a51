"""An output in a store; the command line's tests have it in S3."""

from pathlib import Path
from typing import Any

import pytest

from igcli import stores
from igcli.errors import ImageError, OutputError, UsageError
from igcli.outputs import journal, remote_folder
from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import Journal, join
from igcli.outputs.latest_records import RecordIndex
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.open import output_at
from igcli.outputs.remote_folder import RemoteFolder
from support.stores import tree

URL = "memory://bucket/out"


@pytest.fixture
def output() -> OutputFolder:
    stores._store.cache_clear()
    files = stores.store("memory://x").files
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    return output_at(URL)


def record(image: str, **more: Any) -> dict[str, Any]:
    return {"image": image, "status": "ok", **more}


@pytest.mark.parametrize("kind", [LocalFolder, RemoteFolder])
def test_both_kinds_implement_the_interface_themselves(kind: type[OutputFolder]) -> None:
    assert OutputFolder.__abstractmethods__ <= vars(kind).keys()


def test_the_path_picks_the_kind() -> None:
    assert type(output_at("out")) is LocalFolder
    assert output_at("file:///data/out").path == "/data/out"
    assert output_at("s3://bucket/out/").path == "s3://bucket/out"
    with pytest.raises(UsageError, match="nothing can be written to the web"):
        output_at("https://h/out")


def test_files(output: OutputFolder) -> None:
    assert not output.exists()
    output.write("panels/a/b.jpg", b"one")
    output.write("panels/a/b.jpg", b"two")
    assert output.has("panels/a/b.jpg")
    assert not output.has("panels/a")
    assert output.has_folder("panels/a")
    assert not output.has_any("gifs")
    assert output.names() == ["panels"]
    assert output.names("panels/a") == ["b.jpg"]
    assert output.names("nothing") == []
    with output.open_to_read("panels/a/b.jpg") as file:
        assert file.read() == b"two"
    with output.local_path("panels/a/b.jpg") as path:
        assert Path(path).read_bytes() == b"two"
    assert output.write_new("x", b"1")
    assert not output.write_new("x", b"2")
    output.write_parts("y", (b"a", b"b"))
    below = output.subfolder("panels").subfolder("a")
    below.remove("b.jpg")
    below.remove("b.jpg")
    assert tree(URL) == {"x": b"1", "y": b"ab"}
    with pytest.raises(OutputError, match=r"^output 'z' cannot be read: no such file"):
        output.open_to_read("z")


@pytest.mark.parametrize("name", ["../x", "a//b", "/a", "a/../../b", "a\0b"])
def test_names_stay_inside(output: OutputFolder, name: str) -> None:
    with pytest.raises(OutputError, match="not a name inside"):
        output.write(name, b"")
    assert tree("memory://") == {}


@pytest.mark.parametrize("name", ["panels/\udcff.jpg", "panels/" + "x" * 1100])
def test_a_name_that_no_store_holds_fails_one_image(output: OutputFolder, name: str) -> None:
    with pytest.raises(ImageError):
        output.write(name, b"")


def test_records_are_joined_in_their_order(
    output: OutputFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_folder, "MAX_LINES", 2)
    with Journal(output) as records:
        for number in range(5):
            records.append(record(f"{number}.jpg"))
        assert len(output.names("records")) == 2, "the fifth is still to be written"
        assert [item["image"] for item in journal.read(output)] == [f"{n}.jpg" for n in range(4)]
    assert set(tree(URL)) == {"results.jsonl"}
    with Journal(output) as records:
        records.append(record("1.jpg", redone=True))
    joined = list(journal.read(output))
    assert [item["image"] for item in joined] == [f"{n}.jpg" for n in (0, 1, 2, 3, 4, 1)]
    with RecordIndex(output) as index:
        assert index.find("1.jpg") == record("1.jpg", redone=True)
        assert index.find("9.jpg") is None


def test_what_a_killed_run_wrote_is_joined_by_the_next(
    output: OutputFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_folder, "MAX_LINES", 1)
    killed = Journal(output)
    killed.append(record("a.jpg"))
    assert journal.exists(output)
    join(output)
    assert set(tree(URL)) == {"results.jsonl"}
    join(output)
    assert [item["image"] for item in journal.read(output)] == ["a.jpg"]


def test_records_are_not_kept_for_long(
    output: OutputFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("igcli.outputs.remote_folder.time.monotonic", lambda: now[0])
    records = Journal(output)
    for now[0], names in ((1.0, 0), (10.0, 0), (15.9, 0), (16.0, 1), (30.0, 1)):
        records.append(record(f"{now[0]}"))
        assert len(output.names("records")) == names


def test_parts_of_several_processes_are_told_apart(output: OutputFolder) -> None:
    for name in ("x", "y"):
        with Journal(output_at(URL), part=name) as records:
            records.append(record(f"{name}.jpg"))
    assert [item["image"] for item in journal.read(output, part="y")] == ["y.jpg"]
    assert len(list(journal.read(output))) == 2


def test_an_error_of_the_store_is_one_line_without_its_words(
    output: OutputFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("https://h/x?X-Amz-Signature=s3cr3t")

    files = stores.store(URL).files
    for method in ("pipe_file", "rm_file", "info", "ls", "_open"):
        monkeypatch.setattr(type(files), method, refuse)
    calls = (
        lambda: output.write("a", b""),
        lambda: output.remove("a"),
        lambda: output.has("a"),
        lambda: output.names(),
        lambda: output.open_to_read("a"),
        lambda: output.check(),
        lambda: output.create(),
    )
    for call in calls:
        with pytest.raises((OutputError, UsageError), match=r": OSError$") as caught:
            call()
        assert caught.value.__suppress_context__
