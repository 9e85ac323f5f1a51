"""The view of one image, used in a real browser; expected numbers come from NumPy and SciPy."""

import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from scipy.ndimage import gaussian_filter

from igcli.compare.comparison import compare, summarize
from igcli.compare.page import comparison_page
from igcli.compare.page_files import write_comparison_files
from igcli.gallery.html import to_html
from igcli.gallery.run_page import write_gallery
from igcli.gallery.values import PlottedCurve
from igcli.outputs.arrays import encode_arrays
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.results import read_results
from igcli.outputs.run_files import write_page
from igcli.records import Interior
from igcli.render import animation
from igcli.render.options import GifOptions
from support.chromium import SHOWN, Tab
from support.runs import CONFIG, failed, ok, picture, write_file, write_run

Browse = Callable[[Path], Tab]
Values = npt.NDArray[np.float64]

SIDE = 24
ALPHAS = np.linspace(0, 1, 11)
SCORES = np.array([0.1, 0.1, 0.12, 0.2, 0.55, 0.7, 0.9, 0.95, 0.92, 0.9, 0.9], np.float32)
HOSTILE = "</script><img src=x onerror=hacked=1>\u202e#&?%41.jpg"


def exact_map(seed: int) -> Values:
    """Return attributions (H, W) that bytes hold exactly: signed squares, times a scale."""
    rng = np.random.default_rng(seed)
    roots = rng.integers(-100, 128, (SIDE, SIDE))
    roots[0, 0] = 127
    exact: Values = np.sign(roots) * (roots / 127.0) ** 2 * 0.5
    return exact


def three_channels(values: Values) -> npt.NDArray[np.float32]:
    channels = np.zeros((*values.shape, 3), np.float32)
    channels[..., 1] = values
    return channels


def interior() -> bytes:
    """Return the animation of a run: the upper half lights up first, the lower one from 0.5 on."""
    maps = np.zeros((len(ALPHAS), SIDE, SIDE), np.float32)
    maps[:5, : SIDE // 2], maps[5:, SIDE // 2 :] = 1, 1
    image = np.full((SIDE, SIDE, 3), 250, np.uint8)
    return animation.render(image, Interior(ALPHAS, maps), options=GifOptions(), factor=7)


def add(folder: Path, image: str, seed: int = 1, **changes: Any) -> dict[str, Any]:
    """Write the files of an image with arrays and an animation, and return its record."""
    stem = image.removesuffix(".jpg")
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    data = encode_arrays(
        image=pixels,
        attributions=three_channels(exact_map(seed)),
        attributions_gradients_3=three_channels(-exact_map(seed + 1)),
        alphas=ALPHAS,
        scores=SCORES,
    )
    write_file(folder, f"arrays/{stem}.npz", data)
    write_file(folder, f"gifs/{stem}.gif", interior())
    write_file(folder, f"panels/{stem}.jpg", picture(100, 50))
    others = [{"method": "gradients", "target": 3, "label": "dog <b>", "score": 0.25}]
    files = {"panel": f"panels/{stem}.jpg", "gif": f"gifs/{stem}.gif"}
    arrays = {"arrays": f"arrays/{stem}.npz", "others": others}
    return ok(image, **files, **arrays, attribution_sum=float(exact_map(seed).sum()), **changes)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    records = [
        add(folder, "a.jpg", 1, label="tabby", score=0.9, warnings=["odd <i>"]),
        add(folder, "b.jpg", 2, label="dog <b>", score=0.3, completeness_error=0.2),
        ok("plain.jpg", label="tabby", score=0.35, panel="panels/a.jpg"),
        failed("bad.jpg", "truncated <image>"),
    ]
    write_run(folder, records)
    (folder / "config.yaml").write_text(CONFIG + "gif:\n  style: windowing\n")
    return folder


def opened(tab: Tab, folder: Path, name: str) -> Tab:
    tab.open("about:blank")
    tab.open(f"{(folder / 'index.html').as_uri()}#{urlencode({'image': name})}")
    tab.wait(SHOWN)
    return tab


def said(tab: Tab, selector: str = ".figures") -> str:
    text: str = tab.page.locator(selector).inner_text()
    return text


def set_slider(tab: Tab, name: str, value: float) -> None:
    tab.page.get_by_label(name, exact=False).and_(tab.page.locator("[type=range]")).fill(str(value))


def carrying(magnitudes: Values, share: float) -> npt.NDArray[np.intp]:
    """Return the fewest pixels that carry a share, the largest first."""
    order = np.argsort(-magnitudes.ravel(), kind="stable")
    sums = np.cumsum(magnitudes.ravel()[order])
    return order[: int(np.searchsorted(sums, share * sums[-1] * (1 - 1e-9))) + 1]


def test_the_threshold_shows_the_fewest_pixels_that_carry_a_share(
    browse: Browse, run: Path
) -> None:
    tab = opened(browse(run), run, "a.jpg")
    values = exact_map(1)
    parts = {"Positive": values.clip(0), "Negative": (-values).clip(0), "Both": np.abs(values)}
    for sign, share in (("Positive", 50), ("Positive", 3), ("Negative", 50), ("Both", 80)):
        tab.page.get_by_role("radio", name=sign).check()
        set_slider(tab, "Share", share)
        part, text = parts[sign], said(tab)
        pixels = carrying(part, share / 100)
        assert f"The shown pixels, {len(pixels)} of 576" in text
        carried = re.search(r"carry ([\d.]+)%", text)
        assert carried
        expected = part.ravel()[pixels].sum() / part.sum()
        assert float(carried[1]) == pytest.approx(100 * expected, rel=0.005)
        found = re.findall(r"to ([+\u2212][\d.]*\d)", text)
        sums = [float(number.replace("\u2212", "-")) for number in found]
        shown = values.ravel()[pixels].sum()
        assert sums == pytest.approx([shown, values.sum()], rel=0.005)
    assert tab.complaints == []


def test_smoothing_is_gaussian(browse: Browse, run: Path) -> None:
    tab = opened(browse(run), run, "a.jpg")
    set_slider(tab, "Smoothing", 2)
    smooth = gaussian_filter(exact_map(1), 2, mode="reflect", truncate=3)
    count = len(carrying(smooth.clip(0), 0.5))
    assert f"The shown pixels, {count} of 576" in said(tab)


def test_pixels_are_read_by_mouse_and_keys(browse: Browse, run: Path) -> None:
    tab = opened(browse(run), run, "a.jpg")
    readout = ".readout"
    tab.page.locator(".stage").scroll_into_view_if_needed()
    box = tab.page.locator(".stage").bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + box["width"] * 5.5 / SIDE, box["y"] + box["height"] * 2.5 / SIDE)
    assert said(tab, readout).startswith("x 5, y 2: ")
    assert value_in(said(tab, readout)) == pytest.approx(exact_map(1)[2, 5], rel=0.005)
    tab.page.locator(".stage").focus()
    tab.press("Shift+ArrowRight", "Shift+ArrowDown", "Shift+ArrowDown", "+", "+", "+")
    assert said(tab, readout).startswith("x 6, y 4: ")
    assert value_in(said(tab, readout)) == pytest.approx(exact_map(1)[4, 6], rel=0.005)
    # Zoomed around the pixel, the mouse reads other pixels at the same places.
    tab.page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + box["height"] * 0.99)
    before = said(tab, readout)
    assert not before.startswith("x 23, y 23")
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.2)
    tab.page.mouse.up()
    tab.page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + box["height"] * 0.99)
    assert said(tab, readout) != before
    tab.press("0")
    tab.page.mouse.move(box["x"] + box["width"] * 0.98, box["y"] + box["height"] * 0.98)
    assert said(tab, readout).startswith("x 23, y 23")
    assert tab.complaints == []


def value_in(text: str) -> float:
    found = re.search(r"attribution ([+\u2212]?[\d.]+(e[-\u2212]\d+)?)", text)
    assert found
    return float(found[1].replace("\u2212", "-"))


def test_the_step_at_which_the_score_is_half_made(browse: Browse, run: Path) -> None:
    tab = opened(browse(run), run, "a.jpg")
    made = (SCORES - SCORES[0]) / (SCORES[-1] - SCORES[0])
    half = int(np.argmax(made >= 0.5))
    text = said(tab, ".plots")
    assert f"is made at step {half} of 10 (alpha {ALPHAS[half]:g})" in text
    assert tab.run("document.querySelectorAll('.plot .point').length") == len(ALPHAS)
    tab.page.locator(".plot .point").nth(7).click()
    assert "7 of 10, alpha 0.7: score 0.95" in said(tab, ".controls")


def test_further_curves_are_plotted(tab: Tab, run: Path) -> None:
    folder = LocalFolder(os.fspath(run))
    curve = PlottedCurve("Deletion <b>", "share", "score", [0, 0.5, 1], [0.9, 0.2, 0.1])
    write_gallery(folder, {"a.jpg": [curve]})
    opened(tab, run, "a.jpg")
    tab.wait("document.querySelectorAll('.plot').length === 2")
    assert "Deletion <b>" in said(tab, ".plots")
    name = tab.page.locator(".plot").nth(1).get_attribute("aria-label")
    assert name == "Deletion <b>: score from 0.9 to 0.1, between 0.1 and 0.9"
    assert tab.complaints == []


def test_interior_gradients_follow_the_step(browse: Browse, run: Path, tmp_path: Path) -> None:
    tab = opened(browse(run), run, "a.jpg")
    # Show the one largest pixel, which is in the upper half, and then wait for the frames.
    set_slider(tab, "Share", 1)
    tab.wait("document.querySelector('.plots').innerText.includes('dashed line')")
    values = exact_map(1)
    assert values.argmax() // SIDE < SIDE // 2
    assert ", at alpha 0." in said(tab, ".plots")
    tab.page.get_by_role("radio", name="Interior gradients").check()
    set_slider(tab, "Opacity", 0)
    brightness = []
    for step in (2, 8):
        set_slider(tab, "Step", step)
        data = tab.page.locator(".stage").screenshot()
        with Image.open(io.BytesIO(data)) as shot:
            grey = np.asarray(shot.convert("L"), np.float64)
        rows = len(grey) // 2
        brightness.append((grey[10 : rows - 10].mean(), grey[rows + 10 : -10].mean()))
    (early_upper, early_lower), (late_upper, late_lower) = brightness
    assert early_upper > 200 > 50 > early_lower
    assert late_lower > 200 > 50 > late_upper
    assert tab.complaints == []


HELD_SCRIPTS = """
  const { append } = Element.prototype;
  Element.prototype.append = function (...nodes) {
    if (nodes[0] instanceof HTMLScriptElement) window.go = () => append.apply(this, nodes);
    else append.apply(this, nodes);
  };
"""


def test_the_view_waits_for_its_values(tab: Tab, run: Path) -> None:
    write_gallery(LocalFolder(os.fspath(run)))
    tab.page.add_init_script(HELD_SCRIPTS)
    tab.open(f"{(run / 'index.html').as_uri()}#image=b.jpg")
    stage, workbench = tab.page.locator(".stage"), tab.page.locator("#workbench")
    assert not workbench.is_visible()
    tab.press("+", "Shift+ArrowRight", "0", "ArrowLeft")
    assert not workbench.is_visible()
    tab.run("go()")
    tab.wait(SHOWN)
    assert (stage.get_attribute("aria-label") or "").startswith("a.jpg")
    tab.press("ArrowRight")
    assert tab.run("document.getElementById('large-name').textContent") == "b.jpg"
    assert tab.run("document.getElementById('workbench').inert")
    assert (stage.get_attribute("aria-label") or "").startswith("a.jpg")
    tab.run("go()")
    tab.wait(SHOWN)
    assert not tab.run("document.getElementById('workbench').inert")
    assert (stage.get_attribute("aria-label") or "").startswith("b.jpg")
    assert tab.complaints == []


def test_methods_targets_and_the_animation_are_switched(browse: Browse, run: Path) -> None:
    tab = opened(browse(run), run, "a.jpg")
    names = tab.page.locator("#maps").get_by_role("radio")
    assert [names.nth(place).evaluate("e => e.parentElement.innerText") for place in range(4)] == [
        "Integrated gradients: tabby",
        "Gradients at image: dog <b>",
        "Interior gradients",
        "Animation",
    ]
    assert tab.run("document.querySelectorAll('.pictures img').length") == 0
    names.nth(1).check()
    pixels = carrying((-exact_map(2)).clip(0), 0.5)
    assert f"The shown pixels, {len(pixels)} of 576" in said(tab)
    names.nth(3).check()
    tab.wait("document.querySelector('.pictures img')?.naturalWidth")
    assert tab.complaints == []


def test_addresses_keys_and_details(browse: Browse, run: Path) -> None:
    tab = opened(browse(run), run, "b.jpg")
    name = "document.getElementById('large-name').textContent"
    assert tab.run(name) == "b.jpg"
    tab.press("ArrowRight")
    tab.wait(SHOWN)
    assert "--arrays" in said(tab, "#large-body")
    assert "image=plain.jpg" in tab.run("location.hash")
    tab.press("ArrowRight")
    tab.wait(SHOWN)
    assert "truncated <image>" in said(tab, "#large-body")
    tab.press("ArrowLeft", "ArrowLeft", "ArrowLeft")
    tab.wait(SHOWN)
    text = tab.page.locator("#large-body").inner_text()
    assert "odd <i>" in text
    assert "igcli attribute in/a.jpg --config" in text
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.page.get_by_role("button", name="Copy the command").click()
    tab.wait("document.getElementById('large-said').textContent === 'Copied.'")
    copied = tab.run("navigator.clipboard.readText()")
    assert copied.startswith("igcli attribute in/a.jpg --config")
    tab.page.get_by_text("Record", exact=True).click()
    assert '"image": "a.jpg"' in said(tab, "#large-body details pre")
    tab.press("Escape")
    tab.wait("!location.hash.includes('image=')")
    assert tab.complaints == []


def test_scripts_that_are_missing_or_of_others_are_told(browse: Browse, run: Path) -> None:
    tab = browse(run)
    (run / "gallery/values/a.js").unlink()
    opened(tab, run, "a.jpg")
    assert "gallery/values/a.js is missing or damaged" in said(tab, "#large-body")
    (run / "gallery/values/a.js").write_bytes((run / "gallery/values/b.js").read_bytes())
    opened(tab, run, "a.jpg")
    assert "is that of another image" in said(tab, "#large-body")


def test_hostile_texts_stay_texts_in_the_view(browse: Browse, tmp_path: Path) -> None:
    records = [add(tmp_path, HOSTILE, label=HOSTILE, warnings=[HOSTILE], source=HOSTILE)]
    records[0]["others"] = [{"method": HOSTILE, "target": 3, "label": HOSTILE}]
    tab = browse(write_run(tmp_path, records))
    tab.press("ArrowRight", "Enter")
    tab.wait(SHOWN)
    shown = HOSTILE.replace("\u202e", "\\u202e")
    text = tab.page.locator("#large").text_content() or ""
    assert text.count(shown) >= 6
    tab.page.keyboard.press("Escape")
    tab.page.locator("#labels summary").click()
    tab.wait("document.querySelector('#labels-list button')")
    assert shown in (tab.page.locator("#labels-list").text_content() or "")
    tab.page.locator("#as").click()
    assert shown in (tab.page.locator("#table").text_content() or "")
    assert tab.run("typeof hacked") == "undefined"
    assert tab.run("[document.scripts.length, document.querySelectorAll('[onerror]').length]") == [
        2,
        0,
    ]
    assert tab.complaints == []


def test_two_runs_share_sliders_and_show_their_difference(tab: Tab, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 5)):
        write_run(tmp_path / name, [add(tmp_path / name, "x.jpg", seed, score=0.5)])
    first, second = (read_results(LocalFolder(os.fspath(tmp_path / name))) for name in "ab")
    runs = first, second
    agreement = summarize(compare(*runs), *runs)
    folder = LocalFolder(os.fspath(tmp_path))
    files = write_comparison_files(agreement, runs, folder, "both-files")
    html = to_html(comparison_page(agreement, runs, folder.path, files))
    write_page(folder, html, "both.html")
    tab.open(f"{(tmp_path / 'both.html').as_uri()}#image=x.jpg")
    tab.wait("document.querySelectorAll('.stage').length === 3")
    set_slider(tab, "Share", 30)
    maps = [exact_map(1), exact_map(5), exact_map(1) - exact_map(5)]
    counts = [len(carrying(part.clip(0), 0.3)) for part in maps[:2]]
    counts.append(len(carrying(np.abs(maps[2]), 0.3)))
    assert [int(text) for text in re.findall(r"pixels, (\d+) of", said(tab))] == counts
    tab.page.locator(".stage").first.focus()
    tab.press("Shift+ArrowRight")
    readouts = tab.page.locator(".readout").all_inner_texts()
    found = re.match(r"x (\d+), y (\d+)", readouts[0])
    assert found
    x, y = map(int, found.groups())
    expected = [part[y, x] for part in maps]
    assert [value_in(text) for text in readouts] == pytest.approx(expected, rel=0.005, abs=1e-6)
    assert tab.complaints == []


def test_axe_finds_nothing(browse: Browse, run: Path) -> None:
    tab, axe = browse(run), Axe()
    tab.page.locator("#labels summary").click()
    tab.page.locator("#export summary").click()
    assert violations(axe, tab) == []
    tab.page.locator("#as").click()
    tab.dark()
    assert violations(axe, tab) == []
    for name in ("plain.jpg", "a.jpg"):
        opened(tab, run, name)
        assert violations(axe, tab) == []
    tab.page.emulate_media(color_scheme="light")
    assert violations(axe, tab) == []


def violations(axe: Axe, tab: Tab) -> list[str]:
    found = axe.run(tab.page).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


def test_the_view_fits_narrow_windows(browse: Browse, run: Path) -> None:
    tab = opened(browse(run), run, "a.jpg")
    for width in (900, 427, 320):  # 427 is a window of 1280 at 300%.
        tab.size(width, 700)
        assert tab.run("document.getElementById('large').scrollWidth") <= width
        assert tab.run("document.documentElement.scrollWidth") <= width
        narrow = "[...document.querySelectorAll('.stage, [type=range]')].map(e => e.clientWidth)"
        assert min(tab.run(narrow)) > 200


def test_nothing_moves_by_itself(browse: Browse, run: Path) -> None:
    tab = browse(run)
    tab.page.emulate_media(reduced_motion="reduce")
    opened(tab, run, "a.jpg")
    assert not any(url.endswith(".gif") for url in tab.requests)
    assert tab.run("document.getAnimations().length") == 0
