"""Small networks in ONNX files, against ONNX Runtime: scores, and attributions by differences."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import tensorflow as tf

import igcli
from igcli.models.graph.freeze import freeze
from igcli.models.load import Model, load
from igcli.models.onnx.graph import Graph
from igcli.models.onnx.operators import OPERATORS
from igcli.models.options import ModelOptions
from support import onnx_networks
from support.onnx_networks import NETWORKS, SIDE, onnx_runtime, save

STEPS = 4
CONVOLUTIONS = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative")

Values = npt.NDArray[np.float64]


def opened(path: Path, **more: Any) -> Model:
    options = ModelOptions.model_validate({"source": str(path), "size": [SIDE, SIDE], **more})
    return load(options, device="cpu")


def images(count: int, channels: int = 3) -> npt.NDArray[np.float32]:
    shape = (count, SIDE, SIDE, channels)
    return np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)


def integrated_gradients(
    scores: Callable[[Any], Any], baseline: Any, image: Any, target: int
) -> Values:
    """Return the trapezoid sum of central differences, of scores alone.

    The baseline is not black, at which all windows of a maximum are equal.
    """
    total = np.zeros(image.size)
    ones = np.eye(image.size, dtype=np.float32).reshape(-1, *image.shape)
    for step in range(STEPS + 1):
        point = baseline + (image - baseline) * np.float32(step / STEPS)
        ends = [scores(point + sign * ones)[:, target].astype(np.float64) for sign in (1, -1)]
        total += (0.5 if step in (0, STEPS) else 1.0) / STEPS * (ends[0] - ends[1]) / 2
    product: Values = total.reshape(image.shape) * (image - baseline)
    return product


@pytest.mark.parametrize("name", NETWORKS)
def test_scores_and_attributions_are_those_of_onnx_runtime(name: str, tmp_path: Path) -> None:
    path = save(NETWORKS[name](), tmp_path)
    model, scores = opened(path), onnx_runtime(path)
    batch = images(7, model.channels)
    expected = scores(batch)
    for count in (1, 2, 7):
        predicted = model.network.predict(batch[:count])
        np.testing.assert_allclose(predicted, expected[:count], rtol=1e-4, atol=1e-5)
    target = int(expected[0].argmax())
    explained = igcli.attribute(
        model, batch[:1], baseline=batch[1], steps=STEPS, target=target
    ).attributions[0]
    differences = integrated_gradients(scores, batch[1], batch[0], target)
    assert np.abs(differences).max() > 1e-4
    distance = np.linalg.norm(explained - differences) / np.linalg.norm(differences)
    assert distance < 0.02, distance


def test_shuffled_channels_stay_last() -> None:
    graph = Graph(onnx_networks.shuffle())
    frozen = freeze(graph, [tf.TensorSpec((None, 3, SIDE, SIDE), tf.float32)])
    kinds = Counter(op.type for op in frozen.graph.graph.get_operations())
    # One brings the channels of the image last, one shuffles in each block.
    assert kinds["Transpose"] == 1 + 2


def test_autograph_does_not_rewrite_the_operators(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen, relu = set(), OPERATORS["Relu"]

    def recorded(node: Any, *values: Any) -> Any:
        seen.add(tf.__internal__.autograph.control_status_ctx().status.name)
        return relu(node, *values)

    monkeypatch.setitem(OPERATORS, "Relu", recorded)
    opened(save(onnx_networks.convolutional(), tmp_path))
    assert seen == {"DISABLED"}


@pytest.mark.parametrize("opset", [9, 11, 13, 18, 20, 21, 22])
def test_versions_of_the_operators(opset: int, tmp_path: Path) -> None:
    path = save(onnx_networks.convolutional(opset=opset), tmp_path)
    expected = onnx_runtime(path)(images(3))
    np.testing.assert_allclose(opened(path).network.predict(images(3)), expected, rtol=1e-4)


@pytest.mark.parametrize("opset", [9, 13, 17])
def test_filters_that_are_standardized(opset: int, tmp_path: Path) -> None:
    path = save(onnx_networks.standardized(by_node=False), tmp_path)
    expected = onnx_runtime(path)(images(3))
    predicted = opened(save(onnx_networks.standardized(opset=opset), tmp_path)).network
    np.testing.assert_allclose(predicted.predict(images(3)), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("kind", "inputs", "attributes"),
    [
        ("Upsample", [[1, 1, 2, 3]], {"mode": "linear"}),
        ("Upsample", [[1, 1, 1.5, 2]], {"mode": "nearest"}),
        ("Slice", [], {"starts": [1, -7], "ends": [7, 100], "axes": [2, 3]}),
        ("Slice", [], {"starts": [0, 1, 2], "ends": [1 << 40, 3, 7]}),
        ("Pad", [], {"pads": [0, 0, 1, 2, 0, 0, 3, 0], "value": 9.5}),
        ("Pad", [], {"pads": [0, 0, 1, 2, 0, 0, 3, 0], "mode": "reflect"}),
        ("Clip", [], {"min": 20.0, "max": 200.0}),
        ("Clip", [], {"min": 100.0}),
        ("Clip", [], {"max": 100.0}),
    ],
)
def test_operators_that_had_attributes_or_other_defaults(
    kind: str, inputs: list[Any], attributes: dict[str, Any], tmp_path: Path
) -> None:
    b = onnx_networks.Builder()
    tensors = [b.tensor(np.array(values, np.float32)) for values in inputs]
    x = b.node("Flatten", b.node(kind, "images", *tensors, **attributes))
    path = save(b.model(x, opset=9), tmp_path)
    expected = onnx_runtime(path)(images(3))
    np.testing.assert_allclose(opened(path).network.predict(images(3)), expected, rtol=1e-5)


def test_resizing_of_opset_10(tmp_path: Path) -> None:
    b = onnx_networks.Builder()
    scales = b.tensor(np.array([1, 1, 1.5, 2], np.float32))
    x = b.node("Resize", b.node("Resize", "images", scales, mode="linear"), scales, mode="nearest")
    path = save(b.model(b.node("Flatten", x), opset=10), tmp_path)
    expected = onnx_runtime(path)(images(3))
    np.testing.assert_allclose(opened(path).network.predict(images(3)), expected, rtol=1e-5)


def test_weights_of_an_old_format_need_not_be_inputs(tmp_path: Path) -> None:
    model = onnx_networks.convolutional(opset=9)
    model.ir_version = 3
    path = save(model, tmp_path)
    expected = onnx_runtime(path)(images(3))
    np.testing.assert_allclose(opened(path).network.predict(images(3)), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("kind", "channels", "attributes"),
    [("Sigmoid", 1, {}), ("Sigmoid", 3, {}), ("Softmax", 3, {"axis": 1})],
)
def test_the_activation_of_maps_is_found(
    kind: str, channels: int, attributes: dict[str, int], tmp_path: Path
) -> None:
    b = onnx_networks.Builder()
    x = b.node("Relu", b.node("Conv", "images", b.weight(4, 3, 3, 3, scale=0.01)))
    x = b.node("ConvTranspose", x, b.weight(4, channels, 2, 2), strides=[2, 2])
    path = save(b.model(b.node(kind, x, **attributes)), tmp_path)
    expected = np.moveaxis(onnx_runtime(path)(images(2)), 1, -1).reshape(2, -1, channels)
    network = opened(path).network
    assert network.activation == kind.lower()
    np.testing.assert_allclose(network.predict(images(2))[..., -channels:], expected, rtol=1e-4)


@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - {"grey"}))
def test_large_filters_are_no_constants_of_the_frozen_graph(name: str) -> None:
    """Two batches at the same time crashed in TensorFlow's code for constant filters.

    TensorFlow captures tensors of up to 128 numbers as constants.
    """
    graph = Graph(NETWORKS[name]())
    shape = tuple(side or SIDE for side in graph.input_shape)
    operations = freeze(graph, [tf.TensorSpec((None, *shape))]).graph.graph.get_operations()
    inputs = [op.inputs[1] for op in operations if op.type in CONVOLUTIONS]
    filters = [tensor for tensor in inputs if tensor.shape.num_elements() > 128]
    assert filters
    for tensor in filters:
        sources, pending = [], [tensor]
        while pending:
            inner = pending.pop()
            pending += inner.op.inputs
            if not inner.op.inputs and inner.dtype.is_floating:
                sources.append(inner.op.type)
        assert set(sources) == {"Placeholder"}, tensor


def test_half_precision_is_computed_in_single_precision(tmp_path: Path) -> None:
    path = save(onnx_networks.convolutional(half=True), tmp_path)
    expected = onnx_runtime(path)(images(3))
    np.testing.assert_allclose(opened(path).network.predict(images(3)), expected, rtol=0.02)


def test_a_network_written_for_several_images_takes_any_number(tmp_path: Path) -> None:
    path = save(onnx_networks.fixed_batch(4), tmp_path)
    expected, model = onnx_runtime(path)(images(4)), opened(path)
    np.testing.assert_allclose(model.network.predict(images(4)), expected, rtol=1e-4)
    np.testing.assert_allclose(model.network.predict(images(1)), expected[:1], rtol=1e-4)


def test_long_sides_are_not_numbers_of_images(tmp_path: Path) -> None:
    b = onnx_networks.Builder()
    side = 512  # Of three channels, 786,432 numbers.
    row = b.node("Reshape", "images", b.ints(0, -1))
    rows = b.node("Reshape", row, b.ints(0, 3, side * side))
    model = b.model(b.node("ReduceMean", rows, axes=[2], keepdims=0), shape=("n", 3, side, side))
    network = opened(save(model, tmp_path), size=[side, side]).network
    image = np.random.default_rng(1).uniform(0, 255, (1, side, side, 3)).astype(np.float32)
    np.testing.assert_allclose(network.predict(image), image.mean((1, 2)), rtol=1e-4)


def test_external_data_are_read_and_hashed(tmp_path: Path) -> None:
    model = onnx_networks.convolutional()
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected = onnx_runtime(save(model, whole))(images(2))
    path = save(model, parts, external="net.onnx.data")
    first = opened(path)
    np.testing.assert_allclose(first.network.predict(images(2)), expected, rtol=1e-6)
    data = bytearray((parts / "net.onnx.data").read_bytes())
    data[3] ^= 1
    (parts / "net.onnx.data").write_bytes(data)
    assert opened(path).sha256 != first.sha256


def test_a_softmax_is_split_off_for_logits(tmp_path: Path) -> None:
    path = save(onnx_networks.convolutional(), tmp_path)
    options = ModelOptions.model_validate({"source": str(path)})
    logits = load(options, device="cpu", explain="logit").network.predict(images(2))
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    scores = onnx_runtime(path)(images(2))
    np.testing.assert_allclose(powers / powers.sum(-1, keepdims=True), scores, rtol=1e-4)


def test_any_value_may_be_the_output(tmp_path: Path) -> None:
    model = onnx_networks.convolutional()
    logits = model.graph.node[-1].input[0]
    predicted = opened(save(model, tmp_path), output=logits).network.predict(images(2))
    del model.graph.output[:]
    kind = onnx.TensorProto.FLOAT
    model.graph.output.append(onnx.helper.make_tensor_value_info(logits, kind, None))
    expected = onnx_runtime(save(model, tmp_path))(images(2))
    np.testing.assert_allclose(predicted, expected, rtol=1e-4, atol=1e-5)


def test_functions_of_a_model_are_inlined(tmp_path: Path) -> None:
    b = onnx_networks.Builder()
    helper = onnx.helper
    opset = helper.make_opsetid("", 17)
    body = [
        helper.make_node("Sigmoid", ["x"], ["gate"]),
        helper.make_node("Mul", ["x", "gate"], ["y"]),
    ]
    swish = helper.make_function("own", "Swish", ["x"], ["y"], body, [opset])
    x = b.node("Conv", "images", b.weight(4, 3, SIDE, SIDE, scale=0.001))
    x = b.node("Flatten", b.node("Swish", x, domain="own"))
    model = b.model(x)
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.functions.append(swish)
    path = save(model, tmp_path)
    expected = onnx_runtime(path)(images(2))
    np.testing.assert_allclose(opened(path).network.predict(images(2)), expected, rtol=1e-4)
