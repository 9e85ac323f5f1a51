"""All forms in which people save classifiers; here those of TensorFlow and of Keras 2."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from support.keras_forms import (
    SIDE,
    Form,
    Make,
    augmented,
    authors_code,
    built_by_call,
    channels_first,
    ends,
    functional,
    grey,
    grey_behind_a_mean,
    inner_parts,
    integers,
    nested,
    one_element_lists,
    operations,
    run,
    saved,
    seeded,
    segmentation,
    sequential,
    shapes,
    softmax,
)


class Hub(tf.Module):  # type: ignore[misc]
    """As modules of TensorFlow Hub are: called, with flags, and no signature."""

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(5)
        self.kernel = tf.Variable(rng.normal(0, 0.2, (5, 5, 3, 6)).astype(np.float32))
        self.weights = tf.Variable(rng.normal(0, 0.5, (6, 4)).astype(np.float32))

    @tf.function  # type: ignore[untyped-decorator]
    def __call__(self, images: Any, training: bool = False, rate: float = 0.5) -> Any:
        x = tf.nn.relu(tf.nn.conv2d(images / 255.0, self.kernel, 2, "SAME"))
        if training:
            x = tf.nn.dropout(x, rate)
        logits = tf.reduce_mean(x, (1, 2)) @ self.weights
        return {"logits": logits, "features": x}


def saved_models(folder: Path) -> Iterator[Form]:
    hub, spec = Hub(), tf.TensorSpec((None, SIDE, SIDE, 3))
    for training in (True, False):
        hub.__call__.get_concrete_function(spec, training=training)
    tf.saved_model.save(hub, str(folder / "hub"))
    yield Form(folder / "hub", lambda p: hub(p)["logits"], options={"output": "logits"})
    model = functional(keras, softmax(keras))
    model.export(folder / "export", verbose=False)
    yield Form(folder / "export", run(model))


def older_saved_models(folder: Path) -> Iterator[Form]:
    """Of TensorFlow 1, with variables, and with a graph for training beside."""
    weights = np.random.default_rng(9).normal(0, 0.01, (3, 4)).astype(np.float32)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, (None, SIDE, SIDE, 3), "x")
        variable = tf.compat.v1.get_variable("w", initializer=weights)
        y = tf.nn.softmax(tf.reduce_mean(x, (1, 2)) @ variable)
        session.run(tf.compat.v1.global_variables_initializer())
        builders = [tf.compat.v1.saved_model.Builder(str(folder / name)) for name in ("one", "two")]
        signature = tf.compat.v1.saved_model.predict_signature_def({"images": x}, {"scores": y})
        given = {"signature_def_map": {"serving_default": signature}}
        builders[0].add_meta_graph_and_variables(session, ["serve"], **given)
        builders[1].add_meta_graph_and_variables(session, ["serve", "train"], **given)
        builders[1].add_meta_graph(["serve"], **given)
        for builder in builders:
            builder.save()
    for name in ("one", "two"):
        yield Form(folder / name, lambda p: tf.nn.softmax(tf.reduce_mean(p, (1, 2)) @ weights))


def frozen_graphs(folder: Path) -> Iterator[Form]:
    rng = np.random.default_rng(7)
    kernel = rng.normal(0, 0.2, (3, 3, 3, 6)).astype(np.float32)
    weights = rng.normal(0, 0.5, (6, 3)).astype(np.float32)

    def features(x: Any) -> Any:
        return tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(x / 255.0, kernel, 2, "SAME")), (1, 2))

    def scores(x: Any) -> Any:
        return tf.nn.softmax(features(x) @ weights)

    def keep(x: Any) -> Any:
        kept = tf.compat.v1.placeholder(tf.float32, (), "keep_prob")
        training = tf.compat.v1.placeholder(tf.bool, (), "phase_train")
        y = tf.nn.dropout(features(x), rate=1 - kept)
        return tf.nn.softmax(tf.where(training, 2.0, 1.0) * y @ weights)

    def baked(x: Any) -> Any:
        return tf.nn.softmax(tf.reshape(features(x), (2, 6)) @ weights)

    feeds = {"feeds": {"keep_prob": 1.0, "phase_train": False}}
    graphs: Sequence[tuple[str, Any, Any, dict[str, Any]]] = (
        ("plain", scores, tf.float32, {}),
        ("keep_prob", keep, tf.float32, feeds),
        ("batch_of_two", baked, tf.float32, {}),
        ("bytes", lambda x: scores(tf.cast(x[:, ::-1], tf.float32)[:, ::-1]), tf.uint8, {}),
    )
    for name, build, dtype, options in graphs:
        with tf.Graph().as_default() as graph:
            build(tf.compat.v1.placeholder(dtype, (None, SIDE, SIDE, 3), "input"))
        (folder / f"{name}.pb").write_bytes(graph.as_graph_def().SerializeToString())
        yield Form(folder / f"{name}.pb", scores, options=options)


# --- Keras 2 -------------------------------------------------------------------------------------
def keras_2(folder: Path) -> Iterator[Form]:
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(SIDE, SIDE, 3)),
            layers.DepthwiseConv2D(3),
            layers.Flatten(),
            softmax(tf_keras),
        ]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    seeded(model)
    options = {"preprocess": "unit"}
    for name in ("net.h5", "net.keras", "net.hdf5"):
        model.save(folder / name)
    model.save(folder / "net_folder", save_format="tf")
    (folder / "hdf5_called.keras").write_bytes((folder / "net.h5").read_bytes())
    for name in ("net.h5", "net.keras", "net.hdf5", "net_folder", "hdf5_called.keras"):
        yield Form(folder / name, lambda p: model(p / 255), options=options)


def keras_2_transfer(folder: Path) -> Iterator[Form]:
    """A nested network behind augmentation and arithmetic between layers."""
    layers = tf_keras.layers
    inner = tf_keras.Input((SIDE, SIDE, 3))
    base = tf_keras.Model(inner, layers.ReLU(6.0)(layers.Conv2D(4, 3, strides=2)(inner)))
    inputs = tf_keras.Input((SIDE, SIDE, 3))
    x = tf_keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)])(inputs)
    x = tf_keras.applications.mobilenet_v2.preprocess_input(x)
    x = layers.GlobalAveragePooling2D()(base(x, training=False)[:, 1:, :, :])
    model = seeded(tf_keras.Model(inputs, layers.Dense(3)(layers.Dropout(0.2)(x))))
    yield from saved(model, folder, "transfer.h5", "transfer.keras")
    with zipfile.ZipFile(folder / "transfer.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    # As Keras 2.12 called its modules.
    members["config.json"] = members["config.json"].replace(b"tf_keras.src.", b"keras.")
    with zipfile.ZipFile(folder / "transfer_2_12.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    yield Form(folder / "transfer_2_12.keras", run(model))
    model.save(folder / "transfer", save_format="tf")
    yield Form(folder / "transfer", run(model))
    wrapped = tf_keras.Sequential(
        [
            tf_keras.Sequential([base, layers.GlobalAveragePooling2D()]),
            tf_keras.Sequential([layers.Dense(2, use_bias=False, activation="softmax")]),
        ]
    )
    wrapped.build((None, SIDE, SIDE, 3))
    seeded(wrapped).save(folder / "teachable.h5")
    yield Form(
        folder / "teachable.h5", lambda p: wrapped(p / 127.5 - 1), options={"preprocess": "tf"}
    )


def keras_2_optimizer(folder: Path) -> Iterator[Form]:
    model = functional(tf_keras, softmax(tf_keras))
    model.compile(tf_keras.optimizers.legacy.Adam(), "sparse_categorical_crossentropy")
    model.fit(np.zeros((2, SIDE, SIDE, 3)), np.zeros(2), verbose=0)
    seeded(model).save(folder / "legacy_adam", save_format="tf")
    yield Form(folder / "legacy_adam", run(model))


def keras_2_lambda(folder: Path) -> Iterator[Form]:
    model = functional(tf_keras, softmax(tf_keras), tf_keras.layers.Lambda(lambda x: x / 255))
    for kind in (".h5", ".keras"):
        model.save(folder / f"lambda{kind}")
        yield Form(folder / f"lambda{kind}", run(model), trust=True)


FORMS: tuple[Make, ...] = (
    *(sequential, built_by_call, nested, one_element_lists, operations, grey),
    *(grey_behind_a_mean, channels_first, integers, augmented, ends, shapes, inner_parts),
    *(authors_code, segmentation, saved_models, older_saved_models, frozen_graphs),
    *(keras_2, keras_2_transfer, keras_2_optimizer, keras_2_lambda),
)
