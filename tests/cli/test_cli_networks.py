"""Networks of one channel and networks that give every pixel a class, from images to files."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from conftest import Cli
from PIL import Image

from support.image_files import write_image
from support.results import Record, arrays, record

SIDE = 24
Values = npt.NDArray[np.float64]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """An image of a size that needs no fitting, in many colours."""
    return write_image(tmp_path / "photo.png", size=(SIDE, SIDE))


def results(output: Path) -> tuple[Record, dict[str, Any]]:
    return record(output), arrays(output, "photo.png.npz")


@pytest.fixture
def linear(tmp_path: Path) -> Values:
    """Save a network whose scores are sums of weighted grey pixels; return the weights."""
    weights = np.random.default_rng(1).normal(0, 0.1, (SIDE, SIDE, 1, 2))
    layers = [keras.Input((SIDE, SIDE)), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.set_weights([weights.reshape(-1, 2), np.zeros(2)])
    model.save(tmp_path / "linear.keras")
    return weights


def test_a_grey_network_is_given_luma(
    cli: Cli, photo: Path, linear: Values, tmp_path: Path
) -> None:
    loaded = keras.utils.load_img(photo, color_mode="grayscale")
    grey = np.asarray(loaded)[:, :, None].astype(np.float64)
    command = ("attribute", photo, "--model", "linear.keras", "--arrays", "--gif", "--target", "1")
    shown = ("--panel-columns", "image,baseline,method", "--panel-magnify", "1")
    assert cli(*command, *shown).code == 0
    record, arrays = results(tmp_path / "igcli-output")
    np.testing.assert_array_equal(arrays["image"], grey)
    assert arrays["image"].dtype == np.uint8
    np.testing.assert_allclose(arrays["attributions"], grey * linear[..., 1], rtol=1e-4, atol=1e-5)
    assert record["score"] == pytest.approx(float((grey * linear[..., 1]).sum()), rel=1e-4)
    with Image.open(tmp_path / "igcli-output" / record["panel"]) as panel:
        pixels = np.asarray(panel.convert("RGB")).astype(int)
    cell = pixels[60 : 60 + SIDE, :SIDE]
    assert np.ptp(cell, axis=2).max() <= 2
    assert np.abs(cell[..., 0] - grey[..., 0]).mean() < 3


def test_a_colour_is_luma_for_a_grey_network(
    cli: Cli, photo: Path, linear: Values, tmp_path: Path
) -> None:
    red = int(np.asarray(Image.new("RGB", (1, 1), "#ff4a17").convert("L"))[0, 0])
    arguments = ("--baseline", "#ff4a17", "--arrays", "--target", "0")
    assert cli("attribute", photo, "--model", "linear.keras", *arguments).code == 0
    _, arrays = results(tmp_path / "igcli-output")
    assert arrays["baseline"].shape == (SIDE, SIDE, 1)
    assert set(arrays["baseline"].ravel()) == {red}
    grey = np.asarray(Image.open(photo).convert("L"))[:, :, None].astype(np.float64)
    expected = (grey - red) * linear[..., 0]
    np.testing.assert_allclose(arrays["attributions"], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_grey_images_of_another_size_are_fitted(
    cli: Cli, linear: Values, tmp_path: Path, fit: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, 3 * SIDE, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    arguments = ("--model-fit", fit, "--arrays", "--baseline", "photo.png")
    assert cli("attribute", "photo.png", "--model", "linear.keras", *arguments).code == 0
    record, arrays = results(tmp_path / "igcli-output")
    grey = Image.open(tmp_path / "photo.png").convert("L")
    if fit == "crop":
        expected = np.asarray(grey)[:, SIDE : 2 * SIDE]
    elif fit == "squash":
        expected = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    else:
        expected = np.zeros((SIDE, SIDE), np.uint8)
        expected[8:16] = np.asarray(grey.resize((SIDE, 8), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(arrays["image"][..., 0], expected)
    np.testing.assert_array_equal(arrays["baseline"], arrays["image"])
    assert record["attribution_sum"] == 0


@pytest.fixture
def segmenting(tmp_path: Path) -> Values:
    """Save a network that scores each pixel by its colour; return its weights (3, K).

    No pixel is given to the last class.
    """
    weights = np.eye(3, 4) / 10 + np.random.default_rng(2).normal(0, 0.01, (3, 4))
    inputs = keras.Input((SIDE, SIDE, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 1)(inputs))
    model.set_weights([weights[None, None], np.array([0, 0, 0, -1000])])
    model.save(tmp_path / "pixels.keras")
    return weights


def test_the_pixels_of_a_class_are_explained(
    cli: Cli, photo: Path, segmenting: Values, tmp_path: Path
) -> None:
    image = np.asarray(Image.open(photo)).astype(np.float64)
    scores = image @ segmenting
    scores[..., 3] -= 1000
    classes = scores.argmax(-1)
    counts = np.bincount(classes.ravel(), minlength=4)
    arguments = ("--arrays", "--gif", "--target", "top:3", "--model", "pixels.keras")
    assert cli("attribute", photo, *arguments).code == 0
    record, arrays = results(tmp_path / "igcli-output")
    explanations = [record, *record["others"]]
    assert [explanation["target"] for explanation in explanations] == list(
        np.argsort(-counts, kind="stable")[:3]
    )
    for explanation in explanations:
        target, mask = explanation["target"], classes == explanation["target"]
        assert explanation["pixels"] == counts[target]
        assert explanation["score"] == pytest.approx(scores[mask, target].sum(), rel=1e-5)
        assert explanation["completeness_error"] < 1e-4
        key = (
            "attributions"
            if explanation is record
            else f"attributions_integrated_gradients_{target}"
        )
        expected = image * segmenting[:, target] * mask[..., None]
        np.testing.assert_allclose(arrays[key], expected, rtol=1e-4, atol=1e-4)


def test_a_class_without_pixels_has_nothing_attributed(
    cli: Cli, photo: Path, segmenting: Values, tmp_path: Path
) -> None:
    arguments = ("--arrays", "--target", "3", "--model", "pixels.keras")
    assert cli("attribute", photo, *arguments).code == 0
    record, arrays = results(tmp_path / "igcli-output")
    assert (record["pixels"], record["score"], record["completeness_error"]) == (0, 0, None)
    assert not arrays["attributions"].any()
    assert "no pixel of the image is given to this class" in record["warnings"][0]


def test_methods_of_every_kind_explain_pixels(
    cli: Cli, photo: Path, segmenting: Values, tmp_path: Path
) -> None:
    """The scores are linear, so that every path gives the same."""
    image = np.asarray(Image.open(photo)).astype(np.float64)
    classes = (image @ segmenting[:, :3]).argmax(-1)
    target = int(np.bincount(classes.ravel()).argmax())
    expected = image * segmenting[:, target] * (classes == target)[..., None]
    Image.new("RGB", (SIDE, SIDE)).save(tmp_path / "black.png")
    for method in ("idgi", "expected_gradients", "guided_integrated_gradients", "gradients"):
        arguments = ["--method", method, "--arrays", "--steps", "20", "--output", method]
        if method == "expected_gradients":
            (tmp_path / "black").mkdir()
            (tmp_path / "black.png").rename(tmp_path / "black" / "black.png")
            arguments += ["--expected-gradients-folder", "black"]
        assert cli("attribute", photo, "--model", "pixels.keras", *arguments).code == 0
        _, arrays = results(tmp_path / method)
        total = arrays["attributions"].sum()
        assert total == pytest.approx(expected.sum(), rel=1e-3), method
        if method != "idgi":
            np.testing.assert_allclose(arrays["attributions"], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("option", ["--gallery", "--dry-run"])
def test_all_else_of_a_run_takes_them_too(
    cli: Cli, photo: Path, segmenting: Values, linear: Values, option: str
) -> None:
    for model in ("pixels.keras", "linear.keras"):
        result = cli("attribute", photo, "--model", model, "--output", f"{model}.out", option)
        assert result.code == 0, result.err
    for model in ("pixels.keras", "linear.keras"):
        assert cli("models", "show", model).code == 0
