"""The page as text: what stands where, without a browser."""

import base64
import hashlib
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from igcli.gallery.html import to_html, url
from igcli.gallery.run_page import run_page
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.results import read_results
from support.runs import failed, ok, write_run

TEMPLATES = Path(__file__).parents[2] / "igcli" / "gallery" / "templates"
NASTY = "</script><script>x</script>\"'><img src=x onerror=y>&amp;\u2028\u2029{{7*7}}"


class Parsed(HTMLParser):
    """Collects elements and texts as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def html_of(folder: Path) -> str:
    return to_html(run_page(read_results(LocalFolder(os.fspath(folder)))))


def data_of(html: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert match
    data: dict[str, Any] = json.loads(match[1])
    return data


def test_the_policy_names_the_pages_own_script_and_style_and_nothing_else(tmp_path: Path) -> None:
    parsed = Parsed(html_of(write_run(tmp_path, [ok("a.jpg")])))
    [policy] = [
        str(attributes["content"])
        for attributes in parsed.all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "'self'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy
    for rule, text in (
        ("script-src", parsed.texts["script"][1]),
        ("style-src", parsed.texts["style"][0]),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule].split()[0] == f"'sha256-{digest}'"
    assert rules["script-src"].split()[1:] == ["'strict-dynamic'"]
    assert rules["trusted-types"] == "igcli"
    assert not any("style" in attributes for _, attributes in parsed.elements)
    assert not any(name.startswith("on") for _, given in parsed.elements for name in given)


def test_the_page_points_nowhere_else(tmp_path: Path) -> None:
    html = html_of(write_run(tmp_path, [ok("a.jpg")]))
    named = html.replace(
        '"http://www.w3.org/2000/svg"', ""
    )  # A name, from which nothing is loaded.
    assert "//" not in re.sub(r"(?m)(^|\s)//\s.*$", "", named)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", html)


def test_every_value_in_the_template_is_quoted() -> None:
    template = (TEMPLATES / "gallery.html").read_text()
    assert not re.search(r"=\s*{{", template)
    assert "safe" not in re.findall(r"\|\s*(\w+)", template)


def test_the_script_stays_small() -> None:
    lines = [line for path in TEMPLATES.glob("*.js") for line in path.read_text().splitlines()]
    assert (
        len([line for line in lines if line.strip() and not line.strip().startswith("//")]) < 1000
    )
    assert max(len(path.read_text().splitlines()) for path in TEMPLATES.glob("*.js")) < 150


def test_nasty_texts_stay_texts_wherever_they_stand(tmp_path: Path) -> None:
    folder = tmp_path / "</title><script>x<" / "script>"
    record = ok(NASTY, label=NASTY, warnings=[NASTY], panel=NASTY, source=NASTY)
    write_run(folder, [record, failed("b", NASTY)])
    (folder / "config.yaml").write_text(f"method: {json.dumps(NASTY)}\nmodel: '</pre><script>'\n")
    (folder / "summary.json").write_text(json.dumps({"device": NASTY, "versions": {NASTY: NASTY}}))
    html = html_of(folder)
    parsed = Parsed(html)
    assert len(parsed.all("script")) == 2
    assert parsed.all("img") == []
    assert "\u2028" not in html
    assert "7*7" in "".join(parsed.texts["p"])
    [card, broken] = data_of(html)["cards"]
    shown = NASTY.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    assert card[0] == data_of(html)["labels"][card[1]] == card[5][0] == broken[6] == shown


def test_values_of_the_wrong_type_are_survived(tmp_path: Path) -> None:
    odd: list[Any] = [None, True, [], {}, "text", 1e400, 10**400, -1, {"a": [1]}]
    keys = [key for key in ok("x") if key not in ("image", "status")] + ["others", "error"]
    records = [ok(f"{key}-{place}", **{key: odd[place]}) for key in keys for place in range(9)]
    records += [{"image": "bare", "status": "ok"}, {"image": "odd", "status": 7}]
    write_run(tmp_path, records)
    (tmp_path / "summary.json").write_text('{"seconds": "x", "versions": 3, "device": []}')
    (tmp_path / "config.yaml").write_bytes(b"a: [\xff")
    cards = data_of(html_of(tmp_path))["cards"]
    assert [card[0] for card in cards] == [record["image"] for record in records]


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("panels/cats/a.jpg", "panels/cats/a.jpg"),
        ("panels/a b#c?d%e&f.jpg", "panels/a%20b%23c%3Fd%25e%26f.jpg"),
        ("panels/\udcff\n.jpg", "panels/%FF%0A.jpg"),
        ("panels/ß.jpg", "panels/%C3%9F.jpg"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("data:text/html,x", "data%3Atext/html%2Cx"),
        ("back\\slash", "back%5Cslash"),
        ("../outside.jpg", None),
        ("panels/../../x", None),
        ("/etc/passwd", None),
        ("//host/x.jpg", None),
        ("http://host/x.jpg", None),
        ("panels/", None),
        ("", None),
        ("a\0b", None),
        ("\ud800", None),
        (None, None),
        (7, None),
    ],
)
def test_links(name: object, link: str | None) -> None:
    assert url(name) == link


def test_links_into_another_folder() -> None:
    assert url("panels/a.jpg", "../run b") == "../run%20b/panels/a.jpg"


def evaluation(name: str, **changes: Any) -> dict[str, Any]:
    """An evaluation of one metric and one method, both with a name of one's own."""
    mean = {"images": 9, "mean": 0.25, "median": 0.2, "interval": [0.125, 0.5]}
    return {
        "controls": ["random"],
        "better": {name: "higher"},
        "options": {name: {}},
        "methods": {name: {name: mean}, "random": {name: mean}},
        "differences": {name: [{"first": name, "second": "random", **mean, "beats": False}]},
        "findings": [f"{name} does not beat random"],
        "curves": {name: {"shares": [0, 0.5, 1], "scores": {name: [-1.0, 0.0, 1.0]}}},
        **changes,
    }


def test_names_in_an_evaluation_stay_text(tmp_path: Path) -> None:
    output = write_run(tmp_path, [ok("a.jpg")])
    plain = Parsed(html_of(output))
    (output / "evaluation.json").write_text(json.dumps(evaluation(NASTY)))
    parsed = Parsed(html_of(output))
    shown = NASTY.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    assert f"{shown} ↑" in parsed.texts["th"]
    assert shown in parsed.texts["th"]
    assert any(shown in text for text in parsed.texts["li"])
    assert "0.2500 [0.1250, 0.5000]*" in parsed.texts["td"]
    assert len(parsed.all("script")) == len(plain.all("script"))
    assert not [image for image in parsed.all("img") if image.get("onerror")]
    [line] = parsed.all("polyline")
    assert line["points"] == "0.0,180.0 150.0,90.0 300.0,0.0"


MEAN = {"images": 9, "mean": 0.5, "median": 0.5, "interval": [0.1, 0.9]}


@pytest.mark.parametrize(
    "changes",
    [
        {"methods": {"a": {"m": {**MEAN, "interval": []}}}},
        {"methods": {"a": {"m": {**MEAN, "interval": ["x", {}]}}}},
        {"methods": {"a": {"m": [0.5]}}},
        {"methods": None},
        {"options": 5},
        {"controls": [["random"]]},
        {"differences": {"m": [{"first": 1, "beats": False, "interval": 3}]}},
        {"differences": {"m": 3}},
        {"findings": 3},
        {"curves": {"m": {"shares": [0, 1], "scores": {"m": [0.5]}}}},
        {"curves": {"m": {"shares": [0, 1], "scores": {"m": [0, 10**400]}}}},
        {"curves": {"m": {"shares": [0, 1], "scores": {"m": [0, float("nan")]}}}},
        {"curves": {"m": {"shares": ["<", ">"], "scores": {"m": [0, 1]}}}},
        {"curves": {"m": {"shares": [], "scores": {"m": []}}}},
        {"curves": []},
    ],
)
def test_an_evaluation_that_was_edited_leaves_the_page_whole(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    output = write_run(tmp_path, [ok("a.jpg")])
    path = output / "evaluation.json"
    for text in (json.dumps(evaluation("m", **changes)), "[" * 100_000, "5", "{}", '{"options'):
        path.write_text(text)
        html = html_of(output)
        assert data_of(html)["cards"]
        assert "nan" not in "".join(str(line) for line in Parsed(html).all("polyline"))


def test_curves_without_lines_are_a_plot_without_lines(tmp_path: Path) -> None:
    output = write_run(tmp_path, [ok("a.jpg")])
    changes = {"curves": {"m": {"shares": [0, 1], "scores": {}}}}
    (output / "evaluation.json").write_text(json.dumps(evaluation("m", **changes)))
    parsed = Parsed(html_of(output))
    assert parsed.all("figure")
    assert not parsed.all("polyline")
