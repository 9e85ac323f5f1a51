"""The shipped files of published looks, run as they stand, and what images may do to panels."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from conftest import Cli
from PIL import Image

from igcli.config.load import load_settings
from igcli.render.options import PRESETS
from support.image_files import write_image
from support.results import record

CONFIGS = Path(__file__).parents[2] / "configs"


def panel(output: Path) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    [path] = (output / "panels").iterdir()
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_look_has_a_file_that_runs(
    preset: str, cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    file = CONFIGS / f"{preset}.yaml"
    settings = load_settings(str(file), {}).settings
    assert settings.panel.preset == preset
    assert (settings.baseline.kind, settings.baseline.samples) == (
        ("noise", 10) if preset == "published" else ("black", 1)
    )
    assert settings.steps == 50
    image = write_image(tmp_path / "a.png", 16)
    result = cli("attribute", "-c", file, "--model", tiny_model, "--output", "out", image)
    assert result.code == 0, result.err
    assert not [warning for warning in record(tmp_path / "out")["warnings"] if "flat" in warning]
    height, width = panel(tmp_path / "out").shape[:2]
    assert width > 3 * 16
    assert height > 16 + 40


@pytest.mark.parametrize(("height", "width"), [(1, 1), (50, 10_000), (10_000, 50), (17, 15)])
@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_images_of_any_size(
    height: int, width: int, fit: str, cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    image = write_image(tmp_path / "a.png", height, (height, width))
    shown = ("--panel-preset", "notebook_outlines", "--steps", "2", "--panel-magnify", "1")
    known = ("--model", tiny_model, "--model-fit", fit)
    result = cli("attribute", *known, *shown, "--output", "out", image)
    assert result.code == 0, result.err
    # The columns keep the width of their headings where the network's input is smaller.
    assert panel(tmp_path / "out").shape == (128, 556, 3)


def test_every_column_at_once_with_long_labels(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(["many words " * 27, "W" * 300, "λέξη слово 中文 \u202e" * 20]))
    columns = "colorbar,path,label,image,method,colorbar,path,baseline,gradients"
    image = write_image(tmp_path / "a.png", 16)
    result = cli(
        *("attribute", image, "--model", tiny_model, "--model-labels", labels, "--steps", "3"),
        *(
            "--panel-columns",
            columns,
            "--panel-format",
            "png",
            "--target",
            "top:3",
            "--output",
            "out",
        ),
        *("--panel-label-lines", "target,label,score,completeness_error"),
        *("--gif", "--gif-columns", "label,path,method,gradients,baseline,image"),
        *("--gif-format", "webp", "--gif-style", "clipped"),
    )
    assert result.code == 0, result.err
    picture = panel(tmp_path / "out")
    assert picture.shape[1] < 4000
    # Text, and a margin of white around it, however long the labels.
    assert (picture[:, -5:] == 255).all()
    assert (picture[-5:] == 255).all()
    [animation] = (tmp_path / "out" / "gifs").iterdir()
    assert animation.suffix == ".webp"
    with Image.open(animation) as shown:
        assert shown.n_frames == 4  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def one_pixel_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .keras file whose second score depends on a single value of a single pixel."""
    path = tmp_path_factory.mktemp("model") / "one.keras"
    inputs = keras.Input((16, 16, 3))
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    weights = np.zeros((768, 2), np.float32)
    weights[(5 * 16 + 7) * 3, 1] = 0.05
    model.set_weights([weights, np.zeros(2, np.float32)])
    model.save(path)
    return path


@pytest.mark.parametrize("preset", PRESETS)
def test_one_pixel_that_is_not_zero(
    preset: str, cli: Cli, one_pixel_model: Path, tmp_path: Path
) -> None:
    image = tmp_path / "a.png"
    Image.new("RGB", (16, 16), "white").save(image)
    shown = ("--panel-preset", preset, "--panel-format", "png", "--panel-columns", "method")
    known = ("--model", one_pixel_model, "--panel-magnify", "1")
    result = cli("attribute", image, *known, *shown, "--gif")
    assert result.code == 0, result.err
    picture = panel(tmp_path / "igcli-output")
    below = (
        picture[60:76, :16] if "2016" not in preset and "_06" not in preset else picture[40:56, :16]
    )
    changed = np.argwhere((below != below[0, 0]).any(axis=2)).tolist()
    # Percentiles, and opening by 3x3 pixels, see nothing in one pixel of 256.
    is_seen = preset == "explainer"
    assert changed == ([[5, 7]] if is_seen else [])
    flat = preset.startswith("published")
    assert [
        warning for warning in record(tmp_path / "igcli-output")["warnings"] if "flat" in warning
    ] == (["integrated_gradients: the attributions are flat"] if flat else [])


def test_a_path_is_gathered_only_where_it_is_shown(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    image = write_image(tmp_path / "a.png", 16)
    shown = ("--panel-columns", "path", "--panel-format", "png", "--model", tiny_model)
    for method, green in (("integrated_gradients", True), ("idgi", False)):
        assert cli("attribute", image, *shown, "--method", method, "--output", method).code == 0
        pixels = panel(tmp_path / method)
        assert (pixels == (0, 160, 0)).all(axis=2).any() == green


def test_pictures_of_small_inputs_are_magnified(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    image = write_image(tmp_path / "a.png", 16)
    columns = ("--panel-columns", "image,method,baseline", "--panel-format", "png")
    # The frames of a WebP, unlike those of a GIF, do not share a palette.
    more = ("--gif", "--gif-format", "webp", "--arrays", "--steps", "2", "--model", tiny_model)
    for magnify in ("auto", "1", "3"):
        options = (*columns, *more, "--panel-magnify", magnify, "--output", magnify)
        assert cli("attribute", image, *options).code == 0
    assert cli("attribute", image, *columns, *more, "--output", "default").code == 0
    small = panel(tmp_path / "1")
    for magnify, factor in (("auto", 10), ("3", 3), ("default", 10)):
        picture = panel(tmp_path / magnify)
        assert picture.shape[0] == 60 + 16 * factor + 10
        blocks = np.kron(small[60:76, :16], np.ones((factor, factor, 1), np.uint8))
        np.testing.assert_array_equal(picture[60:-10, : 16 * factor], blocks)
        np.testing.assert_array_equal(picture[:60, :100], small[:60, :100])
        with (
            np.load(tmp_path / magnify / "arrays" / "a.png.npz") as ours,
            np.load(tmp_path / "1" / "arrays" / "a.png.npz") as plain,
        ):
            for key in plain.files:
                np.testing.assert_array_equal(ours[key], plain[key])
        with Image.open(tmp_path / magnify / "gifs" / "a.png.webp") as animation:
            assert animation.size == (300, 16 * factor + 90)
    with Image.open(tmp_path / "1" / "gifs" / "a.png.webp") as animation:
        assert animation.size == (300, 16 + 90)


def test_an_animation_is_about_the_first_target(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    image = write_image(tmp_path / "a.png", 16)
    known = ("--model", tiny_model, "--steps", "2", "--gif-columns", "label,path,method")
    for target in ("top:3", "top:1"):
        assert cli("gif", image, *known, "--target", target, "--output", target).code == 0
    [several], [one] = ((tmp_path / name / "gifs").iterdir() for name in ("top:3", "top:1"))
    with Image.open(several) as first, Image.open(one) as second:
        assert first.height == second.height
        assert abs(first.width - second.width) < 100  # The label may be named in place of "top".


def test_animations_cannot_be_left_out_of_gif(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    image = write_image(tmp_path / "a.png", 16)
    result = cli("gif", image, "--model", tiny_model, "--no-gif", "--output", tmp_path / "out")
    assert result.code == 2
    assert "--no-gif" in result.err
    assert not (tmp_path / "out").exists()
