"""Two runs side by side, in a real browser."""

import os
from pathlib import Path

import numpy as np

from igcli.compare.comparison import compare, summarize
from igcli.compare.page import comparison_page
from igcli.gallery.html import to_html
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.results import Results, read_results
from igcli.outputs.run_files import write_page
from support.chromium import Tab
from support.runs import animation, arrays, failed, ok, picture, write_file, write_run


def run(folder: Path, width: int, sign: int) -> Results:
    records = []
    for number in range(3):
        name = f"{number}#.png"
        attributions = np.random.default_rng(number).normal(size=(8, 8, 3)).astype(np.float32)
        attributions[..., number] *= sign
        write_file(folder, f"panels/{name}.jpg", picture(width + number))
        write_file(folder, f"gifs/{name}.gif", animation(width + number))
        write_file(folder, f"arrays/{name}.npz", arrays(attributions))
        files = {"gif": f"gifs/{name}.gif", "arrays": f"arrays/{name}.npz"}
        records.append(ok(name, label=f"<i>{sign}", score=0.5 + sign / 4, **files))
    records.append(ok("bad") if sign > 0 else failed("bad", "truncated image"))
    write_run(folder, records)
    return read_results(LocalFolder(os.fspath(folder)))


def test_both_runs_stand_side_by_side(tab: Tab, tmp_path: Path) -> None:
    runs = run(tmp_path / "run a#1", 20, 1), run(tmp_path / "run b?", 50, -1)
    agreement = summarize(compare(*runs), *runs)
    (tmp_path / "pages").mkdir()
    pages = LocalFolder(os.fspath(tmp_path / "pages"))
    write_page(pages, to_html(comparison_page(agreement, runs, pages.path)), "both.html")
    tab.open((tmp_path / "pages" / "both.html").as_uri())
    tab.wait("[...document.querySelectorAll('#grid img')].every(e => e.naturalWidth)")
    pairs = (
        "[...document.querySelectorAll('#grid .card')]"
        ".map(e => [...e.querySelectorAll('img')].map(i => i.naturalWidth))"
    )
    assert sorted(tab.run(pairs)) == [[], [20, 50], [21, 51], [22, 52]]
    first = tab.run("document.querySelector('.card').textContent")
    assert "A: <i>1, B: <i>-1" in first
    assert "Score change −0.5" in first  # noqa: RUF001
    worst = agreement.comparisons[0]
    assert worst.correlation is not None
    assert f"Rank correlation {worst.correlation:.6g}" in first
    last = "[...document.querySelectorAll('.card')].at(-1).textContent"
    assert "failed in run B: truncated image" in tab.run(last)
    tab.size(390, 800, mobile=True)
    assert tab.run("document.documentElement.scrollWidth") <= 390
    assert tab.complaints == []
