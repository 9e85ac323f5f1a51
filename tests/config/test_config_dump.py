"""Settings written as YAML and read again."""

import os
import re
from pathlib import Path

import pytest

from igcli.config.dump import absolute, template, to_yaml
from igcli.config.keys import walk
from igcli.config.load import load_settings
from igcli.config.schema import KEYS, Settings
from igcli.config.yaml_source import read_yaml

CASES: list[dict[str, object]] = [
    {},
    {"gif": True, "arrays": True, "batch_size": 7, "steps": 1},
    {"gif.loop": 3, "gif.frame_ms": 70, "panel.columns": ("label", "image")},
    {"model": "nets/a b.keras", "model.size": (224, 192), "model.labels": "../l.txt"},
    {"model.preprocess": "none"},
    {"panel.preset": "notebook_outlines", "panel.style": "overlay"},
    {"model.preprocess.mean": 1e-05, "model.preprocess.std": 1e22},
    {"method": "grad_cam", "grad_cam.layer": "block5_conv3"},
    {"panel.columns": ("image", "layer_cam")},
    {"output": "010"},
    {"output": "null"},
    {"output": "# x: [y"},
    {"output": "a\nb\t\x1b[31m"},
    {"output": "名前 😀 \u2028"},
    {"output": os.fsdecode(b"latin-\xe9")},
    {"model": "./demo", "device": "gpu:1"},
]


pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.mark.parametrize("overrides", CASES, ids=str)
def test_what_is_written_gives_the_same_settings(overrides: dict[str, object]) -> None:
    settings = load_settings(None, overrides).settings
    written = to_yaml(settings)
    Path("elsewhere").mkdir()
    Path("elsewhere/config.yaml").write_text(written, encoding="utf-8")
    again = load_settings("elsewhere/config.yaml", {}).settings
    assert to_yaml(again) == written
    expected = settings.model_dump()
    expected["output"] = f"{Path.cwd()}/{settings.output}"
    if settings.model.source != "demo":
        expected["model"]["source"] = str(Path.cwd() / settings.model.source)
    if settings.model.labels:
        expected["model"]["labels"] = str(Path.cwd().parent / "l.txt")
    assert again.model_dump() == expected


def test_absolute_paths_keep_to_links() -> None:
    here = str(Path.cwd())
    assert absolute("a/./b/") == f"{here}/a/b"
    assert absolute("../a") == f"{Path.cwd().parent}/a"
    assert absolute("/x/y") == "/x/y"
    assert absolute("link/../a") == f"{here}/link/../a"


def test_the_template_holds_the_defaults() -> None:
    Path("igcli.yaml").write_text(template(), encoding="utf-8")
    assert load_settings(None, {}).settings == Settings()


def test_the_template_names_every_key_with_its_help() -> None:
    text = " ".join(template().replace("# ", " ").replace("#", "").split())
    for key in walk(KEYS):
        within_a_value = key.path[:2] == ("model", "preprocess") and len(key.path) == 3
        if not within_a_value:
            assert f" {key.path[-1]}:" in text
            assert key.help.rstrip(".").replace("#", "") in text


def test_the_template_s_commented_keys_are_yaml_of_the_schema_too() -> None:
    lines = [
        re.sub(r"^(\s*)# ( *)(?=[a-z_]+:( |$))", r"\1\2", line)
        for line in template().splitlines()
        if line != "gif: false"
    ]
    assert max(map(len, lines)) <= 100
    Path("all.yaml").write_text("\n".join(lines), encoding="utf-8")
    document = read_yaml("all.yaml")
    assert not document.problems
    leaves = {key.path for key in walk(KEYS) if not key.children or key.scalars}
    alternatives = {path for path in leaves if path[:2] == ("model", "preprocess") and path[2:]}
    groups = {key.path for key in walk(KEYS) if key.children and not key.scalars}
    free = {path for path in document.key_marks if path[:-1] == ("model", "feeds")}
    assert set(document.key_marks) - free == (leaves - alternatives) | groups
