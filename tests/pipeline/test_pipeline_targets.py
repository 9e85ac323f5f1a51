from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from igcli.errors import IgcliError, ImageError, UsageError
from igcli.pipeline.explain.target_file import RowMatcher, read_rows
from igcli.pipeline.explain.targets import TargetChoice, parse_target, resolve_targets
from igcli.records import Source

LABELS = ("tabby", "lynx", "Crane", "crane", "tiger cat", "crane")
SCORES = np.array([0.1, 0.3, 0.3, 0.0, 0.2, 0.1], np.float32)


def parsed(target: int | str, labels: tuple[str, ...] | None = LABELS) -> TargetChoice:
    return parse_target(target, labels, 6, where="target")


def test_top_targets_come_by_falling_score_and_equal_ones_in_order() -> None:
    assert parsed("top").indices(SCORES) == (1,)
    assert parsed("top:4").indices(SCORES) == (1, 2, 4, 0)
    assert not parsed("top").is_chosen
    assert parsed("top:2").is_chosen


@pytest.mark.parametrize(
    ("wanted", "index"), [(3, 3), ("3", 3), ("lynx", 1), ("Tabby", 0), ("Crane", 2)]
)
def test_a_target_is_an_index_or_a_label(wanted: int | str, index: int) -> None:
    assert parsed(wanted).indices(SCORES) == (index,)
    assert parsed(wanted).is_chosen


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (6, "target: 6 is out of range: the network has 6 outputs, 0 to 5"),
        ("1000000", "target: 1000000 is out of range"),
        ("top:7", "target: top:7: the network has 6 outputs"),
        ("top:0", "target: top:0: the network has 6 outputs"),
        ("taby", "no label 'taby'; did you mean tabby"),
        ("cat", "no label 'cat'; did you mean tiger cat"),
        ("xyzzy", "no label 'xyzzy'$"),
        ("crane", "the label of several outputs: use one of the indices 3, 5"),
    ],
)
def test_what_is_no_output_is_refused(wanted: int | str, message: str) -> None:
    with pytest.raises(IgcliError, match=message) as caught:
        parsed(wanted)
    assert caught.value.exit_code == 1


def test_a_network_without_labels_knows_no_label() -> None:
    with pytest.raises(IgcliError, match=r"has no labels: set model\.labels"):
        parsed("tabby", None)


def written(folder: Path, text: str) -> str:
    path = folder / "targets.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return str(path)


def model() -> Any:
    return SimpleNamespace(labels=LABELS, network=SimpleNamespace(outputs=6))


def test_rows_are_for_their_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'path,target\ncats/a.jpg,lynx\n"b, c.jpg",4\n\n/abs/d.jpg,top:2\n\udcff.jpg,0\n'
    targets = resolve_targets("tabby", written(tmp_path, text), model())

    def of(path: str, name: str = "x") -> tuple[int, ...]:
        return targets.of(Source(path, name)).indices(SCORES)

    assert of("cats/a.jpg") == (1,)
    assert of("./cats/../cats/a.jpg") == (1,)
    assert of("in/cats/a.jpg", "cats/a.jpg") == (1,)
    assert of("b, c.jpg") == (4,)
    assert of("/abs/d.jpg") == (1, 2)
    assert of("\udcff.jpg") == (0,)
    assert of("other.jpg") == (0,)
    assert targets.of(None).indices(SCORES) == (0,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg,1\nb.jpg\n", ":2: expected a path, a comma and a target"),
        ("a.jpg,1,2\n", ":1: expected a path"),
        ("a.jpg,\n", ":1: expected a path"),
        ("a.jpg,1\nb.jpg,2\na.jpg,1\n", ":3: a.jpg already has a row, line 1"),
        ('a.jpg,"1\n', ":1: .*: is it CSV"),
    ],
)
def test_rows_that_are_none_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"targets\.csv{message}"):
        read_rows(written(tmp_path, text))


def test_a_rows_target_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(IgcliError, match=r"targets\.csv:2: 9 is out of range"):
        resolve_targets("top", written(tmp_path, "a.jpg,1\nb.jpg,9\n"), model())
    with pytest.raises(UsageError, match=r"none\.csv: No such file"):
        read_rows(str(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    "text",
    [
        "filename,class\na b.jpg,tabby\nc.jpg,1\n",
        "Label;Image Path\ntabby;a b.jpg\n1;c.jpg\n",
        "a b.jpg;tabby\r\n\r\nc.jpg;1\r\n",
        "a b.jpg\ttabby\nc.jpg\t1",
        "\ufeffa b.jpg,tabby,,\nc.jpg,1,,\n",
        "id,width,file_name,label_name,index\n7,640,a b.jpg,tabby,0\n8,9,c.jpg,1,1\n",
        "image;which\na b.jpg;tabby\nc.jpg;1\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_tables_of_people_and_spreadsheets(text: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(text.removeprefix("\ufeff" * (encoding == "utf-16")).encode(encoding))
    pairs = [(row.path, row.target) for row in read_rows(str(path))]
    assert pairs == [("a b.jpg", "tabby"), ("c.jpg", "1")]


def test_separators_within_names_and_labels(tmp_path: Path) -> None:
    for text in ('a;b.jpg,lynx\nc.jpg,"tabby, cat"\n', "a;b.jpg\tlynx\nc.jpg\ttabby, cat\n"):
        pairs = [(row.path, row.target) for row in read_rows(written(tmp_path, text))]
        assert pairs == [("a;b.jpg", "lynx"), ("c.jpg", "tabby, cat")]


def test_names_of_macos_match_record_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    apart, composed = "u\u0308ber.jpg", "\u00fcber.jpg"
    for row, image in ((apart, composed), (composed, apart)):
        targets = resolve_targets("top", written(tmp_path, f"{row},3\n"), model())
        assert targets.of(Source(f"in/{image}", image)).indices(SCORES) == (3,)
    with pytest.raises(UsageError, match="already has a row, line 1"):
        read_rows(written(tmp_path, f"{apart},1\n{composed},2\n"))


def test_rows_without_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, "a.jpg,1\nd/b.jpg,1\n/x/in.tar/c.jpg,1\nin.tar/e.jpg,1\n")
    rows = RowMatcher(file, read_rows(file))
    assert len(rows.unmatched) == 4
    rows.match(Source(f"{tmp_path}/a.jpg", "a.jpg"))
    rows.match(Source("elsewhere/b.jpg", "d/b.jpg"))
    assert not rows.matches_nothing
    assert [row.line for row in rows.unmatched] == [3, 4]
    rows.match_archive(Source("/x/in.tar", "in.tar"))
    assert rows.unmatched == []
    rows.match_archive(Source("/x/in.tar", "in.tar"), is_read=True)
    rows.match(Source("/x/in.tar/c.jpg", "in.tar/c.jpg"))
    assert [row.line for row in rows.unmatched] == [4]


def of_folder(path: str, name: str, **more: Any) -> tuple[int, ...]:
    return resolve_targets("folder", None, model()).of(Source(path, name, **more)).indices(SCORES)


def test_the_name_of_a_folder_is_the_label(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert of_folder("in/lynx/a.jpg", "lynx/a.jpg") == (1,)
    assert of_folder("in/Tiger_Cat/a.jpg", "Tiger_Cat/a.jpg") == (4,)
    assert of_folder("in/tabby/more/a.jpg", "tabby/more/a.jpg") == (0,)
    assert of_folder("in/tabby/lynx/a.jpg", "tabby/lynx/a.jpg") == (1,)
    assert of_folder("in/lynx/a.jpg", "a.jpg") == (1,)
    assert of_folder("in/5/a.jpg", "5/a.jpg") == (5,)
    assert of_folder("s3://bucket/lynx/a.jpg", "a.jpg") == (1,)
    assert of_folder("https://h/lynx/a.jpg?x=/tabby/b", "a.jpg") == (1,)
    assert of_folder("zip://a.jpg::in/lynx.zip", "a.jpg") == (1,)
    (tmp_path / "tabby").mkdir()
    monkeypatch.chdir(tmp_path / "tabby")
    assert of_folder("a.jpg", "a.jpg") == (0,)


def test_the_label_of_a_member_of_a_tar_file() -> None:
    assert of_folder("x.tar/lynx/a.jpg", "x.tar/lynx/a.jpg", data=b"", label="tabby") == (0,)
    assert of_folder("x.tar/a.jpg", "x.tar/a.jpg", data=b"", label="4") == (4,)
    with pytest.raises(ImageError, match=r"target: folder: the archive has no \.cls member for it"):
        of_folder("x.tar/lynx/a.jpg", "x.tar/lynx/a.jpg", data=b"")


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("taby", "target: folder: the network has no label 'taby'; did you mean tabby"),
        ("9", "target: folder: 9 is out of range"),
        ("top:2", "target: folder: the network has no label 'top:2'"),
        ("crane", "several outputs: use one of the indices 3, 5"),
    ],
)
def test_a_folder_that_is_no_label_fails_its_image(folder: str, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        of_folder(f"in/{folder}/a.jpg", f"{folder}/a.jpg")


def test_a_label_beside_an_image_that_changed_is_another_target() -> None:
    targets = resolve_targets("folder", None, model())
    image = Source("x.tar/a.jpg", "x.tar/a.jpg", b"", label="lynx")
    assert targets.match_record({"status": "ok", "target": 1}, image)
    assert not targets.match_record({"status": "ok", "target": 2}, image)
    assert targets.match_record({"status": "failed", "error": "empty file"}, image)
    assert not targets.match_record({"status": "failed", "error": "target: folder: no"}, image)
    other = Source("x.tar/a.jpg", "x.tar/a.jpg", b"", label="nix")
    assert not targets.match_record({"status": "ok", "target": 1}, other)
    assert targets.match_record({"status": "ok", "target": 1}, Source("in/a.jpg", "a.jpg"))


def test_rows_of_names_without_endings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, "id,label\nd/7f3a,3\nb.jpg,4\n")
    targets = resolve_targets("top", file, model())
    assert targets.of(Source("in/d/7f3a.tif", "d/7f3a.tif")).indices(SCORES) == (3,)
    assert targets.of(Source("in/d/7f3a.x.jpg", "d/7f3a.x.jpg")).indices(SCORES) == (1,)
    # A row for b.jpg says nothing of b.jpg.png.
    assert targets.of(Source("in/b.jpg.png", "b.jpg.png")).indices(SCORES) == (1,)
    rows = RowMatcher(file, read_rows(file))
    rows.match(Source("in/d/7f3a.tif", "d/7f3a.tif"))
    assert [row.path for row in rows.unmatched] == ["b.jpg"]


def test_commas_in_urls_and_the_first_line_of_excel(tmp_path: Path) -> None:
    url = "https://h/a.jpg?crop=26,19,x0&w=80"
    assert read_rows(written(tmp_path, f"{url},lynx\nb.jpg,1\n"))[0].path == url
    for start in ("sep=;\r\n", "sep=;\nimage;label\n"):
        rows = read_rows(written(tmp_path, start + "a,b.jpg;lynx\n"))
        assert [(row.path, row.target) for row in rows] == [("a,b.jpg", "lynx")]
