from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from igcli.errors import IgcliError, UsageError
from igcli.pipeline.targets import Wanted, parse, read_rows, targets
from igcli.records import Source

LABELS = ("tabby", "lynx", "Crane", "crane", "tiger cat", "crane")
SCORES = np.array([0.1, 0.3, 0.3, 0.0, 0.2, 0.1], np.float32)


def parsed(wanted: int | str, labels: tuple[str, ...] | None = LABELS) -> Wanted:
    return parse(wanted, labels, 6, where="target")


def test_top_targets_come_by_falling_score_and_equal_ones_in_order() -> None:
    assert parsed("top").of(SCORES) == (1,)
    assert parsed("top:4").of(SCORES) == (1, 2, 4, 0)
    assert not parsed("top").is_chosen
    assert parsed("top:2").is_chosen


@pytest.mark.parametrize(
    ("wanted", "index"), [(3, 3), ("3", 3), ("lynx", 1), ("Tabby", 0), ("Crane", 2)]
)
def test_a_target_is_an_index_or_a_label(wanted: int | str, index: int) -> None:
    assert parsed(wanted).of(SCORES) == (index,)
    assert parsed(wanted).is_chosen


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (6, "target: 6 is out of range: the network has 6 outputs, 0 to 5"),
        ("1000000", "target: 1000000 is out of range"),
        ("top:7", "target: top:7: the network has 6 outputs"),
        ("top:0", "target: top:0: the network has 6 outputs"),
        ("taby", "no label 'taby'; the nearest: tabby"),
        ("cat", "no label 'cat'; the nearest: tiger cat"),
        ("xyzzy", "no label 'xyzzy'$"),
        ("crane", "the label of several outputs: give one of 3, 5"),
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
    found = targets("tabby", written(tmp_path, text), model())

    def of(path: str, name: str = "x") -> tuple[int, ...]:
        return found.of(Source(path, name)).of(SCORES)

    assert of("cats/a.jpg") == (1,)
    assert of("./cats/../cats/a.jpg") == (1,)
    assert of("in/cats/a.jpg", "cats/a.jpg") == (1,)
    assert of("b, c.jpg") == (4,)
    assert of("/abs/d.jpg") == (1, 2)
    assert of("\udcff.jpg") == (0,)
    assert of("other.jpg") == (0,)
    assert found.of(None).of(SCORES) == (0,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg,1\nb.jpg\n", ":2: expected a path, a comma and a target"),
        ("a.jpg,1,2\n", ":1: expected a path"),
        ("a.jpg,\n", ":1: expected a path"),
        ("a.jpg,1\nb.jpg,2\na.jpg,1\n", ":3: a.jpg has a row already, line 1"),
        ('a.jpg,"1\n', ":1: .*: is it CSV"),
    ],
)
def test_rows_that_are_none_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"targets\.csv{message}"):
        read_rows(written(tmp_path, text))


def test_a_rows_target_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(IgcliError, match=r"targets\.csv:2: 9 is out of range"):
        targets("top", written(tmp_path, "a.jpg,1\nb.jpg,9\n"), model())
    with pytest.raises(UsageError, match=r"none\.csv: No such file"):
        read_rows(str(tmp_path / "none.csv"))
