"""Class activation maps from the command line and from Python, and what is refused."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import yaml
from conftest import Cli

import igcli
from igcli.errors import ModelError
from support.image_files import write_image
from support.results import arrays, record


def test_a_run_draws_a_heat_map_and_goes_on_where_it_stopped(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    write_image(tmp_path / "photo.png", size=(16, 16))
    command = ["attribute", "photo.png", "--model", tiny_model, "--output", "out", "--arrays"]
    command += ["--method", "hires_cam", "--explain", "logit", "--panel-columns", "image,hires_cam"]
    assert cli(*command).code == 0
    assert yaml.safe_load(Path("out/config.yaml").read_text())["panel"]["style"] == "auto"
    written = record(Path("out"))
    assert written["gradient_evaluations"] == 1
    assert written["completeness_error"] is None
    model = keras.saving.load_model(tiny_model)
    saved = arrays(Path("out"), "photo.png.npz")
    hidden = keras.Model(model.inputs[0], model.layers[2].output)(saved["image"][None] * 1.0)
    # The logit is linear in the only layer, so its gradient is a column of the weights.
    kernel = model.layers[-1].get_weights()[0][:, int(saved["target"])]
    products = np.maximum((np.asarray(hidden)[0] * kernel.reshape(14, 14, 4)).sum(-1), 0)
    [resized] = np.asarray(keras.ops.image.resize(products[None, ..., None], (16, 16)))
    np.testing.assert_allclose(saved["attributions"].sum(-1), resized[..., 0], atol=1e-4)
    again = cli(*command)
    assert (again.code, again.out) == (0, b"")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--grad-cam-layer", "conv2"], "--grad-cam-layer: the network has no layer or operation"),
        (
            ["--grad-cam-layer", "flatten"],
            "--grad-cam-layer: the output of flatten has shape (784)",
        ),
    ],
)
def test_a_layer_that_is_not_there_is_one_line(
    cli: Cli, tiny_model: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    write_image(tmp_path / "photo.png", size=(16, 16))
    result = cli("attribute", "photo.png", "--model", tiny_model, "--method", "grad_cam", *options)
    assert result.code == 1
    assert message in result.err.splitlines()[-1]
    assert "internal" not in result.err


def test_a_network_without_convolution_is_one_line(cli: Cli, tmp_path: Path) -> None:
    layers = [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    keras.Sequential(layers).save(tmp_path / "dense.keras")
    write_image(tmp_path / "photo.png", size=(16, 16))
    result = cli("attribute", "photo.png", "--model", "dense.keras", "--method", "layer_cam")
    assert result.code == 1
    assert "layer_cam: the network has no convolution" in result.err.splitlines()[-1]


def test_from_python(tiny_model: Path) -> None:
    model = keras.saving.load_model(tiny_model)
    images = np.random.default_rng(1).uniform(0, 255, (3, 16, 16, 3)).astype(np.float32)
    name = model.layers[2].name
    found = igcli.attribute(model, images, method="grad_cam", target=[0, 1, 2])
    options: dict[str, Any] = {"grad_cam": {"layer": name}}
    named = igcli.attribute(model, images, method="grad_cam", target=[0, 1, 2], **options)
    loaded = igcli.attribute(
        igcli.load_model(str(tiny_model)), images, method="grad_cam", target=[0, 1, 2]
    )
    assert found.attributions.shape == images.shape
    assert found.attributions.any()
    np.testing.assert_array_equal(found.attributions, named.attributions)
    np.testing.assert_allclose(found.attributions, loaded.attributions, atol=1e-6)
    with pytest.raises(ValueError, match=r'layer: grad_cam attributes to the inputs: .*={"layer"'):
        igcli.attribute(model, images, method="grad_cam", layer=name)
    with pytest.raises(ModelError, match=r"hires_cam: expected one image \(H, W, C\) .*\(4,\)"):
        igcli.attribute(lambda x: x**2, np.ones((2, 4)), method="hires_cam")
