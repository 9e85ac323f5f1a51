"""Feature maps of networks of all sources: which one is found, its values and its gradients."""

import gc
import weakref
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import tensorflow as tf
import tf_keras

from igcli.errors import ModelError
from igcli.models.load import load
from igcli.models.network.head import HeadOptions
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.options import ModelOptions
from support import inception, model_files, onnx_networks

Values = npt.NDArray[np.float64]


def images(shape: tuple[int, ...], count: int = 2, high: float = 255) -> npt.NDArray[np.float32]:
    return np.random.default_rng(3).uniform(0, high, (count, *shape)).astype(np.float32)


def by_tape(
    model: Any, layer: str, inputs: Any, targets: Any, package: Any = keras
) -> tuple[Values, Values]:
    """Values and gradients at a layer of a functional model, by its own sub-model."""
    both = package.Model(model.inputs[0], [model.get_layer(layer).output, model.outputs[0]])
    with tf.GradientTape() as tape:
        values, scores = both(inputs, training=False)
        chosen = tf.gather(tf.reshape(scores, [len(inputs), -1]), targets, batch_dims=1)
    return values.numpy(), tape.gradient(chosen, values).numpy()


def assert_at_layer(
    network: Any, expected: tuple[Values, Values], inputs: Any, targets: Any, layer: Any = None
) -> None:
    answers = network.layer_gradients(inputs, np.asarray(targets, np.int32), layer)
    assert len(answers) == len(inputs)
    for answer, values, gradients in zip(answers, *expected, strict=True):
        assert np.abs(gradients).max() > 0
        np.testing.assert_allclose(answer.activations, values, atol=1e-4 * np.abs(values).max())
        scale = np.abs(gradients).max()
        np.testing.assert_allclose(answer.gradients, gradients, atol=1e-3 * scale)


APPLICATIONS = [
    ("MobileNet", "conv_pw_13_relu", {"alpha": 0.25}),
    ("MobileNetV2", "out_relu", {"alpha": 0.35}),
    ("MobileNetV3Small", "re_lu", {"alpha": 0.75, "minimalistic": True}),
    *(
        pytest.param(name, layer, {}, marks=pytest.mark.full)
        for name, layer in (
            ("VGG16", "block5_conv3"),
            ("ResNet50", "conv5_block3_out"),
            ("ResNet50V2", "post_relu"),
            ("DenseNet121", "relu"),
            ("InceptionV3", "mixed10"),
            ("InceptionResNetV2", "conv_7b_ac"),
            ("Xception", "block14_sepconv2_act"),
            ("NASNetMobile", "activation"),
            ("EfficientNetB0", "top_activation"),
            ("EfficientNetV2B0", "top_activation"),
        )
    ),
]


@pytest.mark.parametrize(("name", "layer", "options"), APPLICATIONS)
def test_the_last_feature_map_is_that_of_tutorials(
    name: str, layer: str, options: dict[str, Any]
) -> None:
    keras.utils.set_random_seed(5)
    side = 64 if options else 224
    small = {"input_shape": (side, side, 3), "classes": 10} if options else {}
    model = getattr(keras.applications, name)(weights=None, **options, **small)
    shape = tuple(size or 224 for size in model.inputs[0].shape[1:])
    maps = [inner for inner in model.layers if len(inner.output.shape) == 4]
    named = [
        inner.name for inner in maps if inner.name.startswith(layer) and inner.output.shape[1] > 1
    ]
    inputs, targets = images(shape, high=1), [1, 0]
    network = TensorFlowNetwork(lambda x: model(x, training=False), shape)
    # Keras numbers the layers that it names itself, from process start.
    assert_at_layer(network, by_tape(model, named[-1], inputs, targets), inputs, targets)


def test_convnext_ends_in_a_residual_sum_of_dense_layers() -> None:
    layers = keras.layers
    inputs = x = keras.Input((12, 12, 3))
    x = start = layers.Conv2D(6, 2, strides=2)(x)
    x = layers.LayerNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.Dense(6)(layers.Activation("gelu")(layers.Dense(9)(x)))
    x = layers.Add(name="sum")([start, x])
    x = layers.LayerNormalization()(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    network = TensorFlowNetwork(lambda x: model(x, training=False), (12, 12, 3))
    pixels = images((12, 12, 3), 3)
    assert_at_layer(network, by_tape(model, "sum", pixels, [0, 1, 2]), pixels, [0, 1, 2])


@pytest.mark.parametrize("kind", [".keras", ".h5", "", ".pb"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
def test_files_of_every_kind_have_the_same_feature_map(kind: str, tmp_path: Path) -> None:
    model = model_files.network()
    path = model_files.save(model, kind, tmp_path)
    options = ModelOptions.model_validate({"source": str(path), "preprocess": "unit"})
    network = load(options, device="cpu").network
    pixels, targets = images(model_files.SHAPE), [2, 1]
    norm, convolution = model.layers[2].name, model.layers[1].name
    expected = by_tape(model, norm, pixels / 255, targets)
    assert_at_layer(network, expected, pixels, targets)
    if kind == ".pb":
        expected = by_tape(model, convolution, pixels / 255, targets)
        for name in ("Tanh", "Tanh:0", "PartitionedCall/Tanh"):
            assert_at_layer(network, expected, pixels, targets, name)
    elif kind:
        for layer in (norm, convolution):
            expected = by_tape(model, layer, pixels / 255, targets)
            assert_at_layer(network, expected, pixels, targets, layer)


def test_layers_of_keras_2(tmp_path: Path) -> None:
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            tf_keras.Input((10, 8, 3)),
            layers.Conv2D(4, 3, activation="swish", name="conv2d"),
            layers.Conv2D(5, 3, activation="relu", name="conv2d_1"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    inputs, targets = images((10, 8, 3), high=1), [0, 2]
    network = TensorFlowNetwork(lambda x: model(x, training=False), (10, 8, 3))
    for name, layer in ((None, "conv2d_1"), ("conv2d_1", "conv2d_1"), ("conv2d", "conv2d")):
        expected = by_tape(model, layer, inputs, targets, tf_keras)
        assert_at_layer(network, expected, inputs, targets, name)


def test_names_that_keras_numbers_are_not_mixed_up(tmp_path: Path) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((9, 9, 3)),
            *(layers.Conv2D(4, 3, name=name) for name in ("conv2d", "conv2d_1", "conv2d_2")),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    inputs, targets = images((9, 9, 3), high=1), [0, 2]
    network = TensorFlowNetwork(lambda x: model(x, training=False), (9, 9, 3))
    for layer in ("conv2d", "conv2d_1", "conv2d_2"):
        assert_at_layer(network, by_tape(model, layer, inputs, targets), inputs, targets, layer)
    # A SavedModel only has the names of operations, in which the scope of conv2d is conv2d_1.
    model.export(tmp_path / "net", verbose=False)
    saved = load(ModelOptions(source=str(tmp_path / "net")), device="cpu").network
    assert_at_layer(
        saved, by_tape(model, "conv2d", inputs, targets), inputs, targets, "conv2d_1/BiasAdd"
    )
    with pytest.raises(ModelError, match=r"conv2d_1 may be any of .*conv2d_1, .*/conv2d_1_2: give"):
        saved.check_layer("conv2d_1")


def test_onnx_graphs_have_the_names_of_their_nodes_and_tensors(tmp_path: Path) -> None:
    proto = onnx_networks.convolutional()
    side = onnx_networks.SIDE
    path = onnx_networks.save(proto, tmp_path)
    options = ModelOptions.model_validate({"source": str(path), "size": [side, side]})
    network = load(options, device="cpu").network
    last = [node for node in proto.graph.node if node.op_type == "Relu"][-1]
    pixels, targets = images((side, side, 3)), np.array([2, 0], np.int32)
    answers = network.layer_gradients(pixels, targets, None)
    for name in (last.name, last.name.strip("/"), last.output[0], f"{last.output[0]}:0"):
        for answer, other in zip(
            answers, network.layer_gradients(pixels, targets, name), strict=True
        ):
            np.testing.assert_array_equal(answer.gradients, other.gradients)
    inferred = onnx.shape_inference.infer_shapes(proto)
    extractor = onnx.utils.Extractor(inferred)
    [scores] = [value.name for value in proto.graph.output]
    front = _session(extractor.extract_model(["images"], [last.output[0]]))
    rest = _session(extractor.extract_model([last.output[0]], [scores]))
    maps = front(pixels.transpose(0, 3, 1, 2))
    for answer, values, target in zip(answers, maps, targets, strict=True):
        np.testing.assert_allclose(answer.activations, values.transpose(1, 2, 0), rtol=1e-4)
        steps = 0.05 * np.eye(values.size, dtype=np.float32).reshape(-1, *values.shape)
        ends = [rest(values + sign * steps)[:, target].astype(float) for sign in (1, -1)]
        slopes = ((ends[0] - ends[1]) / 0.1).reshape(values.shape).transpose(1, 2, 0)
        np.testing.assert_allclose(answer.gradients, slopes, atol=1e-2 * np.abs(slopes).max())


def _session(model: Any) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    name = session.get_inputs()[0].name
    return lambda values: session.run(None, {name: values})[0]


def test_the_graph_of_inception(tmp_path: Path) -> None:
    path = tmp_path / "inception.pb"
    path.write_bytes(inception.graph(16))
    options = ModelOptions.model_validate(
        {"source": str(path), "input": "input:0", "output": "softmax2:0"}
    )
    network = load(options, device="cpu").network
    pixels = images(network.input_shape, 1)
    [last] = network.layer_gradients(pixels, np.zeros(1, np.int32), None)
    [named] = network.layer_gradients(pixels, np.zeros(1, np.int32), "mixed5b")
    assert last.activations.shape[:2] == (7, 7)
    np.testing.assert_array_equal(last.activations, named.activations)
    with pytest.raises(
        ModelError, match=r"no layer or operation 'mixed5c'; did you mean .*mixed5b"
    ):
        network.check_layer("mixed5c")


@pytest.mark.parametrize("square", [False, True])
def test_channels_may_come_first(square: bool) -> None:
    shape = (8, 8, 8) if square else (3, 10, 8)
    rng = np.random.default_rng(2)
    kernel = tf.constant(rng.normal(0, 0.1, (3, 3, shape[0], 6)), tf.float32)
    dense = tf.constant(rng.normal(0, 0.1, (6, 3)), tf.float32)

    def rest(x: Any) -> Any:
        return tf.nn.softmax(tf.reduce_max(x, (2, 3)) @ dense)

    def features(x: Any) -> Any:
        last = tf.nn.conv2d(tf.transpose(x, [0, 2, 3, 1]), kernel, 1, "SAME")
        return tf.nn.tanh(tf.transpose(last, [0, 3, 1, 2]))

    network = TensorFlowNetwork(lambda x: rest(features(x)), shape)
    pixels, targets = images(shape, high=1), [0, 2]
    with tf.GradientTape() as tape:
        values = features(pixels)
        tape.watch(values)
        scores = tf.gather(rest(values), targets, batch_dims=1)
    slopes = tape.gradient(scores, values)
    expected = [array.numpy().transpose(0, 2, 3, 1) for array in (values, slopes)]
    assert_at_layer(network, (expected[0], expected[1]), pixels, targets)
    [answer] = network.layer_gradients(pixels[:1], np.zeros(1, np.int32), None)
    assert answer.channels_first


def test_precision_and_xla_change_nothing_but_rounding() -> None:
    model = model_files.network()
    inputs, targets = images(model_files.SHAPE, high=1), np.array([2, 0], np.int32)

    def network(**options: Any) -> TensorFlowNetwork:
        return TensorFlowNetwork(lambda x: model(x), model_files.SHAPE, **options)

    plain = network().layer_gradients(inputs, targets, None)
    fused = network()
    assert fused._layers is not None
    fused._layers.is_fused = True
    others = (
        network(precision="bfloat16").layer_gradients(inputs, targets, None),
        fused.layer_gradients(inputs, targets, None),
    )
    assert fused._layers.is_fused
    for answers in others:
        for answer, expected in zip(answers, plain, strict=True):
            np.testing.assert_allclose(answer.activations, expected.activations, atol=1e-5)
            np.testing.assert_allclose(answer.gradients, expected.gradients, atol=1e-6)
            assert answer.score == pytest.approx(expected.score, rel=1e-5)


def test_gradients_of_an_authors_own() -> None:
    model = model_files.network()

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def doubled(x: Any) -> Any:
        return tf.identity(x), lambda upstream: 2 * upstream

    inputs, targets = images(model_files.SHAPE, high=1), [2, 0]
    network = TensorFlowNetwork(lambda x: doubled(model(x)), model_files.SHAPE)
    values, gradients = by_tape(model, model.layers[2].name, inputs, targets)
    for layer in (None, model.layers[2].name):
        assert_at_layer(network, (values, 2 * gradients), inputs, targets, layer)


def test_a_fixed_batch_and_two_scores_of_a_sigmoid() -> None:
    model = model_files.network(ends="sigmoid", outputs=1)

    def pairs(x: Any) -> Any:
        return model(tf.reshape(x, (2, *model_files.SHAPE)))

    head = HeadOptions(binary=True)
    network = TensorFlowNetwork(pairs, model_files.SHAPE, head_options=head)
    inputs = images(model_files.SHAPE, 3, high=1)
    values, gradients = by_tape(model, model.layers[2].name, inputs, [0, 0, 0])
    signs = np.array([1, -1, 1]).reshape(3, 1, 1, 1)
    assert_at_layer(network, (values, signs * gradients), inputs, [1, 0, 1])


def test_networks_that_score_every_pixel_need_a_layer() -> None:
    layers = keras.layers
    start = keras.Input((8, 6, 3))
    x = layers.Conv2D(5, 3, padding="same", activation="tanh", name="features")(start)
    model = keras.Model(start, layers.Conv2D(4, 1, activation="softmax")(x))
    network = TensorFlowNetwork(lambda x: model(x), (8, 6, 3))
    with pytest.raises(ModelError, match=r"scores every pixel, .*: name a layer before them"):
        network.check_layer(None)
    inputs = images((8, 6, 3), high=1)
    masks = np.random.default_rng(1).integers(0, 2, (2, 48)).astype(np.float32)
    both = keras.Model(start, [model.get_layer("features").output, model.output])
    with tf.GradientTape() as tape:
        values, scores = both(inputs)
        rows = tf.reshape(scores, [2, 48, 4])
        chosen = tf.stack([tf.reduce_sum(masks[i] * rows[i, :, k]) for i, k in ((0, 3), (1, 0))])
    slopes = tape.gradient(chosen, values).numpy()
    answers = network.layer_gradients(inputs, np.array([3, 0], np.int32), "features", masks=masks)
    for answer, expected, score in zip(answers, slopes, chosen, strict=True):
        np.testing.assert_allclose(answer.gradients, expected, atol=1e-5)
        assert answer.score == pytest.approx(float(score), rel=1e-5)


def _dense() -> Any:
    layers = keras.layers
    return keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(3)])


def _vision_transformer() -> Any:
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    x = layers.Reshape((16, 5))(layers.Conv2D(5, 2, strides=2, name="patches")(start))
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)])
    return keras.Model(start, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


def _mixer() -> Any:
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    x = layers.Reshape((16, 5))(layers.Conv2D(5, 2, strides=2, name="patches")(start))
    x = layers.Permute((2, 1))(layers.Dense(16)(layers.Permute((2, 1))(x)))
    return keras.Model(start, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_dense, "has no convolution with several positions .*: name a layer whose values have"),
        (_vision_transformer, r"after the last convolution \(patches\), .*, so there is no last"),
        (_mixer, r"after the last convolution \(patches\), dense.* computes with its positions"),
    ],
)
def test_networks_without_a_last_feature_map(make: Any, message: str) -> None:
    model = make()
    network = TensorFlowNetwork(lambda x: model(x, training=False), (8, 8, 3))
    with pytest.raises(ModelError, match=message):
        network.check_layer(None)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("conv_one", "no layer or operation 'conv_one'; did you mean conv_1"),
        (
            "zzz",
            "no layer or operation 'zzz'; its last feature maps are rescaling.*, conv_1, twice",
        ),
        ("scores", r"the output of scores has shape \(3\) for each image, .*: rescaling.*, twice"),
        ("twice", "twice is called 2 times in one pass of the network, expected once"),
    ],
)
def test_layers_that_are_refused(layer: str, message: str) -> None:
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 2, name="conv_1")(layers.Rescaling(0.1)(start))
    again = layers.Activation("tanh", name="twice")
    x = layers.Flatten()(again(again(x)))
    model = keras.Model(start, layers.Dense(3, activation="softmax", name="scores")(x))
    network = TensorFlowNetwork(lambda x: model(x), (8, 8, 3))
    with pytest.raises(ModelError, match=message):
        network.check_layer(layer)


def test_what_only_layers_need_is_freed() -> None:
    def network() -> tuple[TensorFlowNetwork, weakref.ref[Any]]:
        model = model_files.network()
        made = TensorFlowNetwork(lambda x: model(x), model_files.SHAPE)
        return made, weakref.ref(model)

    forgetful, model = network()
    gc.collect()
    assert model() is not None
    forgetful.forget_layers()
    gc.collect()
    assert model() is None
    frozen, model = network()
    frozen.check_layer(None)
    gc.collect()
    assert model() is None
    assert frozen.layer_gradients(images(model_files.SHAPE), np.zeros(2, np.int32), None)
