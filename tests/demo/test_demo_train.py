"""The packaged weights do what the README says of them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

import igcli
from igcli.demo.evaluate import density_ratio, measure_accuracy, measure_densities
from igcli.demo.scenes import CLASSES, SAMPLES, render_scene
from igcli.demo.train import WEIGHTS, build, save

FOLDER = Path(__file__).parents[2] / "sample_images"


@pytest.fixture(scope="module")
def network() -> Any:
    return keras.saving.load_model(WEIGHTS, safe_mode=True)


@pytest.fixture(scope="module")
def samples() -> npt.NDArray[np.float32]:
    images = [Image.open(FOLDER / sample.path).convert("RGB") for sample in SAMPLES]
    return np.stack([np.asarray(ImageOps.fit(image, (224, 224))) for image in images]).astype(
        np.float32
    )


def test_file_is_small_and_free_of_custom_objects(network: Any) -> None:
    assert WEIGHTS.stat().st_size <= 3 * 1024 * 1024
    assert network.count_params() <= 250_000
    assert all(type(layer).__module__.startswith("keras.") for layer in network.layers)


def test_the_packaged_labels_are_the_classes_of_the_scenes() -> None:
    assert tuple((WEIGHTS.parent / "labels.txt").read_text().splitlines()) == CLASSES
    assert igcli.load_model("demo").labels == CLASSES


def test_network_takes_raw_pixels_and_gives_probabilities(network: Any) -> None:
    assert network.input_shape == (None, 224, 224, 3)
    scores = np.asarray(network(render_scene(0).pixels[None]))
    assert scores.shape == (1, len(CLASSES))
    assert scores.sum() == pytest.approx(1, abs=1e-5)


def test_unseen_scenes_are_recognised() -> None:
    assert measure_accuracy([render_scene(seed) for seed in range(200, 300)]) >= 0.95


def test_sample_images_are_recognised(network: Any, samples: npt.NDArray[np.float32]) -> None:
    tops = np.asarray(network(samples)).argmax(axis=1)
    assert [CLASSES[top] for top in tops] == [CLASSES[sample.label] for sample in SAMPLES]


def test_black_is_no_class(network: Any) -> None:
    assert np.asarray(network(np.zeros((1, 224, 224, 3)))).max() < 0.3


def test_density_ratio_of_known_maps() -> None:
    mask = np.zeros((61, 61), np.bool_)
    mask[30, 30] = True
    attributions = np.full((61, 61, 3), 0.5, np.float32)
    attributions[20:41, 20:41] = 3.0
    assert density_ratio(attributions, mask) == pytest.approx(6)
    attributions[0:10] = -9.0  # counts as nothing: 3,280 pixels outside, 2,670 of them at 0.5
    assert density_ratio(attributions, mask) == pytest.approx(6 * 3280 / 2670)


def test_attributions_lie_on_the_object() -> None:
    assert np.mean(measure_densities([render_scene(seed) for seed in range(10)])) >= 4


def test_attributions_are_nearly_complete(samples: npt.NDArray[np.float32]) -> None:
    model = igcli.load_model("demo")
    attributions = igcli.attribute(model, samples, steps=50).attributions
    network = keras.saving.load_model(WEIGHTS, safe_mode=True)
    scores, black = np.asarray(network(samples)), np.asarray(network(np.zeros_like(samples)))
    tops = scores.argmax(axis=1)
    expected = (scores - black)[np.arange(len(tops)), tops]
    errors = np.abs(attributions.sum(axis=(1, 2, 3)) - expected) / expected
    assert np.median(errors) < 0.05


def test_saving_replaces_the_file_whole(tmp_path: Any) -> None:
    target = tmp_path / "net.keras"
    target.write_bytes(b"old")
    model = build()
    save(model, target)
    assert [path.name for path in tmp_path.iterdir()] == ["net.keras"]
    pixels = np.full((1, 224, 224, 3), 99.0, np.float32)
    reloaded = keras.saving.load_model(target, safe_mode=True)
    assert np.allclose(reloaded(pixels), model(pixels))
