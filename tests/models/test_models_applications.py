"""The table of networks against `keras.applications` itself."""

import inspect
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from igcli.errors import ModelError
from igcli.models.catalog.applications import APPLICATIONS, cached_weights
from igcli.models.load import load
from igcli.models.options import ModelOptions
from igcli.models.preprocess import preprocessing
from igcli.models.sources import application
from igcli.models.sources.open import open_source

PIXELS = np.random.default_rng(3).uniform(0, 255, (1, 6, 5, 3)).astype(np.float32)


def builder(name: str) -> Any:
    return getattr(keras.applications, name)


def test_every_network_of_keras_applications_is_in_the_table() -> None:
    names = {name for name, _ in inspect.getmembers(keras.applications, inspect.isfunction)}
    assert set(APPLICATIONS) == names


@pytest.mark.parametrize("name", APPLICATIONS)
def test_preprocessing_is_that_of_keras(name: str) -> None:
    module = sys.modules[builder(name).__module__]
    expected = module.preprocess_input(PIXELS.copy())
    actual = preprocessing(APPLICATIONS[name].preprocess)(tf.constant(PIXELS))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.full
@pytest.mark.parametrize("name", APPLICATIONS)
def test_sizes_and_weights_files_are_those_of_keras(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested = []
    monkeypatch.setattr(
        "keras.src.utils.file_utils.get_file", lambda name, *_, **__: requested.append(name)
    )
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_, **__: None)
    model = application._build(name, "imagenet")
    known = APPLICATIONS[name]
    assert requested == [known.weights]
    assert model.inputs[0].shape[1] in (known.size, None)
    keras.backend.clear_session()


def random(name: str) -> Any:
    return ModelOptions(source=f"keras:{name}", weights="random")


def test_random_weights_are_the_same_each_time_and_touch_no_global_generator() -> None:
    state = str(np.random.get_state())
    first, second = (load(random("MobileNetV3Small"), device="cpu") for _ in range(2))
    assert first.sha256 == second.sha256
    assert first.network.input_shape == (224, 224, 3)
    assert first.labels is not None
    assert len(first.labels) == first.network.outputs == 1000
    assert (first.labels[0], first.labels[999]) == ("tench", "toilet tissue")
    assert str(np.random.get_state()) == state


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    model = keras.applications.MobileNetV3Small(weights=None)
    file = tmp_path / "mine.weights.h5"
    model.save_weights(file)
    options = ModelOptions(source="keras:MobileNetV3Small", weights=str(file))
    loaded = open_source(options)
    image = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    expected = model(image, training=False)
    np.testing.assert_allclose(loaded.function(image), expected, rtol=1e-4)


@pytest.mark.parametrize("content", [b"", b"not weights"])
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mine.weights.h5"
    file.write_bytes(content)
    options = ModelOptions(source="keras:MobileNetV3Small", weights=str(file))
    with pytest.raises(ModelError, match=r"mine\.weights\.h5") as error:
        open_source(options)
    assert "\n" not in str(error.value)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.weights.h5"
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save_weights(file)
    options = ModelOptions(source="keras:MobileNetV3Small", weights=str(file))
    with pytest.raises(ModelError, match="does not fit keras:MobileNetV3Small"):
        open_source(options)


def test_without_a_network_one_line_says_where_weights_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(name: str, weights: str) -> None:
        sys.stdout.write("Downloading data")
        raise Exception("URL fetch failure on https://example.org/w.h5: None -- no route")

    monkeypatch.setattr(application, "_build", fails)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ModelError) as error:
        open_source(ModelOptions(source="keras:ResNet50V2"))
    message = str(error.value)
    assert "https://example.org/w.h5" in message
    assert str(tmp_path / "models" / APPLICATIONS["ResNet50V2"].weights) in message
    assert capsys.readouterr().out == ""


def test_keras_keeps_weights_where_we_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_HOME", raising=False)
    from keras.src.backend.config import keras_home

    home = Path(keras_home())
    assert cached_weights("VGG16").parent == home / "models"


def test_weights_are_for_applications_alone() -> None:
    with pytest.raises(ValidationError, match="weights only apply to keras:NAME networks"):
        ModelOptions(source="demo", weights="random")
