"""The evaluation of a run on its page."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from igcli.gallery.evaluation import read_curves, read_section
from igcli.gallery.html import to_html
from igcli.gallery.run_page import run_page
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.results import read_results
from support.runs import ok, write_run

NASTY = "</script><script>x</script>\"'><img src=x onerror=y>"


def summary(mean: float, low: float, high: float) -> dict[str, Any]:
    return {"images": 8, "mean": mean, "median": mean, "interval": [low, high]}


def evaluation(**changes: Any) -> dict[str, Any]:
    unbeaten = {"first": "gradients", "second": "edges", **summary(0.1, -0.1, 0.2), "beats": False}
    return {
        "images": 8,
        "failed": 0,
        "controls": ["edges"],
        "better": {"deletion": "lower", "sparseness": None},
        "options": {"deletion": {"steps": 2}, "sparseness": {}},
        "methods": {
            "gradients": {"deletion": summary(0.25, 0.125, 0.5)},
            "edges": {"deletion": summary(0.5, 0.25, 0.75)},
        },
        "findings": ["* gradients does not beat edges in deletion"],
        "differences": {"deletion": [unbeaten]},
        "curves": {
            "deletion": {
                "shares": [0, 0.5, 1],
                "scores": {"gradients": [1, 0.5, 0], "edges": [1, 1, 0]},
            }
        },
        **changes,
    }


def folder_with(path: Path, content: str, lines: str = "") -> LocalFolder:
    write_run(path, [ok("a.jpg")])
    (path / "evaluation.json").write_text(content)
    (path / "evaluation.jsonl").write_text(lines)
    return LocalFolder(os.fspath(path))


def html_of(folder: LocalFolder) -> str:
    return to_html(run_page(read_results(folder)))


def test_the_section_has_the_table_the_findings_and_the_curves(tmp_path: Path) -> None:
    html = html_of(folder_with(tmp_path / "out", json.dumps(evaluation())))
    assert re.findall(r'<th scope="col">(.*?)</th>', html) == ["Method", "deletion ↓", "sparseness"]
    assert re.findall(r"<td>(.*?)</td>", html) == [
        *("0.2500 [0.1250, 0.5000]*", "-"),
        *("0.5000 [0.2500, 0.7500]", "-"),
    ]
    assert "<li>* gradients does not beat edges in deletion</li>" in html
    # 300 wide and 180 high, from the score 1 at the top to 0.
    points = re.findall(r'<polyline class="(.*?)" points="(.*?)">', html)
    assert points == [
        ("line line-0", "0.0,0.0 150.0,90.0 300.0,180.0"),
        ("line line-1 control", "0.0,0.0 150.0,0.0 300.0,180.0"),
    ]


def test_a_run_that_was_not_evaluated_has_no_section(tmp_path: Path) -> None:
    write_run(tmp_path / "out", [ok("a.jpg")])
    folder = LocalFolder(os.fspath(tmp_path / "out"))
    assert read_section(folder) is None
    assert read_curves(folder) == {}
    assert "Evaluation" not in html_of(folder)


@pytest.mark.parametrize(
    "content",
    [
        *("", "null", "[]", "{", "[" * 100_000, '{"options": 3}', '"text"'),
        json.dumps(evaluation(methods=3)),
        json.dumps(evaluation(methods={"a": 3})),
        json.dumps(evaluation(curves={"deletion": {"shares": [1], "scores": {"gradients": []}}})),
        json.dumps(evaluation(curves={"deletion": {"shares": "x", "scores": {"gradients": "x"}}})),
        json.dumps(evaluation(methods={"a": {"deletion": {"mean": 1, "interval": ["x", 1]}}})),
        json.dumps(evaluation(differences={"deletion": [3]})),
        json.dumps(evaluation(findings=3)),
    ],
)
def test_anything_else_is_no_evaluation(tmp_path: Path, content: str) -> None:
    assert read_section(folder_with(tmp_path / "out", content)) is None


def test_texts_stay_texts(tmp_path: Path) -> None:
    nasty = evaluation(
        controls=[NASTY],
        options={NASTY: {}},
        better={NASTY: NASTY},
        methods={NASTY: {NASTY: summary(1, 0, 2)}},
        findings=[NASTY],
        differences={},
        curves={NASTY: {"shares": [0, 1], "scores": {NASTY: [0, 1]}}},
    )
    html = html_of(folder_with(tmp_path / "out", json.dumps(nasty)))
    assert "<script>x" not in html
    assert "<img" not in html
    assert html.count("&lt;script&gt;x") >= 5


def line(**changes: Any) -> str:
    curve = {"shares": [0, 0.5, 1], "scores": [1, 0.25, 0]}
    record = {"image": "a.jpg", "method": "gradients", "target": 3, "curves": {"deletion": curve}}
    return json.dumps(record | changes) + "\n"


def test_an_image_has_the_last_curve_of_each_method_and_metric(tmp_path: Path) -> None:
    old = {"deletion": {"shares": [0, 1], "scores": [9, 9]}}
    bad: list[Any] = [3, None, {"deletion": 3}, {"deletion": {"shares": [0], "scores": ["x"]}}]
    lines = line(curves=old) + line() + line(method="edges")
    lines += "".join(line(image="b.jpg", curves=curves) for curves in bad) + "{torn"
    folder = folder_with(tmp_path / "out", json.dumps(evaluation()), lines)
    [(image, [curve])] = read_curves(folder).items()
    assert (image, curve.title) == ("a.jpg", "deletion of gradients (target 3)")
    assert (curve.x, curve.y) == ([0, 0.5, 1], [1, 0.25, 0])


def test_curves_of_shards_are_shown_too(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "out", json.dumps(evaluation()), line())
    (tmp_path / "out/evaluation").mkdir()
    (tmp_path / "out/evaluation/1-of-2.jsonl").write_text(line(image="b.jpg"))
    assert read_curves(folder).keys() == {"a.jpg", "b.jpg"}
