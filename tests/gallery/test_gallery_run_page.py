import json
import os
from pathlib import Path

import pytest

from igcli.gallery.formatting import duration
from igcli.gallery.run_page import describe_settings, model_name, run_page
from igcli.gallery.view_model import (
    GalleryPage,
    Histogram,
    HistogramScale,
    histogram_of,
    score_scale,
)
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.results import read_results
from support.runs import SUMMARY, failed, ok, write_run


def page_of(folder: Path) -> GalleryPage:
    return run_page(read_results(LocalFolder(os.fspath(folder))))


def errors_of(page: GalleryPage) -> Histogram:
    [histogram] = [other for other in page.histograms if other.key == "completeness_error"]
    return histogram


def test_the_head_tells_what_was_done(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "my run", [ok("a"), ok("b"), failed("c", "no")])
    page = page_of(folder)
    assert page.title == "my run"
    assert page.subtitle == "tiny net.keras · on CPU:0 · integrated_gradients, steps 50"
    assert page.facts == {
        "Images": "3",
        "Done": "2",
        "Failed": "1",
        "Gradients": "102",
        "Time": "20 s",
        "Gradients a second": "51.0",
    }
    assert page.texts["Configuration"].startswith("model:\n  source: /nets/tiny net.keras")
    assert page.texts["Versions"] == "igcli 0.1.0\ntensorflow 2.21.0"
    assert page.notes == []
    assert [card.reason for card in page.cards] == ["", "", "no"]


def test_the_last_record_of_an_image_counts(tmp_path: Path) -> None:
    page = page_of(write_run(tmp_path, [failed("a", "no"), ok("b"), ok("a", label="new")]))
    assert [(card.name, card.label, card.reason) for card in page.cards] == [
        ("a", "new", ""),
        ("b", "tabby", ""),
    ]


@pytest.mark.parametrize("tail", [b'{"image": "c", "sta', b'{"image": "c", "status": "ok"}', b"{"])
def test_a_broken_last_line_is_noted(tmp_path: Path, tail: bytes) -> None:
    page = page_of(write_run(tmp_path, [ok("a"), ok("b")], tail=tail))
    assert [card.name for card in page.cards] == ["a", "b"]
    [note] = page.notes
    assert "is incomplete" in note
    assert "the 2 images before it" in note


def test_lines_that_are_no_records_are_counted(tmp_path: Path) -> None:
    tail = b'\n[]\n{"image": 3, "status": "ok"}\n\xff\n' + b"[" * 100_000 + b"\n"
    page = page_of(write_run(tmp_path, [ok("a")], tail=tail))
    assert [card.name for card in page.cards] == ["a"]
    assert page.notes == ["5 lines of results.jsonl are not records; ignored."]


def test_a_run_without_summary_and_configuration_is_shown(tmp_path: Path) -> None:
    write_run(tmp_path, [ok("a")])
    (tmp_path / "summary.json").unlink()
    (tmp_path / "config.yaml").unlink()
    page = page_of(tmp_path)
    assert page.facts == {"Images": "1", "Done": "1", "Failed": "0", "Gradients": "51"}
    assert page.subtitle == ""
    assert page.texts == {}
    assert "no summary.json" in page.notes[0]


def test_a_run_that_is_not_finished_says_so(tmp_path: Path) -> None:
    write_run(tmp_path, [ok("a")])
    summary = json.dumps({**SUMMARY, "finished": False, "total": 1200})
    (tmp_path / "summary.json").write_text(summary)
    expected = "The run was stopped or is still running: 1 of 1,200 images are done."
    assert page_of(tmp_path).notes == [expected]


def test_of_many_images_the_first_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    records = [
        ok("a"),
        failed("b", "x"),
        ok("c"),
        ok("d", completeness_error=0.3),
        ok("a"),
        ok("b"),
    ]
    folder = write_run(tmp_path, records)
    page = run_page(read_results(LocalFolder(os.fspath(folder)), max_images=2))
    assert [card.name for card in page.cards] == ["a", "b"]
    assert not page.cards[1].reason
    facts = {name: page.facts[name] for name in ("Images", "Done", "Failed", "Gradients")}
    assert facts == {"Images": "4", "Done": "4", "Failed": "0", "Gradients": "204"}
    assert "worst 30%" in errors_of(page).note
    [note] = page.notes
    assert note.startswith("This page shows the first 2 images; the figures above cover all 4")


def test_a_run_without_any_image_is_shown(tmp_path: Path) -> None:
    page = page_of(write_run(tmp_path, []))
    assert page.cards == []
    assert page.histograms == []


def test_the_histogram_counts_errors_between_its_edges(tmp_path: Path) -> None:
    errors = [0.0, 0.0009, 0.001, 0.049, 0.05, 0.3, 7.0, None]
    records = [ok(f"{n}", completeness_error=error) for n, error in enumerate(errors)]
    histogram = errors_of(page_of(write_run(tmp_path, [*records, failed("x", "no")])))
    assert [bar.count for bar in histogram.bars] == [2, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1]
    assert [bar.beyond for bar in histogram.bars] == [False] * 6 + [True] * 5
    assert histogram.bars[0].span == "below 0.1%"
    assert histogram.bars[5].span == "2% to 5%"
    assert histogram.bars[-1].span == "100% or more"
    assert [bar.height for bar in histogram.bars][:2] == [1, 0.5]
    assert histogram.note.startswith("median 4.9%, worst 700%, undefined for 1;")


def test_bars_below_a_limit_can_be_the_bad_ones() -> None:
    scale = HistogramScale("x", "X", (0, 1), ("0", "1"), limit=0, bad_above=False)
    histogram = histogram_of([-1, 0, 2, None], scale, "")
    assert histogram is not None
    assert [bar.beyond for bar in histogram.bars] == [True, False, False]
    assert [bar.count for bar in histogram.bars] == [1, 1, 1]
    assert histogram_of([None], scale, "") is None


@pytest.mark.parametrize(
    ("scores", "counts", "second"),
    [
        ([0.0, 0.05, 0.1, 0.95, 1.0], [2, 1, 0, 0, 0, 0, 0, 0, 0, 2], "0.1"),
        ([-5.0, 0.0, 5.0], [1, 0, 0, 0, 0, 1, 0, 0, 0, 1], "-4"),
        ([7.0, 7.0], [2, 0, 0, 0, 0, 0, 0, 0, 0, 0], "7.1"),
    ],
)
def test_scores_have_ten_bars(scores: list[float], counts: list[int], second: str) -> None:
    histogram = histogram_of(scores, score_scale(scores), "")
    assert histogram is not None
    assert [bar.count for bar in histogram.bars] == counts
    assert histogram.bars[1].start == second
    assert not any(bar.beyond for bar in histogram.bars)


def test_further_targets_have_titles(tmp_path: Path) -> None:
    others = [{"method": "gradients", "label": "dog"}, {"method": "<i>", "label": 3}, None]
    [card] = page_of(write_run(tmp_path, [ok("a", others=others)])).cards
    assert card.titles == (
        "Integrated gradients: tabby",
        "Gradients at image: dog",
        "<i>: 3",
        ": ",
    )


@pytest.mark.parametrize(
    ("config", "model", "line"),
    [
        ("", "", ""),
        ("- a", "", ""),
        ("a: [", "", ""),
        ("x: 2001-99-99", "", ""),
        ("model: demo\nsteps: auto\nmethod: gradients", "demo", "gradients, steps auto"),
        ("model: {source: nets/saved/}\nbaseline: {kind: noise}", "saved", ""),
        ("model: {source: null}\nsteps: 3", "", "steps 3"),
    ],
)
def test_what_a_configuration_tells(config: str, model: str, line: str) -> None:
    assert model_name(config) == model
    assert describe_settings(config) == line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4213, "0.421 s"),
        (99, "99 s"),
        (185, "3 min 5 s"),
        (5999, "99 min 59 s"),
        (7400, "2 h 3 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
