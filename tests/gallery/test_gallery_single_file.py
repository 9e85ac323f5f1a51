"""A page in a single file, opened by a real browser in a folder where there is nothing else."""

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from igcli.gallery.single_file import single_html
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.results import read_results
from igcli.outputs.tar import END, encode_group
from support.chromium import SHOWN, Tab
from support.runs import animation, failed, ok, picture, write_file, write_run

SIZE = (40, 60)
HOSTILE = "</script><img src=x onerror=hacked=1>.jpg"


def npz() -> bytes:
    rng = np.random.default_rng(3)
    file = io.BytesIO()
    np.savez(
        file,
        image=rng.integers(0, 255, (*SIZE, 3)).astype(np.uint8),
        baseline=np.zeros((*SIZE, 3), np.float32),
        attributions=rng.normal(size=(*SIZE, 3)).astype(np.float32),
        alphas=np.linspace(0, 1, 5),
        scores=np.linspace(0, 0.5, 5, dtype=np.float32),
        target=np.int64(1),
    )
    return file.getvalue()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    records = [
        ok("with arrays.jpg", arrays="arrays/a.npz"),
        ok("panel alone.jpg", panel="panels/b.jpg"),
        ok(HOSTILE, label=HOSTILE, arrays="arrays/a.npz", warnings=[HOSTILE]),
        ok("gif alone.jpg", panel=None, gif="gifs/d.gif"),
        ok("x.tar/in a tar.jpg", tar="x.tar", panel="tars/x.tar/in a tar.panel.jpg"),
        ok("all gone.jpg"),
        failed("broken.jpg", "truncated image"),
    ]
    write_run(folder, records)
    write_file(folder, "arrays/a.npz", npz())
    write_file(folder, "panels/b.jpg", picture(300, 120))
    write_file(folder, "gifs/d.gif", animation(30, 20))
    members = {"in a tar.panel.jpg": picture(310, 120)}
    write_file(folder, "tars/x.tar", encode_group(members, "in a tar.jpg", records[4]) + END)
    return folder


@pytest.fixture
def opened(run: Path, tmp_path: Path, tab: Tab) -> Iterator[Tab]:
    before = sorted(path.name for path in run.rglob("*"))
    html = single_html(read_results(LocalFolder(os.fspath(run))))
    assert sorted(path.name for path in run.rglob("*")) == before
    (tmp_path / "empty").mkdir()
    file = tmp_path / "empty" / "page.html"
    file.write_text("<!doctype html>\n" + html)
    tab.open(file.as_uri())
    yield tab
    assert tab.complaints == []
    assert [url for url in tab.requests if not url.startswith("data:")] == [file.as_uri()]
    assert tab.run("typeof hacked") == "undefined"


def test_the_cards_have_their_pictures(opened: Tab) -> None:
    opened.run("document.querySelectorAll('#grid img').forEach(e => e.loading = 'eager')")
    opened.wait("[...document.querySelectorAll('#grid img')].every(e => e.complete)")
    widths = (
        "[...document.querySelectorAll('#grid .card')].map(card =>"
        " [...card.querySelectorAll('img')].map(e => e.naturalWidth))"
    )
    # 40 x 60 is magnified 3 times, the animation's first frame 7 times; what is no panel of
    # today's layout is shown as it is.
    assert opened.run(widths) == [[180, 180], [300], [180, 180], [210], [310], [], []]


def test_the_view_works_without_loading_anything(opened: Tab) -> None:
    opened.run("document.querySelectorAll('.open')[0].click()")
    opened.wait("!!document.querySelector('#large canvas')")
    opened.wait(f"{SHOWN} && /The shown pixels/.test(document.getElementById('large').innerText)")
    opened.run("document.getElementById('next').click()")
    opened.wait("document.querySelector('#large-body img')?.naturalWidth === 300")
    opened.run("document.getElementById('next').click()")
    opened.wait(f"{SHOWN} && /The shown pixels/.test(document.getElementById('large').innerText)")
    assert HOSTILE in opened.run("document.getElementById('large').textContent")
    opened.run("document.getElementById('next').click()")
    opened.wait("document.querySelector('#large-body img')?.naturalWidth === 30")
    opened.run("document.getElementById('next').click()")
    opened.wait("document.querySelector('#large-body img')?.naturalWidth === 310")


def test_links_to_data_are_saved_and_not_opened(opened: Tab) -> None:
    links = (
        "[...document.querySelectorAll('a[href^=\"data:\"]')].map(e => e.hasAttribute('download'))"
    )
    assert opened.run(links) == [True, True]


def test_the_policy_allows_what_the_file_holds_and_nothing_else(run: Path) -> None:
    html = single_html(read_results(LocalFolder(os.fspath(run))))
    [policy] = re.findall('Content-Security-Policy" content="([^"]*)"', html)
    assert "img-src data:;" in policy
    assert re.search(r"script-src &#39;sha256-[^;&]*&#39;;", policy.replace("&#43;", "+"))
    assert "self" not in policy
    assert "unsafe" not in policy
    assert "strict-dynamic" not in policy
    assert not re.search(r"(src|href)=\"(?!#)", html)


def test_equal_runs_make_equal_files(run: Path) -> None:
    results = read_results(LocalFolder(os.fspath(run)))
    assert single_html(results) == single_html(results)
