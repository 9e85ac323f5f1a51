"""ONNX files that are damaged, hostile, or hold something else than a classifier."""

import os
import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from igcli.errors import ModelError, UsageError
from igcli.models.load import Model, load
from igcli.models.onnx import file
from igcli.models.onnx.graph import Graph
from igcli.models.options import ModelOptions
from igcli.printable import printable
from support import onnx_networks
from support.damage import mutated
from support.onnx_networks import SHAPE, SIDE, Builder, save


def opened(path: Path, **more: Any) -> Model:
    return load(ModelOptions.model_validate({"source": str(path), **more}), device="cpu")


def refused(path: Path, **more: Any) -> str:
    """Return the message of a refusal, which is one line."""
    with pytest.raises((ModelError, UsageError)) as info:
        opened(path, **more)
    message = str(info.value)
    assert "\n" not in message
    assert message.startswith("model"), message
    return message


def single(kind: str, *inputs: str, shape: Any = SHAPE, **attributes: Any) -> onnx.ModelProto:
    """A network of one operator and a mean of what it gives."""
    b = Builder()
    x = b.node(kind, *inputs, **attributes)
    return b.model(b.node("ReduceMean", x, axes=[2, 3], keepdims=0), shape=shape)


@pytest.fixture(scope="module")
def data() -> bytes:
    return bytes(onnx_networks.convolutional().SerializeToString())


def test_truncated_files(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for length in {0, 1, 2, 7, *range(16, len(data), 61), len(data) - 1}:
        path.write_bytes(data[:length])
        refused(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"a photo of a cat\n", "file of another kind|no graph"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "net.onnx cannot be read: it is damaged"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n", "git lfs pull"),
    ],
)
def test_other_files(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    assert any(part in refused(path) for part in message.split("|"))


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # Weights that are NaN.
def test_mutated_files(data: bytes, tmp_path: Path) -> None:
    path, rng = tmp_path / "net.onnx", random.Random(3)
    whole = 0
    for _ in range(500):
        path.write_bytes(mutated(data, rng))
        try:
            model, _ = file.read(str(path))
            Graph(model)
            if whole < 30:
                whole += 1
                opened(path)
        except (ModelError, UsageError) as error:
            assert "\n" not in printable(str(error))  # noqa: PT017 - some are read
    assert whole == 30


def test_mutated_files_of_an_old_version(tmp_path: Path) -> None:
    data = bytes(onnx_networks.convolutional(opset=9).SerializeToString())
    path, rng = tmp_path / "net.onnx", random.Random(4)
    for _ in range(200):
        path.write_bytes(mutated(data, rng))
        try:
            Graph(file.read(str(path))[0])
        except ModelError as error:
            assert "\n" not in printable(str(error))  # noqa: PT017 - some are read


def external(folder: Path, change: Callable[[dict[str, str]], None]) -> Path:
    """Write a network with external data, the entry of whose first tensor is changed."""
    path = save(onnx_networks.convolutional(), folder, external="net.data")
    model = onnx.load(path, load_external_data=False)
    tensor = model.graph.initializer[0]
    entry = {part.key: part.value for part in tensor.external_data}
    change(entry)
    del tensor.external_data[:]
    for key, value in entry.items():
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("location", ["../net.data", "/etc/hostname", "a/../../net.data", ""])
def test_external_data_elsewhere_are_not_read(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "net.data").write_bytes(bytes(10_000))
    path = external(folder, lambda entry: entry.update(location=location))
    assert "outside the folder of the model" in refused(path)


def test_external_data_behind_a_link_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    path = external(folder, lambda entry: None)
    (folder / "net.data").rename(tmp_path / "net.data")
    (folder / "net.data").symlink_to(tmp_path / "net.data")
    assert "outside the folder of the model" in refused(path)


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes")
def test_external_data_in_a_pipe_are_not_read(tmp_path: Path) -> None:
    path = external(tmp_path, lambda entry: None)
    (tmp_path / "net.data").unlink()
    os.mkfifo(tmp_path / "net.data")
    assert "no such file" in refused(path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"location": "other.data"}, "'other.data': no such file; keep it beside the model"),
        ({"offset": "100000"}, "too few for tensor w0"),
        ({"offset": "-8"}, "too few for tensor w0"),
        ({"length": "8"}, "too few for tensor w0"),
        ({"length": "many"}, "the entry of tensor w0 is damaged"),
        ({"location": "net\0.data"}, "outside the folder of the model"),
    ],
)
def test_entries_of_external_data(entry: dict[str, str], message: str, tmp_path: Path) -> None:
    assert message in refused(external(tmp_path, lambda whole: whole.update(entry)))


def test_a_circle(tmp_path: Path) -> None:
    model = onnx_networks.convolutional()
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.input[0] = model.graph.node[-1].output[0]
    assert "depends on its own output" in refused(save(model, tmp_path))


def test_a_name_that_nothing_makes(tmp_path: Path) -> None:
    model = onnx_networks.convolutional()
    model.graph.node[0].input[1] = "kernel"
    assert "needs 'kernel', which the graph does not give" in refused(save(model, tmp_path))


def test_an_output_that_an_operator_does_not_give(tmp_path: Path) -> None:
    b = Builder()
    parts = [b.weight(3) for _ in range(4)]
    x, mean = b.nodes_of("BatchNormalization", "images", *parts, count=2)
    x = b.node("Add", x, b.node("Unsqueeze", mean, b.ints(0, 2, 3)))
    message = refused(save(b.model(b.node("Flatten", x)), tmp_path))
    assert f"needs {mean!r}, which the graph does not give" in message


@pytest.mark.parametrize(("opset", "attributes"), [(13, {}), (17, {"training_mode": 1})])
def test_images_are_not_normalized_by_their_batch(
    opset: int, attributes: dict[str, int], tmp_path: Path
) -> None:
    b = Builder()
    parts = [b.weight(3) for _ in range(4)]
    x, *_ = b.nodes_of("BatchNormalization", "images", *parts, count=3, **attributes)
    message = refused(save(b.model(b.node("Flatten", x), opset=opset), tmp_path))
    assert "(BatchNormalization) is in training mode: export the network for inference" in message


def test_large_arrays_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    b = Builder()
    huge = b.ints(1 << 20, 1 << 20)
    filled = b.node("ConstantOfShape", huge)
    x = b.node("Mul", b.node("Flatten", "images"), b.node("ReduceMean", filled))
    assert "too large" in refused(save(b.model(x), tmp_path))
    b = Builder()
    x = b.node("Tile", "images", b.ints(1, 1 << 30, 1 << 30, 1))
    assert "too large" in refused(save(b.model(x), tmp_path))
    b = Builder()
    x = b.node("Range", *(b.tensor(np.array(n, np.int64)) for n in (0, 1 << 60, 1)))
    x = b.node("Mul", b.node("Flatten", "images"), b.node("Cast", x, to=1))
    refused(save(b.model(x), tmp_path))
    size = [1, 1, 1 << 20, 1 << 20]
    resized = single("Resize", "images", "", "", "sizes", mode="cubic")
    resized.graph.initializer.append(helper.make_tensor("sizes", 7, [4], size))
    assert "too large" in refused(save(resized, tmp_path))
    pads = [0, 0, 1 << 40, 0, 0, 0, 0, 0]
    padded = single("Pad", "images", "pads", mode="reflect")
    padded.graph.initializer.append(helper.make_tensor("pads", 7, [8], pads))
    assert "too large" in refused(save(padded, tmp_path))


def test_a_tensor_that_claims_to_be_large(tmp_path: Path) -> None:
    model = onnx_networks.convolutional()
    model.graph.initializer[0].dims[0] = 1 << 50
    assert "tensor w0 is damaged" in refused(save(model, tmp_path))


def calling(
    count: int, calls: Callable[[int], list[int]], *body: onnx.NodeProto
) -> onnx.ModelProto:
    """A network that calls the last of `count` functions, each of which calls others, by number."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    functions = []
    for number in range(count):
        called = calls(number)
        names = ["x", *(f"t{index}" for index in range(1, len(called))), "y"]
        nodes = [
            helper.make_node(f"f{other}", [names[index]], [names[index + 1]], domain="own")
            for index, other in enumerate(called)
        ]
        functions.append(
            helper.make_function("own", f"f{number}", ["x"], ["y"], nodes or body, opsets)
        )
    b = Builder()
    model = b.model(b.node("Flatten", b.node(f"f{count - 1}", "images", domain="own")))
    model.opset_import.append(opsets[1])
    model.functions.extend(functions)
    return model


RELU = helper.make_node("Relu", ["x"], ["y"])


def below(number: int, *, times: int) -> list[int]:
    return [number - 1] * times if number else []


def test_functions_that_double_are_refused_before_they_are_inlined(tmp_path: Path) -> None:
    path = save(calling(13, partial(below, times=2), RELU), tmp_path)
    assert opened(path).network.outputs == 3 * SIDE * SIDE
    for count in (31, 90):
        path = save(calling(count, partial(below, times=2), RELU), tmp_path)
        assert path.stat().st_size < 10_000
        assert "nodes, more than 200,000" in refused(path)


def test_functions_of_large_constants_are_refused_before_they_are_inlined(tmp_path: Path) -> None:
    array = numpy_helper.from_array(np.zeros(1 << 18, np.float32))
    constant = helper.make_node("Constant", [], ["large"], value=array)
    path = save(calling(15, partial(below, times=2), constant, RELU), tmp_path)
    assert "too large for protobuf once its functions are inlined" in refused(path)


@pytest.mark.parametrize(
    "calls",
    [
        lambda number: [number],
        lambda number: [(number + 1) % 3],
        lambda number: [0, 1, 2],
        partial(below, times=1),
    ],
)
def test_functions_that_call_themselves_or_too_deep(
    calls: Callable[[int], list[int]], tmp_path: Path
) -> None:
    count = 120 if isinstance(calls, partial) else 3
    assert "call each other in a circle, or more than 100 deep" in refused(
        save(calling(count, calls, RELU), tmp_path)
    )


def test_several_inputs_are_named(tmp_path: Path) -> None:
    b = Builder()
    model = b.model(b.node("Flatten", b.node("Add", "images", "mask")))
    model.graph.input.append(helper.make_tensor_value_info("mask", 1, SHAPE))
    assert "has 2 inputs (images, mask), expected the image alone" in refused(save(model, tmp_path))
    model.graph.node[0].input[1] = "images"  # The mask is no longer needed.
    assert opened(save(model, tmp_path)).network.outputs == 3 * SIDE * SIDE
    assert "has no input 'mask'; it has: images" in refused(save(model, tmp_path), input="mask")


def test_several_outputs_are_listed(tmp_path: Path) -> None:
    b = Builder()
    x = b.node("Flatten", b.node("Relu", "images"))
    names = [b.node("Gemm", x, b.weight(3 * SIDE * SIDE, count)) for count in (2, 5)]
    path = save(b.model(names), tmp_path)
    listed = ", ".join(names)
    assert f"has 2 outputs: set model.output (--model-output) to one of: {listed}" in refused(path)
    assert opened(path, output=1).network.outputs == 5
    assert opened(path, output=names[0]).network.outputs == 2
    for output in ("scores", 2):
        assert f"has no output {output!r}; it has: {listed}" in refused(path, output=output)


def test_rows_of_a_detector_are_explained_only_by_name(tmp_path: Path) -> None:
    b = Builder()
    boxes = b.node("Reshape", b.node("Conv", "images", b.weight(6, 3, 3, 3)), b.ints(0, 6, -1))
    path = save(b.model(boxes), tmp_path)
    message = refused(path)
    assert f"the output {boxes} has shape (images, 6, 36), several rows for an image" in message
    assert opened(path, output=boxes).network.outputs == 36


def test_a_file_of_scikit_learn(tmp_path: Path) -> None:
    model = single("LinearClassifier", "images", domain="ai.onnx.ml")
    model.opset_import[0].domain = "ai.onnx.ml"
    assert "it has those of ai.onnx.ml, which no network is made of" in refused(
        save(model, tmp_path)
    )


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("If", "control flow"),
        ("Loop", "control flow"),
        ("QLinearConv", "quantized: export the network in floating point"),
        ("DequantizeLinear", "quantized: export the network in floating point"),
        ("NonMaxSuppression", "detection: name scores"),
        ("RandomNormalLike", "random: export the network in evaluation mode"),
        ("Einstein", "not supported: Einstein; the first is node /Einstein_0"),
    ],
)
def test_operators_that_are_not_supported(kind: str, reason: str, tmp_path: Path) -> None:
    message = refused(save(single(kind, "images"), tmp_path))
    assert kind in message
    assert reason in message


def test_operators_of_another_domain(tmp_path: Path) -> None:
    model = single("FusedMatMul", "images", domain="com.microsoft")
    assert "com.microsoft.FusedMatMul" in refused(save(model, tmp_path))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (("batch", "channels", SIDE, SIDE), "expected RGB or grey images"),
        (("batch", 3, SIDE, SIDE, "frames"), "expected RGB or grey images"),
        (("batch", 3, "height", "width"), "model.size: [224, 224] (--model-size 224,224)"),
        ((), "does not say the shape of its input images"),
        (None, "does not say the shape of its input images"),
        (("batch", 5, SIDE, SIDE), "expected RGB or grey images"),
    ],
)
def test_shapes_of_inputs(shape: Any, message: str | None, tmp_path: Path) -> None:
    b = Builder()
    kernel = b.weight(4, 3, 3, 3)
    model = b.model(b.node("Flatten", b.node("Conv", "images", kernel)), shape=shape)
    text = refused(save(model, tmp_path))
    assert message is None or message in text


@pytest.mark.parametrize("kind", [8, 0, 99, 7])
def test_types_of_inputs(kind: int, tmp_path: Path) -> None:
    model = single("Relu", "images")
    model.graph.input[0].type.tensor_type.elem_type = kind
    refused(save(model, tmp_path))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (("Concat", "images", "images"), "cannot be computed"),
        (("Transpose", "images"), None),
        (("Reshape", "images", "images"), "depends on the image, expected a constant"),
        (("Conv", "images"), "cannot be computed"),
        (("Gemm", "images", "images"), "cannot be computed"),
        (("Constant",), "has 0 values, expected one"),
    ],
)
def test_nodes_that_do_not_fit(node: tuple[str, ...], message: str | None, tmp_path: Path) -> None:
    b = Builder()
    x = b.node("Mul", b.node(*node), "images")
    model = b.model(b.node("ReduceMean", x, axes=[2, 3], keepdims=0), shape=("batch", 3, 8, 6))
    text = refused(save(model, tmp_path))
    assert message is None or message in text


def test_scores_that_mix_the_images_of_a_batch(tmp_path: Path) -> None:
    b = Builder()
    model = b.model(b.node("ReduceMean", "images", axes=[0], keepdims=0))
    assert "expected scores for each image of a batch" in refused(save(model, tmp_path))


def test_options_of_other_kinds(tmp_path: Path) -> None:
    path = save(onnx_networks.convolutional(), tmp_path)
    assert "only applies to frozen graphs" in refused(path, feeds={"keep_prob": 1.0})
    (tmp_path / "layers.py").touch()
    objects = str(tmp_path / "layers.py")
    assert "only applies to Keras files" in refused(path, custom_objects=objects)


def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(onnx_networks.convolutional(), tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "pip install 'igcli[onnx]'" in refused(path)
