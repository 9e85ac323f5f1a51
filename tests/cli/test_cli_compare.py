import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from scipy.stats import spearmanr

from support.runs import arrays, failed, ok, picture, write_file, write_run


def attributions(seed: int, shape: tuple[int, ...] = (20, 20, 3)) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def add(folder: Path, name: str, values: Any, **changes: Any) -> dict[str, Any]:
    write_file(folder, f"arrays/{name}.npz", arrays(values))
    write_file(folder, f"panels/{name}.jpg", picture(20))
    return ok(name, arrays=f"arrays/{name}.npz", **changes)


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Images that agree wholly, half and not at all, and one that only one run has."""
    first, second = tmp_path / "run a", tmp_path / "run b"
    a, b = attributions(1), attributions(2)
    write_run(
        first,
        [
            add(first, "same", a, score=0.5),
            add(first, "near", a, score=0.5),
            add(first, "against", a, score=0.5, target=3, label="x"),
            ok("only a"),
        ],
    )
    write_run(
        second,
        [
            add(second, "same", a, score=0.5),
            add(second, "near", a + b, score=0.75),
            add(second, "against", -a, score=0.25),
        ],
    )
    return first, second


def test_the_table_has_the_worst_first(cli: Cli, runs: tuple[Path, Path]) -> None:
    result = cli("compare", *runs)
    assert result.code == 0
    near = attributions(1).astype(float).mean(-1).ravel()
    other = (attributions(1) + attributions(2)).astype(float).mean(-1).ravel()
    correlation = spearmanr(near, other).statistic
    # 5% of 400 pixels.
    tops = [set(np.argsort(-abs(values), kind="stable")[:20]) for values in (near, other)]
    overlap = len(tops[0] & tops[1]) / 20
    rows = [line.split() for line in result.lines]
    assert rows[0] == ["correlation", "top-5%", "score", "A", "score", "B", "change", "image"]
    assert rows[1:] == [
        ["-1.0000", "100.0%", "0.5", "0.25", "-0.25", "against"],
        [f"{correlation:.4f}", f"{overlap:.1%}", "0.5", "0.75", "+0.25", "near"],
        ["1.0000", "100.0%", "0.5", "0.5", "+0", "same"],
    ]
    assert "against: warning: the targets differ" in result.err
    assert "3 images compared; 1 only in A" in result.err
    assert f"rank correlation {correlation:.4f} (median), -1.0000 (worst)" in result.err


def test_json_ends_in_the_summary(cli: Cli, runs: tuple[Path, Path]) -> None:
    *records, summary = map(json.loads, cli("compare", *runs, "--json", "-q").lines)
    assert [record["image"] for record in records] == ["against", "near", "same"]
    assert records[1]["score_change"] == pytest.approx(0.25)
    assert (records[0]["target_a"], records[0]["target_b"]) == (3, 1)
    assert records[0]["warnings"] == ["the targets differ"]
    assert (summary["compared"], summary["failed"], summary["only_a"]) == (3, 0, 1)
    assert summary["rank_correlation"]["worst"] == pytest.approx(-1)
    assert summary["score_change"]["largest"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("least", "code", "named"),
    [("-1", 0, []), ("0", 3, ["against"]), ("0.99", 3, ["against", "near"])],
)
def test_the_gate(
    cli: Cli, runs: tuple[Path, Path], least: str, code: int, named: list[str]
) -> None:
    result = cli("compare", *runs, "--min-correlation", least)
    assert result.code == code
    line = [line for line in result.err.splitlines() if "rank correlation below" in line]
    assert len(line) == (code == 3)
    for name in ("against", "near", "same"):
        assert any(f"{name} (" in text for text in line) == (name in named)


def test_the_gate_names_the_worst_five(cli: Cli, tmp_path: Path) -> None:
    a = attributions(1)
    for folder, sign in ((tmp_path / "a", 1), (tmp_path / "b", -1)):
        write_run(folder, [add(folder, f"i{number}", sign * a) for number in range(8)])
    result = cli("compare", "a", "b", "--min-correlation", "0.5", "-q")
    assert result.code == 3
    assert result.err == (
        "igcli: rank correlation below 0.5: i0 (-1.0000), i1 (-1.0000), i2 (-1.0000), "
        "i3 (-1.0000), i4 (-1.0000) and 3 more\n"
    )


def test_the_gallery_shows_both_and_leaves_the_runs_alone(
    cli: Cli, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    (tmp_path / "pages").mkdir()
    assert cli("compare", *runs, "--gallery", "pages/both.html").code == 0
    page = tmp_path / "pages" / "both.html"
    html = page.read_text()
    assert '"../run%20a/panels/"' in html
    assert '"../run%20b/panels/"' in html
    added = set(tmp_path.rglob("*")) - set(before)
    values = page.parent / "both-files" / "values"
    assert {page, values / "near.js"} <= added
    assert all(path.is_relative_to(page.parent) for path in added)
    assert cli("compare", *runs, "--gallery", page).code == 0
    page.write_text("mine")
    refused = cli("compare", *runs, "--gallery", page)
    assert (refused.code, refused.out) == (2, b"")
    assert "was not written by igcli" in refused.err
    assert page.read_text() == "mine"


def test_the_gallery_is_written_though_nobody_reads_the_table(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    script = '"$0" -m igcli compare "$1" "$2" --gallery both.html | true; exit "${PIPESTATUS[0]}"'
    command = ["bash", "-c", script, sys.executable, *map(str, runs)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (141, b"")
    assert (tmp_path / "both.html").exists()


def test_what_cannot_be_compared_is_named(cli: Cli, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    a = attributions(1)
    names = ["size", "cut", "gone", "none", "bad\n", "nan", "twice", "fine"]
    records = [add(first, name, a) for name in names]
    write_run(first, [*records[:6], failed("twice", "no"), records[7]])
    twins = {name: add(second, name, a) for name in names}
    write_file(second, "arrays/size.npz", arrays(attributions(1, (10, 20, 3))))
    write_file(second, "arrays/cut.npz", (second / "arrays/cut.npz").read_bytes()[:900])
    (second / "arrays/gone.npz").unlink()
    twins["none"] = ok("none")
    twins["bad\n"] = failed("bad\n", "truncated image")
    write_file(second, "arrays/nan.npz", arrays(a * np.float32("nan")))
    twins["twice"] = failed("twice", "no")
    write_run(second, list(twins.values()))
    result = cli("compare", first, second)
    assert result.code == 3
    assert [line.split()[-1] for line in result.lines] == ["image", "fine"]
    for said in (
        "size: not compared: the attributions differ in size: 20x20 and 10x20",
        "cut: not compared: cannot read array 'attributions' from 'arrays/cut.npz'",
        "gone: not compared: output 'arrays/gone.npz' cannot be read: No such file",
        "none: not compared: run B has no arrays of it",
        "bad\\n: not compared: failed in run B: truncated image",
        "nan: not compared: the attributions of run B are not finite",
    ):
        assert said in result.err
    assert "twice" not in result.err


def test_a_flat_map_beside_a_flat_one_passes_the_gate(cli: Cli, tmp_path: Path) -> None:
    flat = np.zeros((4, 4, 3), np.float32)
    for name in ("a", "b"):
        write_run(tmp_path / name, [add(tmp_path / name, "flat", flat)])
    result = cli("compare", "a", "b", "--min-correlation", "0.9")
    assert result.code == 0
    assert result.lines[1].split() == ["-", "-", "0.5", "0.5", "+0", "flat"]


REFUSED = {
    "no such run": (["a", "gone"], "holds no results.jsonl"),
    "no arrays": (["a", "bare"], "run igcli attribute with --arrays"),
    "nothing in common": (["a", "other"], "no image in common"),
    "a gate that nothing passes": (["a", "a", "--min-correlation", "2"], "--min-correlation"),
    "a page in no folder": (
        ["a", "a", "--gallery", "no/where.html"],
        "name a file in an existing folder",
    ),
    "a page that is a folder": (["a", "a", "--gallery", "bare"], "not overwritten"),
    "one run": (["a"], "Missing argument"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_gets_one_line(cli: Cli, tmp_path: Path, name: str) -> None:
    arguments, said = REFUSED[name]
    write_run(tmp_path / "a", [add(tmp_path / "a", "x", attributions(1))])
    write_run(tmp_path / "bare", [ok("x")])
    write_run(tmp_path / "other", [ok("y")])
    result = cli("compare", *arguments)
    assert (result.code, result.out) == (2, b"")
    assert said in result.err
    assert result.err.count("\n") == 1
