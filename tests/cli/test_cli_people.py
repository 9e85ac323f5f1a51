"""Folders, lists and targets as people have them, from the command line to files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli, Result
from PIL import Image

from support import profiles
from support.fonts import write_font
from support.image_files import encoded, write_image
from support.results import records, summary
from support.tars import regular, write_tar

Run = Callable[..., Result]
LABELS = "tabby\nlynx\ntiger cat\n"


@pytest.fixture
def run(cli: Cli, tiny_model: Path, tmp_path: Path) -> Run:
    """Attribute with few steps by a network whose labels are known."""
    (tmp_path / "labels.txt").write_text(LABELS)
    settings = ("--model", tiny_model, "--model-labels", "labels.txt", "--steps", "2")

    def run(*arguments: str | Path) -> Result:
        return cli("attribute", *settings, *arguments)

    return run


def pictures(folder: Path, *names: str) -> None:
    for seed, name in enumerate(names):
        write_image(folder / name, seed, form="PNG")


def test_what_a_walk_left_out_is_told(run: Run, tmp_path: Path) -> None:
    pictures(tmp_path / "in", "a.jpg", "d/b.png", "._a.jpg")
    for name in ("c.docx", "e.svg", "d/f.SVG", "README"):
        (tmp_path / "in" / name).touch()
    result = run("in")
    assert result.code == 0
    told = "2 of 2 images done; left out: .svg 2, .docx 1, hidden files 1 and 1 more; "
    assert told in result.err
    expected = {".docx": 1, ".svg": 2, "no ending": 1, "hidden files": 1}
    assert summary(tmp_path / "igcli-output")["left_out"] == expected


def test_shards_left_out_the_same(run: Run, cli: Cli, tmp_path: Path) -> None:
    pictures(tmp_path / "in", "a.jpg", "d/b.png", "c.png")
    (tmp_path / "in/c.docx").touch()
    for number in (1, 2):
        assert run("in", "--shard", f"{number}/2").code in (0, 4)
    merged = cli("merge", "igcli-output", "--no-gallery")
    assert "left out: .docx 1" in merged.err
    assert summary(tmp_path / "igcli-output")["left_out"] == {".docx": 1}


def test_targets_of_no_image_are_named_and_counted(run: Run, tmp_path: Path) -> None:
    pictures(tmp_path / "in", "a.png", "b.png", "c.png")
    (tmp_path / "rows.csv").write_text(
        "file,label\nin/a.png,lynx\nin/c.png,0\nin/B.png,1\nin\\b.png,1\n"
    )
    result = run("in", "--targets", "rows.csv", "--limit", "2")
    assert result.code == 0
    assert (
        "igcli: targets: rows.csv: 2 rows match no image: 'in/B.png' (line 4), "
        "'in\\\\b.png' (line 5, with backslashes, as on Windows)"
    ) in result.err.splitlines()
    unmatched = summary(tmp_path / "igcli-output")["targets_without_image"]
    assert unmatched == {"count": 2, "paths": ["in/B.png", "in\\b.png"]}
    assert records(tmp_path / "igcli-output")["a.png"]["target"] == 1


def test_targets_of_no_image_at_all_are_refused(run: Run, tmp_path: Path) -> None:
    pictures(tmp_path / "in", "a.png")
    (tmp_path / "rows.csv").write_text("elsewhere/a.png,lynx\nelsewhere/b.png,lynx\n")
    for more in ((), ("--dry-run",)):
        result = run("in", "--targets", "rows.csv", *more)
        assert (result.code, len(result.err.splitlines())) == (2, 1)
        assert (
            "rows.csv: no row matches an image of this run; the first is 'elsewhere" in result.err
        )
    assert not (tmp_path / "igcli-output").exists()


def test_the_folder_is_the_target(run: Run, tmp_path: Path) -> None:
    pictures(tmp_path / "in", "lynx/a.png", "Tiger_cat/b.png", "tabbby/c.png")
    result = run("in", "--target", "folder")
    assert result.code == 3
    results = records(tmp_path / "igcli-output")
    assert results["lynx/a.png"]["label"] == "lynx"
    assert results["Tiger_cat/b.png"]["label"] == "tiger cat"
    assert results["tabbby/c.png"]["error"] == (
        "target: folder: the network has no label 'tabbby'; did you mean tabby?"
    )
    assert "3 images" in run("in", "--target", "folder", "--dry-run", "-o", "other").err


def test_members_beside_images_are_their_targets(run: Run, tmp_path: Path) -> None:
    def written(label: bytes) -> None:
        write_tar(
            tmp_path / "x.tar",
            [
                regular("0.png", encoded(0)), regular("0.cls", b"2"),
                regular("1.png", encoded(1)), regular("1.cls", label),
                regular("2.svg", b"<svg>"),
            ],
        )  # fmt: skip

    arguments = ("x.tar", "--input-format", "tar", "--target", "folder")
    written(b"lynxx")
    result = run(*arguments)
    assert result.code == 3
    results = records(tmp_path / "igcli-output")
    assert results["x.tar/0.png"]["target"] == 2
    assert results["x.tar/1.png"]["error"].endswith("no label 'lynxx'; did you mean lynx?")
    assert summary(tmp_path / "igcli-output")["members_left_out"] == {".svg": 1}
    assert "left out: .svg 1" in result.err
    for label, target in ((b"lynx", 1), (b"0", 0)):
        written(label)
        assert "1 already done" in run(*arguments).err
        assert records(tmp_path / "igcli-output")["x.tar/1.png"]["target"] == target


def test_targets_of_no_member_are_named_once_all_are_read(run: Run, tmp_path: Path) -> None:
    for name in ("x.tar", "y.tar"):
        write_tar(tmp_path / "in" / name, [regular("0.png", encoded(0))])
    arguments = ("in", "--input-format", "tar", "--targets", "rows.csv", "--limit", "1")
    (tmp_path / "rows.csv").write_text("in/x.tar/0.png,1\nin/x.tar/9.png,1\nin/y.tar/9.png,1\n")
    result = run(*arguments)
    assert result.code == 0
    assert "rows.csv: 1 row matches no image: 'in/x.tar/9.png' (line 2)" in result.err
    unmatched = summary(tmp_path / "igcli-output")["targets_without_image"]
    assert unmatched == {"count": 1, "paths": ["in/x.tar/9.png"]}
    (tmp_path / "rows.csv").write_text("in/z.tar/0.png,1\n")
    refused = run(*arguments, "-o", "other")
    assert (refused.code, "no row matches an image" in refused.err) == (2, True)


def test_images_with_another_profile_are_counted_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    image = Image.new("RGB", (16, 16), (40, 200, 90))
    for name, icc in {
        "a": profiles.rgb("Display P3", profiles.P3),
        "b": profiles.rgb("Display P3", profiles.P3),
        "c": profiles.rgb("Adobe RGB", profiles.ADOBE, profiles.ADOBE_CURVE),
        "d": profiles.rgb("sRGB", profiles.SRGB),
    }.items():
        image.save(tmp_path / "in" / f"{name}.png", icc_profile=icc)
    result = run("in", "--arrays")
    told = "3 images have a colour profile other than sRGB (Display P3 2, Adobe RGB 1), which"
    assert sum(told in line for line in result.err.splitlines()) == 1
    assert records(tmp_path / "igcli-output")["a.png"]["profile"] == "Display P3"
    assert summary(tmp_path / "igcli-output")["profiles"] == {"Display P3": 2, "Adobe RGB": 1}
    refused = run("in", "--icc", "srgb")
    assert (refused.code, "icc: ignore -> srgb" in refused.err) == (2, True)
    result = run("in", "--icc", "srgb", "--arrays", "-o", "converted")
    assert "colour profile" not in result.err
    expected = profiles.srgb_of(np.array([40, 200, 90], np.uint8), profiles.P3)
    with np.load(tmp_path / "converted/arrays/a.png.npz") as arrays:
        assert abs(arrays["image"] - expected).max() <= 2


def test_a_font_for_the_panels(run: Run, tmp_path: Path) -> None:
    pictures(tmp_path / "in", "a.png")
    (tmp_path / "labels.txt").write_text("猫\n犬\n鳥\n")
    panels: list[bytes] = []
    for options in ((), ("--panel-font", "boxes.ttf"), ("--panel-font", "wide.ttf")):
        write_font(tmp_path / "boxes.ttf", "猫犬鳥")
        write_font(tmp_path / "wide.ttf", "猫犬鳥", width=1000)
        output = tmp_path / f"out{len(panels)}"
        result = run("in", "-o", output, *options)
        assert result.code == 0, result.err
        panels.append((output / "panels/a.png.jpg").read_bytes())
    assert len(set(panels)) == 3
    refused = run("in", "-o", "other", "--panel-font", "labels.txt")
    assert (refused.code, "--panel-font: labels.txt is not a font" in refused.err) == (2, True)
