from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from igcli.errors import ModelError
from igcli.integration.network import Points
from igcli.models.load import Model, load
from igcli.models.options import ModelOptions
from igcli.records import Array
from support import model_files
from support.model_files import SHAPE


def options(source: Path, **more: object) -> ModelOptions:
    return ModelOptions.model_validate({"source": str(source), **more})


def opened(source: Path, **more: object) -> Model:
    return load(options(source, **more), device="cpu")


def saved(model: Any, folder: Path) -> Path:
    path = folder / "net.keras"
    model.save(path)
    return path


def images(count: int = 2) -> Array:
    return np.random.default_rng(1).uniform(0, 255, (count, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def two_heads() -> Any:
    inputs = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(inputs)
    first = keras.layers.Dense(3, activation="softmax", name="animal")(flat)
    second = keras.layers.Dense(2, activation="softmax", name="colour")(flat)
    return model_files.seeded(keras.Model(inputs, [first, second]))


@pytest.mark.parametrize(("output", "place"), [("colour", 1), (1, 1), ("animal", 0), (0, 0)])
def test_an_output_is_chosen_by_name_or_index(
    two_heads: Any, tmp_path: Path, output: str | int, place: int
) -> None:
    model = opened(saved(two_heads, tmp_path), output=output)
    expected = two_heads(images(), training=False)[place]
    np.testing.assert_allclose(model.network.predict(images()), expected, rtol=1e-5)


@pytest.mark.parametrize("named", [False, True])
def test_several_outputs_need_a_choice(two_heads: Any, tmp_path: Path, named: bool) -> None:
    model = two_heads
    if named:  # Given to Keras as a dictionary whose order is not that of its names.
        first, second = model.outputs
        model = keras.Model(model.inputs, {"zebra": first, "ant": second})
        chosen = opened(saved(model, tmp_path), output="zebra")
        np.testing.assert_allclose(
            chosen.network.predict(images()), two_heads(images())[0], rtol=1e-5
        )
    with pytest.raises(ModelError, match=r"2 outputs: set model\.output \(--model-output\) to"):
        opened(saved(model, tmp_path))
    with pytest.raises(ModelError, match="has no output 'size'"):
        opened(saved(model, tmp_path), output="size")
    with pytest.raises(ModelError, match="has no output 2"):
        opened(saved(model, tmp_path), output=2)


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"pixels": x}])
def test_one_input_may_stand_in_a_list_or_mapping(tmp_path: Path, wrap: Any) -> None:
    inputs = keras.Input(SHAPE, name="pixels")
    scores = keras.layers.Dense(2)(keras.layers.Flatten()(inputs))
    model = model_files.seeded(keras.Model(wrap(inputs), scores))
    scores = opened(saved(model, tmp_path)).network.predict(images())
    np.testing.assert_allclose(scores, model(wrap(images())), rtol=1e-4)


def test_several_inputs_are_for_the_python_interface(tmp_path: Path) -> None:
    first, second = keras.Input(SHAPE), keras.Input(SHAPE)
    total = keras.layers.Flatten()(keras.layers.Add()([first, second]))
    path = saved(keras.Model([first, second], keras.layers.Dense(2)(total)), tmp_path)
    with pytest.raises(ModelError, match=r"has 2 inputs, .*igcli\.attribute"):
        opened(path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((16, 16, 4), r"images of four channels \(16, 16, 4\), expected RGB or grey"),
        ((4, 16, 16, 3), r"inputs of shape \(4, 16, 16, 3\), expected RGB"),
        ((47,), r"inputs of shape \(47\), which are not the pixels of a square image"),
    ],
)
def test_inputs_that_are_no_rgb_images(
    tmp_path: Path, shape: tuple[int, ...], message: str
) -> None:
    inputs = keras.Input(shape)
    path = saved(
        keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs))), tmp_path
    )
    with pytest.raises(ModelError, match=message):
        opened(path)


def test_a_fixed_batch_size_does_not_matter_to_keras(tmp_path: Path) -> None:
    inputs = keras.Input(batch_shape=(2, *SHAPE))
    scores = keras.layers.Dense(2)(keras.layers.Flatten()(inputs))
    model = model_files.seeded(keras.Model(inputs, scores))
    scores = opened(saved(model, tmp_path)).network.predict(images(3))
    np.testing.assert_allclose(scores[:2], model(images(3)[:2]), rtol=1e-4)


def test_an_argmax_at_the_end_has_no_gradient(tmp_path: Path) -> None:
    model = model_files.network()
    winner = keras.ops.argmax(model.output, axis=-1)
    with pytest.raises(ModelError, match=r"int32 \(from ArgMax\).*model\.output"):
        opened(saved(keras.Model(model.inputs, winner), tmp_path))


@pytest.mark.parametrize(("source", "target"), [(".keras", ".h5"), (".h5", ".keras")])
def test_the_content_decides_whatever_the_name(tmp_path: Path, source: str, target: str) -> None:
    model = model_files.network()
    path = tmp_path / f"renamed{target}"
    path.write_bytes(model_files.save(model, source, tmp_path).read_bytes())
    np.testing.assert_allclose(opened(path).network.predict(images()), model(images()), rtol=1e-4)


@pytest.mark.parametrize("kind", [".keras", ".h5"])
def test_lambdas_need_trust(tmp_path: Path, kind: str) -> None:
    inputs = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(keras.layers.Lambda(lambda x: x / 2)(inputs))
    model = model_files.seeded(keras.Model(inputs, keras.layers.Dense(2)(flat)))
    path = tmp_path / f"net{kind}"
    model.save(path)
    with pytest.raises(ModelError, match="--trust-model"):
        opened(path)
    trusted = load(options(path), device="cpu", trust=True)
    np.testing.assert_allclose(trusted.network.predict(images()), model(images()), rtol=1e-4)


MODULE = """
import keras

class Halve(keras.layers.Layer):
    def call(self, inputs):
        return inputs / 2

def bend(x):
    return keras.ops.tanh(x)
"""


def test_an_authors_classes_are_found_beside_a_trusted_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "authors_layers.py").write_text(MODULE)
    with monkeypatch.context() as context:
        context.syspath_prepend(tmp_path)
        import authors_layers  # type: ignore[import-not-found]

        inputs = keras.Input(SHAPE)
        flat = keras.layers.Flatten()(authors_layers.Halve()(inputs))
        scores = keras.layers.Dense(2, activation=authors_layers.bend)(flat)
        model = model_files.seeded(keras.Model(inputs, scores))
        path = saved(model, tmp_path)
        expected = model(images()).numpy()
    monkeypatch.delitem(__import__("sys").modules, "authors_layers")
    with pytest.raises(ModelError, match=r"code of its author's.*--trust-model"):
        opened(path)
    trusted = load(options(path), device="cpu", trust=True)
    np.testing.assert_allclose(trusted.network.predict(images()), expected, rtol=1e-4)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel of two signatures, one with two outputs."""
    module = tf.Module()
    spec = tf.TensorSpec((None, *SHAPE), tf.float32, name="image")
    module.one = tf.function(lambda image: {"a": tf.reduce_sum(image, [1, 2])}, [spec])
    module.two = tf.function(
        lambda image: {
            "b": tf.reduce_mean(image, [1, 2]),
            "c": tf.reduce_max(image, [1, 2]),
        },
        [spec],
    )
    path = tmp_path_factory.mktemp("saved")
    signatures = {"one": module.one, "two": module.two}
    tf.saved_model.save(module, str(path), signatures=signatures)
    return path


@pytest.mark.parametrize("chosen", [{"output": "b"}, {"input": "two:image", "output": "two:b"}])
def test_a_signature_is_chosen_by_its_keys(several: Path, chosen: dict[str, str]) -> None:
    model = opened(several, **chosen)
    expected = images().mean((1, 2))
    np.testing.assert_allclose(model.network.predict(images()), expected, rtol=1e-4)


def test_an_open_choice_of_signature_lists_them(several: Path) -> None:
    with pytest.raises(ModelError) as error:
        opened(several, input="two:image")
    assert "two: image -> b; two: image -> c" in str(error.value)
    assert "one:" not in str(error.value)
    with pytest.raises(ModelError, match=r"has no such input and output.*one: image -> a"):
        opened(several, output="d")


def test_the_signature_of_keras_export_is_chosen_by_itself(tmp_path: Path) -> None:
    model = model_files.network()
    model.export(str(tmp_path / "saved"), verbose=False)
    scores = opened(tmp_path / "saved").network.predict(images())
    np.testing.assert_allclose(scores, model(images()), rtol=1e-4)


def test_swish_survives_an_export(tmp_path: Path) -> None:
    inputs = keras.Input(SHAPE)
    x = keras.layers.Activation("silu")(keras.layers.Conv2D(3, 3)(inputs))
    scores = keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(x))
    model = model_files.seeded(keras.Model(inputs, scores))
    model.export(str(tmp_path / "saved"), verbose=False)
    line, target = np.zeros(1, np.int32), np.ones(1, np.int32)

    def gradients(path: Path) -> Array:
        network = opened(path).network
        placed = network.place(0 * images()[0], images()[0] / 255)
        points = Points([placed], line, np.ones(1, np.float32), target)
        return np.asarray(network.gradients(points, per_point=True).gradients)

    expected = gradients(saved(model, tmp_path))
    assert expected.any()
    np.testing.assert_allclose(gradients(tmp_path / "saved"), expected, rtol=1e-3, atol=1e-9)


def test_a_saved_model_without_signatures(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "saved"))
    with pytest.raises(ModelError, match="is not an image classifier: it has no signature"):
        opened(tmp_path / "saved")


def test_a_signature_of_a_fixed_batch_size_is_given_many(tmp_path: Path) -> None:
    module = tf.Module()
    spec = tf.TensorSpec((2, *SHAPE), tf.float32)
    module.serve = tf.function(lambda image: tf.reduce_mean(image, [1, 2]), [spec])
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.serve)
    scores = opened(tmp_path / "saved").network.predict(images(5))
    np.testing.assert_allclose(scores, images(5).mean((1, 2)), rtol=1e-5)


def graph_file(folder: Path, build: Any) -> Path:
    with tf.Graph().as_default() as graph:
        build()
    path = folder / "graph.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def two_ends() -> None:
    image = tf.compat.v1.placeholder(tf.float32, (1, *SHAPE), "image")
    means = tf.reduce_mean(image, [1, 2])
    tf.nn.softmax(means, name="scores")
    tf.reduce_max(image, [1, 2], name="most")


def test_an_open_choice_of_tensors_lists_them(tmp_path: Path) -> None:
    path = graph_file(tmp_path, two_ends)
    with pytest.raises(ModelError, match=r"has 2, name one: scores:0, most:0"):
        opened(path)
    with pytest.raises(ModelError, match="has no tensor nothing"):
        opened(path, output="nothing")
    with pytest.raises(ModelError, match="does not depend"):
        opened(path, output="image:0", input="most:0")


def test_a_graph_of_one_image_at_a_time_is_given_many(tmp_path: Path) -> None:
    model = opened(graph_file(tmp_path, two_ends), output="most")
    expected = images(3).max((1, 2))
    np.testing.assert_allclose(model.network.predict(images(3)), expected, rtol=1e-6)


def test_a_graph_with_its_batch_baked_in_is_given_many(tmp_path: Path) -> None:
    def build() -> None:
        image = tf.compat.v1.placeholder(tf.float32, (1, *SHAPE), "image")
        flat = tf.reshape(image, [1, 768])
        tf.matmul(flat, tf.ones([768, 2]), name="scores")

    scores = opened(graph_file(tmp_path, build)).network.predict(images(3))
    np.testing.assert_allclose(scores[:, 0], images(3).sum((1, 2, 3)), rtol=1e-5)


def test_a_graph_of_bytes_is_computed_from_its_first_float(tmp_path: Path) -> None:
    def build() -> None:
        image = tf.compat.v1.placeholder(tf.uint8, (None, *SHAPE), "bytes")
        pixels = tf.cast(image, tf.float32, name="pixels")
        tf.nn.softmax(tf.reduce_mean(pixels, [1, 2]), name="scores")

    path = graph_file(tmp_path, build)
    expected = opened(path, input="pixels").network.predict(images())
    np.testing.assert_array_equal(opened(path).network.predict(images()), expected)


def test_a_graph_that_is_not_frozen_is_refused(tmp_path: Path) -> None:
    def build() -> None:
        image = tf.compat.v1.placeholder(tf.float32, (None, *SHAPE), "image")
        tf.reduce_sum(image, [1, 2]) * tf.compat.v1.get_variable("w", (3,), use_resource=True)

    with pytest.raises(ModelError, match="is not frozen: w is a variable"):
        opened(graph_file(tmp_path, build))


def test_the_hash_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    from igcli.models.hashing import of_folder

    for name, inner in (("one", "b"), ("two", "b"), ("three", "c")):
        (tmp_path / name / "a").mkdir(parents=True)
        (tmp_path / name / "a" / inner).write_bytes(b"weights")
        (tmp_path / name / "saved_model.pb").write_bytes(b"graph")
    one, two, three = (of_folder(str(tmp_path / name)) for name in ("one", "two", "three"))
    assert one == two != three
    (tmp_path / "two" / "a" / "b").write_bytes(b"Weights")
    assert of_folder(str(tmp_path / "two")) != one
