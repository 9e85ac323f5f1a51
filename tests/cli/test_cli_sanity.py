"""The command `igcli sanity`."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from conftest import Cli
from PIL import Image
from scipy import ndimage

from igcli import methods
from igcli.integration.requests import Computation, predict
from igcli.methods import Task
from igcli.records import Explanation


def said(error: str) -> list[str]:
    """Return what igcli says; TensorFlow, imported before it here, is not as quiet."""
    return [line for line in error.splitlines() if line.startswith("igcli:")]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(2)
    for number in range(3):
        picture = rng.integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"{number}.png")
    return folder


def test_the_table_has_controls_and_stages(cli: Cli, tiny_model: Path, photos: Path) -> None:
    result = cli("sanity", tiny_model, photos, "--steps", "5", "--mode", "both")
    assert result.code == 0
    heading, random, edges, intact, *rows = (line.split() for line in result.lines)
    assert heading == ["layers", "correlation", "absolute", "SSIM", "score", "down", "to"]
    assert random[-1] == "random"
    assert edges[1:4] == ["1.0000"] * 3
    assert intact[:3] == ["0", "of", "2"]
    assert [row[:3] for row in rows] == [["1", "of", "2"], ["2", "of", "2"]] * 2
    assert [row[-1] for row in rows[2:]] == ["alone", "alone"]
    # The first stage of both modes randomizes the same layer.
    assert rows[0][:7] == rows[2][:7]
    assert float(rows[0][3]) < 0.99
    assert "3 of 3 images tested" in result.err


def test_a_passed_test_says_how_similar_attributions_are(
    cli: Cli, tiny_model: Path, photos: Path
) -> None:
    result = cli("sanity", tiny_model, photos, "--steps", "5")
    assert result.code == 0
    _, _, _, intact, *rows = (line.split() for line in result.lines)
    network = keras.models.load_model(tiny_model)
    pictures = [np.asarray(Image.open(path)) for path in sorted(photos.iterdir())]
    scores = network.predict(np.stack(pictures).astype(np.float32), verbose=0).max(-1)
    assert float(intact[6]) == pytest.approx(scores.mean(), rel=1e-3)
    assert said(result.err)[-2] == (
        "igcli: integrated_gradients, cascading: passed: the attributions depend on the weights: "
        f"with 2 of 2 layers randomized, rank correlation is {rows[-1][3]} (limit 0.5) and SSIM is "
        f"{rows[-1][5]} (limit 0.5)"
    )


def test_methods_have_a_column_if_there_are_several(
    cli: Cli, tiny_model: Path, photos: Path
) -> None:
    names = ("gradients", "integrated_gradients")
    result = cli("sanity", tiny_model, photos, "--steps", "5", "--methods", ",".join(names))
    heading, _, _, _, *rows = (line.split() for line in result.lines)
    assert heading[5] == "method"
    assert [row[7] for row in rows] == [*names] * 2
    # Names that follow each other begin in the same column.
    starts = [line.index(row[7]) for line, row in zip(result.lines[4:], rows, strict=True)]
    assert len(set(starts)) == 1
    assert sum("passed" in line for line in said(result.err)) == 2


def test_options_without_a_meaning_are_not_offered(cli: Cli) -> None:
    text = cli("sanity", "--help").out.decode()
    absent = ("--panel", "--gif", "--arrays", "--gallery", "--max-error", "--precision", "--model ")
    assert not [name for name in absent if name in text]
    assert "by default nothing is written" in " ".join(text.split())


def test_json_and_the_file_are_the_same_summary(
    cli: Cli, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    options = ["--methods", "gradients,integrated_gradients", "--steps", "5", "--json", "-q"]
    result = cli("sanity", tiny_model, photos, *options, "--output", "out")
    assert result.code == 0
    *records, summary = map(json.loads, result.lines)
    assert json.loads((tmp_path / "out" / "sanity.json").read_text()) == summary
    assert [(r["image"], r["method"], r["layers"]) for r in records[:3]] == [
        ("0.png", "gradients", 1),
        ("0.png", "integrated_gradients", 1),
        ("1.png", "gradients", 1),
    ]
    assert len(records) == 3 * 2 * 2
    first = summary["stages"][0]
    own = [r for r in records if (r["method"], r["layers"]) == ("gradients", 1)]
    for key in ("rank_correlation", "absolute_rank_correlation", "ssim", "randomized_score"):
        assert first[key] == pytest.approx(np.mean([record[key] for record in own]))
    assert (summary["images"], summary["failed"], len(summary["layers"])) == (3, 0, 2)
    assert summary["findings"] == []


def test_nothing_is_written_unless_asked(
    cli: Cli, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    (tmp_path / "igcli.yaml").write_text("output: there\nmethod: gradients\n")
    result = cli("sanity", tiny_model, photos, "--layers", "1", "-q")
    assert result.code == 0
    assert result.lines[-1].split()[:3] == ["2", "of", "2"]
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "igcli.yaml"])


def edges_method(task: Task, _options: Any) -> Computation[Explanation]:
    """Attributions that ignore the weights: the edges of the image."""
    [scores] = yield from predict(task.image)
    edges = np.hypot(ndimage.sobel(task.image, 0), ndimage.sobel(task.image, 1))
    return Explanation(
        method="gradients",
        target=task.target,
        baseline=task.baseline,
        attributions=edges.astype(np.float32),
        score=float(scores[task.target]),
        baseline_score=0.0,
        alphas=np.ones(1),
        scores=scores[task.target : task.target + 1],
        evaluations=0,
        complete=False,
    )


def test_a_method_that_ignores_the_weights_is_caught(
    cli: Cli, tiny_model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = SimpleNamespace(
        HEADING="Edges", USES_BASELINE=False, INTERIOR=False, REFINABLE=None, attribute=edges_method
    )
    real = methods.load
    monkeypatch.setattr(methods, "load", lambda name: fake if name == "gradients" else real(name))
    result = cli("sanity", tiny_model, photos, "-q", "--methods", "gradients,integrated_gradients")
    assert result.code == 3
    assert said(result.err) == [
        "igcli: gradients, cascading: the attributions do not change: with 2 of 2 layers "
        "randomized, rank correlation is 1.0000, above 0.5 and SSIM is 1.0000, above 0.5"
    ]


def test_thresholds_decide(cli: Cli, tiny_model: Path, photos: Path) -> None:
    result = cli("sanity", tiny_model, photos, "--steps", "5", "--max-ssim", "-1", "-q")
    assert result.code == 3
    [line] = said(result.err)
    assert "the attributions do not change: with 2 of 2 layers randomized, SSIM is" in line


def test_an_unreadable_image_is_counted(cli: Cli, tiny_model: Path, photos: Path) -> None:
    (photos / "1.png").write_bytes(b"no image")
    result = cli("sanity", tiny_model, photos, "--steps", "5", "--layers", "1")
    assert result.code == 3
    assert "1.png: " in result.err
    assert "2 of 3 images tested; 1 failed" in result.err
    assert "internal error" not in result.err
    for path in photos.iterdir():
        path.write_bytes(b"no image")
    result = cli("sanity", tiny_model, photos, "--json", "-q")
    assert result.code == 3
    assert [json.loads(line).get("status") for line in result.lines] == ["failed"] * 3 + [None]
    assert said(result.err) == [
        "igcli: no image could be attributed by the network as it is, so nothing was compared"
    ]


def test_flat_attributions_are_named(cli: Cli, photos: Path, tmp_path: Path) -> None:
    dense = keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), dense])
    model.save(tmp_path / "zeros.keras")
    result = cli("sanity", tmp_path / "zeros.keras", photos, "--steps", "2")
    assert result.code == 3
    assert result.lines[-1].split()[3:6] == ["-", "-", "-"]
    assert [line for line in said(result.err) if "are flat" in line] == [
        "igcli: integrated_gradients, cascading: the attributions are flat (one value everywhere) "
        "before or after, at every stage, so nothing shows that they depend on the weights; if "
        "the scores are saturated, set explain: logit (--explain logit)"
    ]


REFUSED: dict[str, tuple[list[str], int, str]] = {
    "no images": (["empty"], 4, "no images in empty"),
    "none named": ([], 2, "no images are named"),
    "missing": (["gone.png"], 2, "gone.png"),
    "method": (
        ["photos", "--methods", "gradient"],
        2,
        "unknown name 'gradient'; did you mean gradients?",
    ),
    "layers": (["photos", "--layers", "0"], 2, "--layers: '0' is neither all nor a number from 1"),
    "limit": (["photos", "--limit", "0"], 2, "--limit: must be an integer of at least 1, not '0'"),
    "no integer": (["photos", "--limit", "1.5"], 2, "--limit: must be an integer of at least 1"),
    "too high": (["photos", "--max-ssim", "2"], 2, "--max-ssim: must be a number from -1 to 1"),
    "no number": (["photos", "--max-ssim", "x"], 2, "--max-ssim: must be a number from -1 to 1"),
    # Nothing is above it, so that everything would pass.
    "nan": (["photos", "--max-correlation", "nan"], 2, "must be a number from -1 to 1, not 'nan'"),
    "target": (["photos", "--target", "7"], 1, "7 is out of range"),
    "network twice": (["photos", "--model", "demo"], 2, "the network is the first argument"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_gets_one_line(
    cli: Cli, tiny_model: Path, photos: Path, tmp_path: Path, name: str
) -> None:
    arguments, code, message = REFUSED[name]
    (tmp_path / "empty").mkdir()
    result = cli("sanity", tiny_model, *arguments, "-q")
    assert (result.code, result.out) == (code, b"")
    [line] = said(result.err)
    assert message in line


def test_a_missing_model_is_refused_first(cli: Cli, photos: Path) -> None:
    result = cli("sanity", "gone.keras", photos)
    assert (result.code, said(result.err)) == (2, ["igcli: MODEL: no such file: gone.keras"])


def test_pictures_have_a_row_for_each_method_and_mode(
    cli: Cli, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    options = ["--methods", "gradients,saliency", "--mode", "both", "--output", "out", "-q"]
    assert cli("sanity", tiny_model, photos, *options).code == 0
    files = sorted((tmp_path / "out" / "sanity").iterdir())
    assert [file.name for file in files] == ["0.png.png", "1.png.png", "2.png.png"]
    picture = np.asarray(Image.open(files[0]))
    # Two methods in two modes, four columns each: the image, and three stages of 160 pixels or
    # more. Below a heading there is the image itself.
    height = picture.shape[0] // 4
    assert picture.shape[0] == 4 * height
    assert picture.shape[1] >= 4 * 160
    shown = np.asarray(Image.open(photos / "0.png"))
    top = height - 160 - 10
    for row in range(4):
        first = picture[row * height + top :, :160][:160]
        np.testing.assert_array_equal(first[5::10, 5::10], shown)
