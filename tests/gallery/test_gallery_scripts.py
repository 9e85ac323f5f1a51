"""Scripts beside a page: written once, data whoever wrote them, and never over others' files."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from igcli.errors import UsageError
from igcli.gallery.image_scripts import write_image_scripts
from igcli.gallery.run_page import write_gallery
from igcli.gallery.scripts import ScriptFolder
from igcli.gallery.values import PlottedCurve
from igcli.outputs.arrays import encode_arrays
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.results import read_results
from support.runs import failed, ok, write_file, write_run


def content(path: Path) -> Any:
    text = path.read_text("ascii")
    assert text.startswith("igcliValues(")
    assert text.endswith(");\n")
    return json.loads(text[len("igcliValues(") : -len(");\n")])


@pytest.fixture
def scripts(tmp_path: Path) -> ScriptFolder:
    return ScriptFolder(LocalFolder(os.fspath(tmp_path)), "gallery")


def test_a_script_is_made_once(scripts: ScriptFolder, tmp_path: Path) -> None:
    made = []

    def make() -> dict[str, Any]:
        made.append(1)
        return {"value": len(made), "empty": [], "none": None}

    assert scripts.write("values", "a/b.jpg", "m1", make) == "gallery/values/a/b.js"
    path = tmp_path / "gallery" / "values" / "a" / "b.js"
    assert content(path) == {"image": "a/b.jpg", "mark": "m1", "value": 1}
    scripts.write("values", "a/b.jpg", "m1", make)
    assert content(path)["value"] == 1
    scripts.write("values", "a/b.jpg", "m2", make)
    assert content(path)["value"] == 2


@pytest.mark.parametrize(
    "planted",
    [
        'igcliValues({"mark":"m"});stolen();\n',
        'igcliValues(stolen({"mark":"m"}));\n',
        'igcliValues({"mark":"m"}',
        'igcliValues("m");\n',
        "igcliValues(" + "[" * 100_000 + ");\n",
    ],
)
def test_what_is_more_than_data_is_written_anew(
    scripts: ScriptFolder, tmp_path: Path, planted: str
) -> None:
    path = tmp_path / "gallery" / "values" / "a.js"
    path.parent.mkdir(parents=True)
    path.write_text(planted)
    scripts.write("values", "a.jpg", "m", dict)
    assert content(path) == {"image": "a.jpg", "mark": "m"}


def test_a_file_of_others_is_kept(scripts: ScriptFolder, tmp_path: Path) -> None:
    path = tmp_path / "gallery" / "values" / "a.js"
    path.parent.mkdir(parents=True)
    path.write_text("mine()")
    with pytest.raises(UsageError, match="was not written by igcli"):
        scripts.write("values", "a.jpg", "m", dict)
    assert path.read_text() == "mine()"


@pytest.mark.parametrize("image", ["../a.jpg", "a//b", "", "\ud800", "a\0b", "/a", "."])
def test_images_that_no_file_can_be_named_after_have_none(
    scripts: ScriptFolder, tmp_path: Path, image: str
) -> None:
    assert scripts.write("values", image, "m", dict) is None
    assert [*tmp_path.iterdir()] == []


def test_names_are_those_of_other_results(scripts: ScriptFolder) -> None:
    assert scripts.write("values", "b.png", "m", dict) == "gallery/values/b.png.js"
    long = scripts.write("values", "x" * 300 + ".jpg", "m", dict)
    assert long is not None
    assert len(long.rpartition("/")[2]) <= 255


def test_building_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    hostile = "</script><script>x\u2028.jpg"
    folder = write_run(tmp_path, [ok("a.jpg"), ok(hostile, label=hostile), failed("c", hostile)])
    write_gallery(LocalFolder(os.fspath(folder)))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for path in (folder / "gallery").rglob("*.js"):
        path.unlink()
    write_gallery(LocalFolder(os.fspath(folder)))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert len([path for path in before if path.suffix == ".js"]) == 3


def test_an_image_whose_files_are_missing_says_so(tmp_path: Path) -> None:
    write_run(tmp_path, [ok("a.jpg", arrays="arrays/a.npz", gif="gifs/a.gif")])
    folder = LocalFolder(os.fspath(tmp_path))

    def read(name: str) -> bytes:
        with folder.open_to_read(name) as file:
            return file.read()

    [names] = write_image_scripts(read_results(folder), read).values()
    assert (names.values, names.frames) == ("gallery/values/a.js", None)
    [view] = content(tmp_path / "gallery/values/a.js")["views"]
    assert "arrays/a.npz" in view["problems"][0]
    arrays = encode_arrays(attributions=np.ones((2, 2, 3), np.float32))
    write_file(tmp_path, "arrays/a.npz", arrays)
    write_image_scripts(read_results(folder), read)
    [view] = content(tmp_path / "gallery/values/a.js")["views"]
    assert "problems" not in view
    assert view["maps"][0]["values"]
    curve = PlottedCurve("Deletion", "share", "score", [0, 1], [0.5, 0.1])
    write_image_scripts(read_results(folder), read, {"a.jpg": [curve]})
    [view] = content(tmp_path / "gallery/values/a.js")["views"]
    assert view["curves"][0]["title"] == "Deletion"
