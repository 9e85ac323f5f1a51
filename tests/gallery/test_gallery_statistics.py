"""Statistics, table and export, used in a real browser."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.chromium import Tab
from support.runs import failed, ok, write_run

Browse = Callable[[Path], Tab]

NAMES = "[...document.querySelectorAll('#grid .name')].map(e => e.textContent)"
ROWS = "[...document.querySelectorAll('tbody th')].map(e => e.textContent)"


@pytest.fixture
def page(browse: Browse, tmp_path: Path) -> Tab:
    rows = [
        ("a", 0.05, 0.003, "tabby", "in/a.jpg"),
        ("b", 0.31, 0.003, "tabby", "in/b é.jpg"),
        ("c", 0.39, 0.07, "dog <b>", "in/\udcff.jpg"),
        ("d", 1.0, None, "tabby", "in/d.jpg"),
    ]
    records = [
        ok(
            f"{name}.jpg",
            score=score,
            completeness_error=error,
            label=label,
            source=source,
            panel=None,
        )
        for name, score, error, label, source in rows
    ]
    records.append(failed("e.jpg", "no"))
    return browse(write_run(tmp_path, records))


def test_bars_filter_the_cards(page: Tab) -> None:
    page.page.get_by_role("button", name="Score 0.3 to 0.4: 2").click()
    assert page.run(NAMES) == ["b.jpg", "c.jpg"]
    page.page.get_by_role("button", name="Completeness error 5% to 10%: 1").click()
    assert page.run(NAMES) == ["c.jpg"]
    pressed = "[...document.querySelectorAll('.bar-button[aria-pressed=true]')].length"
    assert page.run(pressed) == 2
    address = page.run("location.href")
    page.open("about:blank")
    page.open(address)
    assert page.run(NAMES) == ["c.jpg"]
    page.page.get_by_role("button", name="Remove the filter Score 0.3 to 0.4").click()
    assert page.run(NAMES) == ["c.jpg"]
    page.page.get_by_role("button", name="Completeness error 5% to 10%: 1").click()
    assert len(page.run(NAMES)) == 5
    page.page.get_by_role("button", name="Score 0.9 or more: 1").click()
    assert page.run(NAMES) == ["d.jpg"]
    assert page.complaints == []


def test_labels_are_counted_and_filter(page: Tab) -> None:
    page.page.get_by_text("Labels (2)").click()
    page.wait("document.querySelector('#labels-list button')")
    texts = page.page.locator("#labels-list button").all_inner_texts()
    assert [text.split() for text in texts] == [["tabby", "3"], ["dog", "<b>", "1"]]
    page.page.get_by_role("button", name="dog <b> 1").click()
    assert page.run(NAMES) == ["c.jpg"]
    page.page.get_by_role("button", name="Remove the filter Label: dog <b>").click()
    assert len(page.run(NAMES)) == 5


def test_the_table_is_sorted_by_its_headings(page: Tab) -> None:
    page.page.get_by_role("button", name="Table").click()
    assert page.run(ROWS) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"]
    heading = page.page.locator("#table [data-key=score]")
    orders = [
        (["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"], "ascending"),
        (["d.jpg", "c.jpg", "b.jpg", "a.jpg", "e.jpg"], "descending"),
    ]
    for names, direction in orders:
        heading.click()
        assert page.run(ROWS) == names
        assert page.run(f"document.querySelectorAll('th[aria-sort={direction}]').length") == 1
    page.page.locator("#table [data-key=label]").click()
    assert page.run(ROWS)[:3] == ["e.jpg", "c.jpg", "a.jpg"]
    page.press("Tab")
    page.page.get_by_role("button", name="b.jpg").focus()
    page.press("Enter")
    page.wait("document.getElementById('large').open")
    assert page.run("document.getElementById('large-name').textContent") == "b.jpg"
    page.press("Escape")
    page.page.get_by_role("button", name="Cards").click()
    assert page.run(NAMES)[:3] == ["e.jpg", "c.jpg", "a.jpg"]
    assert page.complaints == []


def exported(page: Tab) -> bytes:
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Download").click()
    return Path(download.value.path()).read_bytes()


def test_paths_are_exported_to_the_byte(page: Tab) -> None:
    page.page.locator("#export summary").click()
    assert "the 5 images shown" in page.page.locator("#export").inner_text()
    page.page.locator("#search").fill("tabby")
    assert "the 3 images shown" in page.page.locator("#export").inner_text()
    assert exported(page) == "in/a.jpg\nin/b é.jpg\nin/d.jpg\n".encode()
    page.press("/", "Backspace", "Escape")
    page.page.get_by_label("Choose c.jpg").check()
    page.page.get_by_label("Choose a.jpg").check()
    assert "the 2 chosen images" in page.page.locator("#export").inner_text()
    assert exported(page) == b"in/a.jpg\nin/\xff.jpg\n"
    assert "igcli attribute --files-from images.txt" in page.page.locator("#said").inner_text()
    page.run(
        "(e => { e.value = 'chosen'; e.dispatchEvent(new Event('change')); })"
        "(document.getElementById('show'))"
    )
    assert page.run(NAMES) == ["a.jpg", "c.jpg"]
    assert page.complaints == []


def test_paths_with_line_breaks_end_in_nul(browse: Browse, tmp_path: Path) -> None:
    records = [ok("a.jpg", source="in/a\nb.jpg"), ok("c.jpg", source="in/c.jpg")]
    tab = browse(write_run(tmp_path, records))
    tab.page.locator("#export summary").click()
    assert exported(tab) == b"in/a\nb.jpg\0in/c.jpg\0"
    assert "-0" in tab.page.locator("#said").inner_text()
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.page.get_by_role("button", name="Copy").click()
    tab.wait("document.getElementById('said').textContent === 'Copied.'")
    assert tab.run("navigator.clipboard.readText()") == "in/a\nb.jpg\0in/c.jpg\0"
