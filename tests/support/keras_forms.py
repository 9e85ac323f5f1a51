"""Classifiers in the forms in which Keras 3 saves them, each beside the same network in memory."""

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf

SIDE = 16

LAYERS = """
import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="author")
class Gate(keras.layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, inputs):
        return inputs * keras.ops.sigmoid(self.kernel)


class Halve(keras.layers.Layer):
    def call(self, inputs):
        return inputs / 2


def bend(inputs):
    return keras.ops.tanh(inputs)


class Whole(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.flat, self.dense = keras.layers.Flatten(), keras.layers.Dense(3, "softmax")

    def call(self, inputs):
        return {"scores": self.dense(self.flat(inputs / 255)), "mean": keras.ops.mean(inputs)}

    def get_config(self):
        return {}
"""


@dataclass(frozen=True)
class Form:
    """A saved network.

    Attributes:
        path: The file or folder.
        scores: The same network in memory: scores (N, K), or (N, H, W, K), of pixels (N, H, W, C).
        shape: Shape of one image.
        options: Model options besides the source.
        trust: Whether it runs code of its author.
        tolerance: Maximum relative L2 distance of attributions.
    """

    path: Path
    scores: Callable[[Any], Any]
    shape: tuple[int, ...] = (SIDE, SIDE, 3)
    options: dict[str, Any] = field(default_factory=dict)
    trust: bool = False
    tolerance: float = 1e-3


Make = Callable[[Path], Iterator[Form]]


def seeded(model: Any) -> Any:
    """Give a network weights of a fixed seed that leave no unit dead and no score saturated."""
    rng = np.random.default_rng(3)
    for weight in model.weights:
        name = getattr(weight, "path", weight.name)
        if "seed" in name:
            continue
        shape = tuple(weight.shape)
        scale = 1.5 / np.sqrt(np.prod(shape[:-1])) if len(shape) > 1 else 0.1
        middle = 1.0 if "variance" in name or "gamma" in name else 0.0
        weight.assign(middle + rng.uniform(-scale, scale, shape))
    return model


def body(package: Any, x: Any) -> Any:
    """A few layers of either Keras."""
    layers = package.layers
    x = layers.Conv2D(4, 3, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(6, 3, strides=2, activation="relu")(x)
    return layers.Flatten()(x)


def stack(package: Any, *layers: Any) -> Any:
    """A `Sequential`."""
    return seeded(package.Sequential(list(layers)))


def functional(package: Any, end: Callable[[Any], Any], before: Any = None, **given: Any) -> Any:
    """A functional network from pixels to whatever `end` makes of its features."""
    given.setdefault("shape", (SIDE, SIDE, 3))
    inputs = package.Input(**given)
    scaled = package.layers.Rescaling(1 / 255)(inputs) if before is None else before(inputs)
    return seeded(package.Model(inputs, end(body(package, scaled))))


def softmax(package: Any, outputs: int = 3) -> Any:
    return package.layers.Dense(outputs, activation="softmax")


def run(model: Any) -> Callable[[Any], Any]:
    return lambda pixels: model(pixels, training=False)


def saved(model: Any, folder: Path, *names: str) -> Iterator[Form]:
    """Save under each name, and yield the forms."""
    for name in names:
        model.save(folder / name)
        yield Form(folder / name, run(model))


# --- Keras 3 -------------------------------------------------------------------------------------
def sequential(folder: Path) -> Iterator[Form]:
    layers = keras.layers
    model = stack(
        keras,
        keras.Input((SIDE, SIDE, 3)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(4, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        softmax(keras),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(np.zeros((2, SIDE, SIDE, 3)), np.zeros(2), epochs=1, verbose=0)
    yield from saved(seeded(model), folder, "sequential.keras", "sequential.h5")
    model.save(folder / "unpacked", zipped=False)
    yield Form(folder / "unpacked", run(model))


def built_by_call(folder: Path) -> Iterator[Form]:
    layers = keras.layers
    model = keras.Sequential([layers.Rescaling(1 / 255), layers.Flatten(), softmax(keras)])
    model(np.zeros((2, SIDE, SIDE, 3), np.float32))
    yield from saved(seeded(model), folder, "built_by_call.keras")


def nested(folder: Path) -> Iterator[Form]:
    layers = keras.layers
    inputs = keras.Input((SIDE, SIDE, 3))
    base = keras.Model(inputs, layers.Conv2D(4, 3, strides=2, activation="relu")(inputs))
    head = keras.Sequential([layers.GlobalAveragePooling2D(), softmax(keras)])
    model = stack(keras, keras.Input((SIDE, SIDE, 3)), layers.Rescaling(1 / 255), base, head)
    yield from saved(model, folder, "nested.keras", "nested.h5")


def one_element_lists(folder: Path) -> Iterator[Form]:
    """As Keras 3.8 to 3.10 wrote the ends of nested networks."""
    for form in nested(folder):
        if form.path.suffix == ".h5":
            with h5py.File(form.path, "r+") as file:
                file.attrs["model_config"] = json.dumps(_listed(file.attrs["model_config"]))
        else:
            with zipfile.ZipFile(form.path) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
            members["config.json"] = json.dumps(_listed(members["config.json"])).encode()
            with zipfile.ZipFile(form.path, "w") as archive:
                for name, data in members.items():
                    archive.writestr(name, data)
        yield form


def _listed(config: Any) -> Any:
    config = json.loads(config)
    waiting = [config]
    while waiting:
        part = waiting.pop()
        waiting += part.values() if isinstance(part, dict) else part
        waiting = [item for item in waiting if isinstance(item, dict | list)]
        if isinstance(part, dict) and part.get("class_name") == "Functional":
            for key in ("input_layers", "output_layers"):
                part["config"][key] = [part["config"][key]]
    return config


def operations(folder: Path) -> Iterator[Form]:
    """Arithmetic between layers, which Keras 3 writes to .h5 and does not find there."""

    def scaled(x: Any) -> Any:
        return keras.layers.Add()([x / 127.5 - 1.0, keras.ops.maximum(x, 0) * 0.001])

    model = functional(keras, softmax(keras), scaled)
    yield from saved(model, folder, "operations.keras", "operations.h5")


def grey(folder: Path) -> Iterator[Form]:
    model = functional(keras, softmax(keras), shape=(SIDE, SIDE, 1))
    model.save(folder / "grey.keras")
    yield Form(folder / "grey.keras", run(model), (SIDE, SIDE, 1))
    flat = stack(keras, keras.Input((SIDE, SIDE)), keras.layers.Flatten(), softmax(keras))
    flat.save(folder / "flat.keras")
    options = {"preprocess": "unit"}
    yield Form(folder / "flat.keras", lambda x: flat(x[..., 0] / 255), (SIDE, SIDE, 1), options)
    row = stack(keras, keras.Input((SIDE * SIDE,)), softmax(keras))
    row.save(folder / "row.keras")
    yield Form(
        folder / "row.keras",
        lambda x: row(tf.reshape(x, (-1, SIDE * SIDE)) / 255),
        (SIDE, SIDE, 1),
        options,
    )


def grey_behind_a_mean(folder: Path) -> Iterator[Form]:
    def mean(x: Any) -> Any:
        return keras.layers.Rescaling(1 / 255)(keras.ops.mean(x, -1, keepdims=True))

    yield from saved(functional(keras, softmax(keras), mean), folder, "grey_behind_a_mean.keras")


def channels_first(folder: Path) -> Iterator[Form]:
    for channels in (1, 3):
        shape, path = (channels, SIDE, SIDE), folder / f"first_{channels}.keras"
        model = functional(
            keras,
            softmax(keras),
            lambda x: keras.layers.Permute((2, 3, 1))(x / 255),
            shape=shape,
        )
        model.save(path)
        yield Form(path, _first(model), (SIDE, SIDE, channels))


def _first(model: Any) -> Callable[[Any], Any]:
    return lambda pixels: model(tf.transpose(pixels, (0, 3, 1, 2)))


def integers(folder: Path) -> Iterator[Form]:
    """The same layers behind a floating-point input are the witness."""

    def resized(x: Any) -> Any:
        return keras.layers.Rescaling(1 / 255)(keras.layers.Resizing(12, 12)(x))

    for name, dtype, before in (
        ("u", "uint8", None),
        ("i", "int32", None),
        ("r", "uint8", resized),
    ):
        model = functional(keras, softmax(keras), before, shape=(SIDE, SIDE, 3), dtype=dtype)
        same = functional(keras, softmax(keras), before)
        same.set_weights(model.get_weights())
        model.save(folder / f"{name}.keras")
        yield Form(folder / f"{name}.keras", run(same))


def augmented(folder: Path) -> Iterator[Form]:
    layers = keras.layers
    flips = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])
    for name, augment in (
        ("flip", flips),
        ("hue", layers.RandomHue(0.2)),
        ("grey", layers.RandomGrayscale(0.5)),
        ("noise", layers.GaussianNoise(0.1)),
    ):
        model = functional(
            keras, softmax(keras), lambda x, a=augment: layers.Rescaling(1 / 255)(a(x))
        )
        yield from saved(model, folder, f"{name}.keras")


def ends(folder: Path) -> Iterator[Form]:
    """Several inputs and outputs in their structures, and ends of every kind."""
    layers = keras.layers
    inputs = keras.Input((SIDE, SIDE, 3), name="image")
    x = body(keras, layers.Rescaling(1 / 255)(inputs))
    breed, age = softmax(keras)(x), layers.Dense(1)(x)
    both = seeded(keras.Model(inputs, {"breed": breed, "age": age}))
    both.save(folder / "dict.keras")
    yield Form(folder / "dict.keras", lambda p: both(p)["breed"], options={"output": "breed"})
    listed = keras.Model({"image": inputs}, [breed, age])
    listed.save(folder / "list.keras")
    yield Form(folder / "list.keras", lambda p: listed({"image": p})[0], options={"output": 0})
    logit = functional(keras, layers.Dense(1))
    yield from _single(logit, folder / "logit.keras", lambda z: tf.concat([-z, z], 1), {})
    yield from _single(
        logit,
        folder / "made_sigmoid.keras",
        lambda z: tf.concat([1 - tf.sigmoid(z), tf.sigmoid(z)], 1),
        {"activation": "sigmoid"},
    )
    sigmoid = functional(keras, layers.Dense(1, activation="sigmoid"))
    yield from _single(sigmoid, folder / "sigmoid.keras", lambda p: tf.concat([1 - p, p], 1), {})
    logits = functional(keras, layers.Dense(4))
    yield from _single(logits, folder / "logits.keras", lambda z: z, {})
    yield from _single(
        logits, folder / "made_softmax.keras", tf.nn.softmax, {"activation": "softmax"}
    )
    labels = functional(keras, layers.Dense(5, activation="sigmoid"))
    yield from saved(labels, folder, "multi_label.keras")


def _single(model: Any, path: Path, end: Any, options: dict[str, Any]) -> Iterator[Form]:
    model.save(path)
    yield Form(path, lambda pixels: end(model(pixels)), options=options)


def shapes(folder: Path) -> Iterator[Form]:
    """Open sizes and fixed batches."""
    layers = keras.layers
    open_size = functional(
        keras,
        softmax(keras),
        lambda x: layers.Rescaling(1 / 255)(layers.Resizing(12, 12)(x)),
        shape=(None, None, 3),
    )
    open_size.save(folder / "open.keras")
    yield Form(folder / "open.keras", run(open_size), options={"size": (SIDE, SIDE)})
    fixed = functional(keras, softmax(keras), batch_shape=(1, SIDE, SIDE, 3), shape=None)
    yield from saved(fixed, folder, "fixed.keras")


def inner_parts(folder: Path) -> Iterator[Form]:
    """Branches whose gradients are added up, attention, and half precision."""
    layers = keras.layers
    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Concatenate()([layers.Conv2D(3, k, padding="same")(x) for k in (1, 3, 5)] + [x])
    branches = seeded(keras.Model(inputs, softmax(keras)(layers.GlobalAveragePooling2D()(x))))
    yield from saved(branches, folder, "branches.keras")
    x = layers.Conv2D(6, 3, groups=3, activation="relu")(layers.Rescaling(1 / 255)(inputs))
    groups = seeded(keras.Model(inputs, softmax(keras)(layers.Flatten()(x))))
    yield from saved(groups, folder, "groups.keras")
    x = layers.Reshape((16, 8))(layers.Conv2D(8, 4, strides=4)(layers.Rescaling(1 / 255)(inputs)))
    x = layers.Add()([layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x), x])
    x = layers.Dense(8, activation="gelu")(layers.LayerNormalization()(x))
    attention = seeded(keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x))))
    yield from saved(attention, folder, "attention.keras", "attention.h5")
    keras.mixed_precision.set_global_policy("mixed_float16")
    half = functional(
        keras, lambda x: layers.Activation("softmax", dtype="float32")(layers.Dense(3)(x))
    )
    keras.mixed_precision.set_global_policy("float32")
    half.save(folder / "half.keras")
    yield Form(folder / "half.keras", run(half), tolerance=1e-2)


def authors_code(folder: Path) -> Iterator[Form]:
    (folder / "layers_of_author.py").write_text(LAYERS)
    names: dict[str, Any] = {}
    exec(compile(LAYERS, "layers_of_author", "exec"), names)
    objects = {"custom_objects": str(folder / "layers_of_author.py")}
    for name, layer in (("gate", names["Gate"]()), ("halve", names["Halve"]())):
        model = functional(keras, softmax(keras), lambda x, k=layer: k(x / 255))
        for kind in (".keras", ".h5"):
            model.save(folder / f"{name}{kind}")
            yield Form(folder / f"{name}{kind}", run(model), options=objects, trust=True)
    bent = functional(keras, keras.layers.Dense(3, activation=names["bend"]))
    bent.save(folder / "bent.keras")
    yield Form(folder / "bent.keras", run(bent), options=objects, trust=True)
    code = functional(keras, softmax(keras), keras.layers.Lambda(lambda x: x / 127.5 - 1.0))
    code.save(folder / "lambda.keras")
    yield Form(folder / "lambda.keras", run(code), trust=True)
    preprocess_input = keras.applications.mobilenet_v2.preprocess_input
    named = functional(keras, softmax(keras), keras.layers.Lambda(preprocess_input))
    named.save(folder / "preprocess_input.keras")
    yield Form(folder / "preprocess_input.keras", run(named), trust=True)
    whole = names["Whole"]()
    whole(np.zeros((1, SIDE, SIDE, 3), np.float32))
    seeded(whole).save(folder / "whole.keras")
    options = {**objects, "output": "scores"}
    yield Form(folder / "whole.keras", lambda p: whole(p)["scores"], options=options, trust=True)


def segmentation(folder: Path) -> Iterator[Form]:
    layers = keras.layers
    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(layers.Rescaling(1 / 255)(inputs))
    wide = seeded(keras.Model(inputs, layers.Conv2D(4, 1, activation="softmax")(x)))
    yield from saved(wide, folder, "segmentation.keras")
    flat = layers.Reshape((SIDE * SIDE, 4))(layers.Conv2D(4, 1)(x))
    rows = seeded(keras.Model(inputs, layers.Activation("softmax")(flat)))
    yield from saved(rows, folder, "rows.keras")
    yes = seeded(keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x)))
    yes.save(folder / "yes.keras")
    yield Form(folder / "yes.keras", lambda p: tf.concat([1 - yes(p), yes(p)], -1))


# --- SavedModels and frozen graphs ---------------------------------------------------------------
