"""Panels at a scale shared over the run: the same in any order, and after any interruption."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli, Result
from PIL import Image

from igcli.pipeline.calibration import panel_scale
from support.results import records

COUNT = 5
Attribute = Callable[..., Result]


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    for seed in range(COUNT):
        most = 60 + 45 * seed  # So that own scales differ.
        noise = np.random.default_rng(seed).integers(0, most, (16, 16, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{seed}.png")
    return sorted(tmp_path.glob("*.png"))


@pytest.fixture
def attribute(cli: Cli, tiny_model: Path) -> Attribute:
    def run(output: str, *options: object) -> Result:
        fixed = ("--panel-scale", "shared", "--panel-format", "png", "--steps", "4", "--arrays")
        # A batch of one size, so that the last bits are those of any other run.
        known = ("--model", tiny_model, "--batch-size", "4", "--output", output, *fixed)
        return cli("attribute", *known, *map(str, options))

    return run


def panels(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (output / "panels").iterdir()}


def own_scale(output: Path, name: str, key: str = "attributions") -> float:
    """The larger magnitude of the 1st and 99th percentile of the channel mean."""
    with np.load(output / "arrays" / f"{name}.npz") as file:
        mean = file[key].astype(np.float64).mean(-1)
    return float(np.abs(np.percentile(mean, [1, 99])).max())


def test_it_is_the_median_of_the_images_own(
    attribute: Attribute, images: list[Path], tmp_path: Path
) -> None:
    shown = ("--panel-columns", "method", "--panel-magnify", "1")
    assert attribute("out", *shown, *images).code == 0
    output = tmp_path / "out"
    expected = np.median([own_scale(output, path.name) for path in images])
    for path in images:
        [scale] = records(output)[path.name]["panel_scales"].values()
        assert scale == pytest.approx(expected, rel=1e-6)
        with np.load(output / "arrays" / f"{path.name}.npz") as file:
            image, attributions = file["image"].astype(float), file["attributions"]
        shown = np.clip(attributions.mean(-1) / expected, 0, 1)
        panel = np.asarray(Image.open(output / "panels" / f"{path.name}.png"))[60:76, :16]
        green = 0.3 * image.mean(-1) + 0.7 * 255 * shown
        assert np.abs(panel[..., 1].astype(float) - green).max() <= 2


def test_each_method_has_its_own(attribute: Attribute, images: list[Path], tmp_path: Path) -> None:
    columns = ("--panel-columns", "method,gradients,colorbar", "--target", "top:2")
    assert attribute("out", *columns, *images).code == 0
    for record in records(tmp_path / "out").values():
        assert set(record["panel_scales"]) == {"integrated_gradients", "gradients"}
    of_gradients = [
        own_scale(tmp_path / "out", path.name, f"attributions_gradients_{target}")
        for path in images
        for target in [
            other["target"]
            for other in records(tmp_path / "out")[path.name]["others"]
            if other["method"] == "gradients"
        ]
    ]
    assert len(of_gradients) == 2 * COUNT
    scale = records(tmp_path / "out")["0.png"]["panel_scales"]["gradients"]
    assert scale == pytest.approx(np.median(of_gradients), rel=1e-6)


def test_order_and_company_do_not_matter(
    attribute: Attribute, images: list[Path], tmp_path: Path
) -> None:
    assert attribute("a", *images).code == 0
    assert attribute("b", *reversed(images)).code == 0
    assert panels(tmp_path / "a") == panels(tmp_path / "b")


def test_the_first_images_decide(
    attribute: Attribute, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel_scale, "BLOCK", 3)
    assert attribute("out", *images).code == 0
    expected = np.median([own_scale(tmp_path / "out", path.name) for path in images[:3]])
    scales = {
        scale
        for record in records(tmp_path / "out").values()
        for scale in record["panel_scales"].values()
    }
    assert len(scales) == 1
    assert scales.pop() == pytest.approx(expected, rel=1e-6)


def test_a_run_goes_on_with_the_scale_it_had(
    attribute: Attribute, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel_scale, "BLOCK", 2)
    assert attribute("whole", *images).code == 0
    # Interrupted while the panels of the first block were written: one record of two is there.
    assert attribute("cut", *images).code == 0
    journal = tmp_path / "cut" / "results.jsonl"
    journal.write_text(journal.read_text().splitlines(keepends=True)[0])
    for path in (tmp_path / "cut" / "panels").iterdir():
        if path.name not in journal.read_text():
            path.unlink()
    result = attribute("cut", *reversed(images))
    assert result.code == 0
    assert len(result.lines) == 2 * (COUNT - 1)
    assert panels(tmp_path / "cut") == panels(tmp_path / "whole")


def test_images_with_nothing_to_show_or_to_read_do_not_decide(
    attribute: Attribute, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel_scale, "BLOCK", 1)
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(images[0])  # Equal to its baseline.
    images[1].write_bytes(b"no image")
    result = attribute("out", *images)
    assert result.code == 3
    results = records(tmp_path / "out")
    assert "panel_scales" not in results["0.png"]
    expected = own_scale(tmp_path / "out", "2.png")
    for name in ("2.png", "3.png", "4.png"):
        [scale] = results[name]["panel_scales"].values()
        assert scale == pytest.approx(expected, rel=1e-6)
    assert len(panels(tmp_path / "out")) == COUNT - 1


def test_animations_and_panels_that_cannot_be_written(
    attribute: Attribute, images: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "out" / "panels" / "1.png.png").mkdir(parents=True)
    (tmp_path / "out" / "results.jsonl").write_text("")
    result = attribute("out", "--gif", "--gif-scale", "shared", *images)
    assert result.code == 3
    results = records(tmp_path / "out")
    assert "1.png.png" in results["1.png"]["error"]
    assert [record["status"] for record in results.values()].count("ok") == COUNT - 1
    assert len(list((tmp_path / "out" / "gifs").iterdir())) == COUNT
