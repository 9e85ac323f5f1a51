"""The page in a real browser: used, and attacked."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from igcli.gallery.html import to_html
from igcli.gallery.image_scripts import ImageScripts
from igcli.gallery.run_page import PageFiles, run_page
from igcli.gallery.thumbnails import Thumbnails
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.results import read_results
from igcli.outputs.run_files import write_page
from support.chromium import SHOWN, Tab
from support.runs import animation, failed, ok, picture, write_file, write_run

Browse = Callable[[Path], Tab]

NAMES = "[...document.querySelectorAll('#grid .name')].map(e => e.textContent)"
LOADED = "[...document.querySelectorAll('#grid img')].every(e => e.complete && e.naturalWidth)"
HOSTILE = [
    "<script>hacked=1</script>.jpg",
    '"><img src=x onerror=hacked=1>.jpg',
    "'onmouseover='hacked=1'.jpg",
    "</script><script>hacked=1</script>.jpg",
    "<!--<script>.jpg",
    "{{ 7 * 7 }}{% raw %}.jpg",
    "a#b.jpg",
    "a?b=c&d.jpg",
    "a%41%2e%.jpg",
    "sp ace+.jpg",
    "new\nline\ttab.jpg",
    "javascript:hacked=1.jpg",
    "back\\slash.jpg",
    "\u2028\u2029\u202egnp.jpg",
    "größe 名前 😀.jpg",
    "bytes \udcff\udcfe.jpg",
    "&lt;b&gt;&amp;.jpg",
    "x" * 200 + ".jpg",
]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    records = [
        ok("cats/b.png", label="tiger cat", score=0.9, completeness_error=0.2),
        ok("cats/a10.png", label="tabby", score=0.4, completeness_error=None, warnings=["flat"]),
        ok("dogs/a9.png", label="Groenendael", score=0.7, completeness_error=0.01),
        failed("dogs/broken.png", "truncated image: the file ends after 1,204 bytes"),
    ]
    for place, record in enumerate(records[:3]):
        write_file(tmp_path, record["panel"], picture(100 + place, 50))
    records[2]["gif"] = "gifs/dogs/a9.png.gif"
    write_file(tmp_path, records[2]["gif"], animation(30, 30))
    return write_run(tmp_path, records)


def test_search_show_and_sort(browse: Browse, small: Path) -> None:
    tab = browse(small)
    everything = ["cats/b.png", "cats/a10.png", "dogs/a9.png", "dogs/broken.png"]
    assert tab.run(NAMES) == everything
    tab.press("/", *"TABBY")
    assert tab.run(NAMES) == ["cats/a10.png"]
    assert tab.run("document.querySelector('#count').textContent") == "1 image"
    tab.press("Escape", *"dogs gro")
    assert tab.run(NAMES) == ["dogs/a9.png"]
    tab.press(*"zzz")
    assert tab.run(NAMES) == []
    assert "No image matches" in tab.run("document.querySelector('#grid').textContent")
    tab.press("Escape")
    orders = {
        "name": [1, 0, 2, 3],
        "score-down": [0, 2, 1, 3],
        "score-up": [1, 2, 0, 3],
        "completeness_error-down": [0, 2, 1, 3],
        "completeness_error-up": [2, 0, 1, 3],
        "": [0, 1, 2, 3],
    }
    for order, places in orders.items():
        choose(tab, "sort", order)
        assert tab.run(NAMES) == [everything[place] for place in places], order
    choose(tab, "show", "failed")
    assert tab.run(NAMES) == ["dogs/broken.png"]
    assert "ends after 1,204 bytes" in tab.run("document.querySelector('.reason').textContent")
    choose(tab, "show", "warned")
    assert tab.run(NAMES) == ["cats/a10.png"]
    assert tab.complaints == []


def choose(tab: Tab, select: str, value: str) -> None:
    tab.run(
        f"(e => {{ e.value = '{value}'; e.dispatchEvent(new Event('change')); }})"
        f"(document.getElementById('{select}'))"
    )


def test_what_was_chosen_survives_a_reload(browse: Browse, small: Path) -> None:
    tab = browse(small)
    choose(tab, "sort", "score-up")
    tab.press("/", *"cats")
    address = tab.run("location.href")
    tab.open("about:blank")
    tab.open(address)
    assert tab.run(NAMES) == ["cats/a10.png", "cats/b.png"]
    assert tab.run("document.getElementById('search').value") == "cats"
    assert tab.run("document.getElementById('sort').value") == "score-up"


def test_keys_move_open_and_close(browse: Browse, small: Path) -> None:
    tab = browse(small)
    focused = "document.activeElement.querySelector('.name')?.textContent"
    name = "document.getElementById('large-name').textContent"
    is_open = "document.getElementById('large').open"
    tab.press("ArrowRight")
    assert tab.run(focused) == "cats/b.png"
    tab.press("ArrowRight", "ArrowRight")
    assert tab.run(focused) == "dogs/a9.png"
    tab.press("ArrowLeft", "Enter")
    assert tab.run(is_open)
    assert tab.run(name) == "cats/a10.png"
    tab.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert tab.run(name) == "dogs/broken.png"
    tab.wait("document.getElementById('large-body').textContent.includes('truncated image')")
    tab.press("ArrowLeft", "Escape")
    assert not tab.run(is_open)
    tab.wait(f"{focused} === 'dogs/a9.png'")  # A dialog tells of its end a moment later.
    tab.press("Home")
    assert tab.run(focused) == "cats/b.png"
    tab.press("End")
    assert tab.run(focused) == "dogs/broken.png"
    tab.size(390, 844)
    tab.press("ArrowUp")
    assert tab.run(focused) == "dogs/a9.png"
    assert tab.complaints == []


def test_a_run_of_animations_alone_shows_their_first_frames(browse: Browse, tmp_path: Path) -> None:
    write_file(tmp_path, "gifs/a.gif", animation(60, 40))
    folder = write_run(tmp_path, [ok("a.jpg", panel=None, gif="gifs/a.gif")])
    tab = browse(folder)
    tab.wait("document.querySelector('#grid img')?.naturalWidth")
    assert not any(url.endswith(".gif") for url in tab.requests)
    tab.press("ArrowRight", "Enter")
    tab.wait("document.querySelector('.pictures img')?.naturalWidth === 60")
    assert tab.complaints == []


def test_hostile_names_are_text_and_their_links_work(browse: Browse, tmp_path: Path) -> None:
    records = []
    for place, name in enumerate(HOSTILE):
        stem = name.removesuffix(".jpg")
        record = ok(name, label=name, panel=f"panels/{stem}.jpg", warnings=[name], source=name)
        write_file(tmp_path, record["panel"], picture(20 + place))
        records.append(record)
    records += [failed(f"{name}.bad", name) for name in HOSTILE]
    tab = browse(write_run(tmp_path / ".", records))
    tab.run("document.querySelectorAll('#grid img').forEach(e => e.loading = 'eager')")
    tab.wait(LOADED)
    widths = "[...document.querySelectorAll('#grid img')].map(e => e.naturalWidth)"
    assert tab.run(widths) == [20 + place for place in range(len(HOSTILE))]
    shown = tab.run(NAMES)
    assert shown[0] == HOSTILE[0]
    assert shown[HOSTILE.index("new\nline\ttab.jpg")] == "new\\nline\\ttab.jpg"
    assert shown[HOSTILE.index("bytes \udcff\udcfe.jpg")] == "bytes \\xff\\xfe.jpg"
    assert shown[HOSTILE.index("größe 名前 😀.jpg")] == "größe 名前 😀.jpg"
    for place in range(len(shown)):
        tab.run(f"document.querySelectorAll('.open')[{place}].click()")
        assert tab.run("document.getElementById('large-name').textContent") == shown[place]
    tab.wait(SHOWN)
    assert tab.run("typeof hacked") == "undefined"
    assert tab.run("document.scripts.length") == 2
    assert tab.complaints == []
    inside = tuple((tmp_path / name).as_uri() for name in ("panels", "gallery"))
    assert all(url.startswith(inside) for url in tab.requests if "index.html" not in url)


def test_nothing_else_is_loaded_even_where_a_script_asks(browse: Browse, small: Path) -> None:
    tab = browse(small)
    tab.run("document.body.append(Object.assign(new Image(), {src: 'data:image/gif;base64,R0='}))")
    added = "Object.assign(document.createElement('style'), {textContent: 'body{opacity:0}'})"
    tab.run(f"document.head.append({added})")
    refused = tab.run("fetch('results.jsonl').then(() => false, () => true)")
    assert refused
    assert tab.run("getComputedStyle(document.body).opacity") == "1"
    with pytest.raises(RuntimeError, match="TrustedHTML"):
        tab.run("document.body.innerHTML = '<b>'")
    assert len([text for text in tab.complaints if "Content Security Policy" in text]) >= 3


def test_five_thousand_images(tab: Tab, tmp_path: Path) -> None:
    write_file(tmp_path, "picture.webp", picture(224, 224))
    (tmp_path / "gallery" / "thumbnails").mkdir(parents=True)
    records, scripts, thumbnails = [], {}, {}
    for number in range(5000):
        image, key = f"animals/photo-{number}.jpg", f"gallery/thumbnails/{number:024x}"
        others = [{"method": "gradients", "target": 1, "label": "tabby", "score": 0.5}]
        score = (number * 37 % 5000) / 5000
        files = {"arrays": f"arrays/animals/photo-{number}.npz", "others": others}
        records.append(ok(image, score=score, label=f"l{number % 7}", **files))
        scripts[image] = ImageScripts(f"gallery/values/animals/photo-{number}.js")
        thumbnails[image] = Thumbnails(f"{key}-image.webp", (f"{key}-0.webp", f"{key}-1.webp"))
        for name in (thumbnails[image].image, *map(str, thumbnails[image].attributions)):
            os.link(tmp_path / "picture.webp", tmp_path / name)
        if number in range(59, 62):
            script = f'igcliValues({{"image":"{image}","views":[]}});'
            write_file(tmp_path, str(scripts[image].values), script.encode())
            write_file(tmp_path, records[-1]["panel"], picture(728, 294))
    folder = LocalFolder(os.fspath(write_run(tmp_path, records)))
    write_page(folder, to_html(run_page(read_results(folder), PageFiles(scripts, thumbnails))))
    assert (tmp_path / "index.html").stat().st_size < 2_000_000
    tab.open((tmp_path / "index.html").as_uri())
    paint = tab.wait("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    assert paint < 1000
    assert tab.run("performance.getEntriesByType('navigation')[0].domComplete") < 2000
    assert tab.run("document.querySelectorAll('#grid .card').length") == 60
    assert len(tab.requests) <= 181
    assert tab.run("document.getElementById('count').textContent") == "1\u201360 of 5,000"
    choose(tab, "sort", "score-down")
    assert tab.run(NAMES)[:2] == ["animals/photo-2027.jpg", "animals/photo-4054.jpg"]
    tab.press("/", *"4999")
    assert tab.run(NAMES) == ["animals/photo-4999.jpg"]
    tab.press("Escape")
    choose(tab, "sort", "")
    tab.run("document.querySelectorAll('.open')[59].focus()")
    tab.press("ArrowRight")
    assert (
        tab.run("document.activeElement.querySelector('.name').textContent")
        == "animals/photo-60.jpg"
    )
    tab.press("ArrowLeft")
    assert (
        tab.run("document.activeElement.querySelector('.name').textContent")
        == "animals/photo-59.jpg"
    )
    tab.press("Enter", "ArrowRight", "ArrowRight", "Escape")
    tab.wait(
        "document.activeElement.querySelector('.name')?.textContent === 'animals/photo-61.jpg'"
    )
    assert tab.run("document.querySelector('#pages').textContent") == "← PreviousPage 2 of 84Next →"
    assert tab.complaints == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_window(browse: Browse, small: Path, width: int) -> None:
    long = "W" * 300
    lines = (small / "results.jsonl").read_bytes()
    write_run(small, [ok(f"{long[:200]}.png", label=long)], tail=lines)
    tab = browse(small)
    tab.size(width, 800, mobile=width < 700)
    assert tab.run("document.documentElement.scrollWidth") <= width
    tab.press("ArrowRight", "Enter")
    assert tab.run("document.getElementById('large').scrollWidth") <= width


def test_dark_and_light(browse: Browse, small: Path) -> None:
    tab = browse(small)
    paper = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert min(tab.run(paper)) > 200
    tab.dark()
    assert max(tab.run(paper)) < 60


def test_missing_pictures_are_said_to_be(browse: Browse, small: Path) -> None:
    (small / "panels/cats/b.png.jpg").unlink()
    tab = browse(small)
    tab.wait("!!document.querySelector('.missing')")
    assert "missing or damaged" in tab.run("document.querySelector('.missing').textContent")
