import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from igcli.errors import ModelError
from igcli.integration.network import Points
from igcli.models.load import Model, load
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.network.several_devices import AnyNetwork
from igcli.models.options import ModelOptions
from igcli.records import Array
from support import model_files
from support.model_files import SHAPE

PIXELS = np.random.default_rng(6).uniform(0, 1, (2, *SHAPE)).astype(np.float32)


def opened(model: Any, folder: Path, explain: Any = "probability") -> Model:
    path = folder / "net.keras"
    model.save(path)
    return load(ModelOptions(source=str(path)), device="cpu", explain=explain)


def ends_in_layer() -> Any:
    model = model_files.network(ends=None)
    return keras.Model(model.inputs[0], keras.layers.Softmax()(model.output)), model


def ends_in_activation() -> Any:
    model = model_files.network(ends=None)
    return keras.Model(model.inputs[0], keras.layers.Activation("softmax")(model.output)), model


def ends_nested() -> Any:
    plain, inner = ends_in_layer()
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, plain(inputs)), inner


def ends_in_reshape() -> Any:
    model = model_files.network(ends=None)
    wide = keras.layers.Reshape((1, 1, model_files.CLASSES))(model.output)
    scores = keras.layers.Flatten()(keras.layers.Softmax()(wide))
    return keras.Model(model.inputs[0], scores), model


def ends_in_sigmoids() -> Any:
    model = model_files.network(ends=None)
    return keras.Model(model.inputs[0], keras.ops.sigmoid(model.output)), model


@pytest.mark.parametrize(
    "build", [ends_in_layer, ends_in_activation, ends_nested, ends_in_reshape, ends_in_sigmoids]
)
def test_the_value_before_the_activation_is_found(build: Any, tmp_path: Path) -> None:
    whole, inner = build()
    probabilities = opened(whole, tmp_path).network.predict(PIXELS)
    logits = opened(whole, tmp_path, "logit").network.predict(PIXELS)
    np.testing.assert_allclose(logits, inner(PIXELS, training=False), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(probabilities, whole(PIXELS, training=False), rtol=1e-4)


def gradients(network: AnyNetwork, target: int) -> Array:
    placed = [network.place(np.zeros(SHAPE, np.float32), PIXELS[0])]
    line, alpha = np.zeros(1, np.int32), np.ones(1, np.float32)
    points = Points(placed, line, alpha, np.array([target], np.int32))
    return network.fetch(network.gradients(points, per_point=True).gradients)


def test_one_sigmoid_is_a_network_of_two_classes(tmp_path: Path) -> None:
    model = model_files.network(ends="sigmoid", outputs=1)
    network = opened(model, tmp_path).network
    yes = model(PIXELS, training=False).numpy()[:, 0]
    assert network.outputs == 2
    np.testing.assert_allclose(network.predict(PIXELS), np.stack([1 - yes, yes], 1), rtol=1e-4)
    np.testing.assert_allclose(gradients(network, 0), -gradients(network, 1), rtol=1e-4, atol=1e-9)
    logits = opened(model, tmp_path, "logit").network.predict(PIXELS)
    value = np.log(yes / (1 - yes))
    np.testing.assert_allclose(logits, np.stack([-value, value], 1), rtol=1e-3, atol=1e-5)


def test_one_logit_stands_for_two_classes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = model_files.network(ends=None, outputs=1)
    with caplog.at_level(logging.WARNING, "igcli"):
        loaded = opened(model, tmp_path)
    logit = model(PIXELS)
    assert loaded.network.outputs == 2
    expected = np.concatenate([-logit, logit], 1)
    np.testing.assert_allclose(loaded.network.predict(PIXELS), expected, rtol=1e-4)
    [warning] = caplog.messages
    assert "does not end in a softmax or sigmoid" in warning


def test_scores_without_an_axis_of_their_own_are_one_output() -> None:
    network = TensorFlowNetwork(lambda x: tf.reduce_sum(x, [1, 2, 3]), SHAPE)
    np.testing.assert_allclose(network.predict(PIXELS)[:, 0], PIXELS.sum((1, 2, 3)), rtol=1e-5)


def test_logits_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="explain: logit: the network does not end in a softmax"):
        opened(model_files.network(ends=None), tmp_path, "logit")


def test_half_precision_networks_give_float32_scores() -> None:
    network = TensorFlowNetwork(
        lambda x: tf.nn.softmax(tf.reduce_mean(tf.cast(x, tf.float16), [1, 2])), SHAPE
    )
    scores = network.predict(PIXELS)
    assert scores.dtype == np.float32
    assert network.activation == "softmax"
