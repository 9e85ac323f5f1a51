"""Files that bring code of their author's: nothing of it runs unless it is trusted."""

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import pytest
import tensorflow as tf
import tf_keras

from igcli.errors import ModelError, UsageError
from igcli.models.load import load
from igcli.models.options import ModelOptions

TRACE = Path("trace")


def leave_a_trace(x: Any) -> Any:
    TRACE.touch()
    return x


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def saved(package: Any, path: str, layer: Any) -> None:
    """Save a network with a layer, deep inside; the trace of building it is removed."""
    inner_inputs = package.Input((8, 8, 3))
    inner = package.Model(inner_inputs, layer(inner_inputs))
    inputs = package.Input((8, 8, 3))
    flat = package.layers.Flatten()(package.Sequential([inner])(inputs))
    package.Model(inputs, package.layers.Dense(2)(flat)).save(path)
    TRACE.unlink(missing_ok=True)


def refused(path: str) -> str:
    with pytest.raises(ModelError) as error:
        load(ModelOptions(source=path), device="cpu")
    assert not TRACE.exists()
    return str(error.value)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize("package", [keras, tf_keras])
@pytest.mark.parametrize("kind", [".keras", ".h5"])
def test_a_lambda_is_refused_and_runs_once_it_is_trusted(package: Any, kind: str) -> None:
    code = "__import__('pathlib').Path('trace').touch()"
    layer = package.layers.Lambda(eval(f"lambda x: ({code}, x * 2)[1]"))
    saved(package, f"net{kind}", layer)
    message = refused(f"net{kind}")
    for way in (
        "ambda",
        "--trust-model",
        "model.custom_objects",
        "model.export",
        "igcli.attribute",
    ):
        assert way in message
    assert len(message.splitlines()) == 1
    load(ModelOptions(source=f"net{kind}"), device="cpu", trust=True)
    assert TRACE.exists()


@pytest.fixture
def plain() -> tuple[str, str]:
    """A harmless file of Keras 2 of either kind, to be edited."""
    inputs = tf_keras.Input((8, 8, 3))
    flat = tf_keras.layers.Flatten()(inputs * 2.0)
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(2, name="last")(flat))
    model.save("plain.keras")
    with pytest.warns(UserWarning, match="HDF5"):
        model.save("plain.h5")
    return "plain.keras", "plain.h5"


def edit(path: str, change: Any) -> None:
    """Change each layer's entry in a configuration."""

    def changed(text: Any) -> str:
        config = json.loads(text)
        for layer in config["config"]["layers"]:
            change(layer)
        return json.dumps(config)

    if path.endswith(".h5"):
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = changed(file.attrs["model_config"])
        return
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = changed(members["config.json"]).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def writes_a_file(layer: dict[str, Any]) -> None:
    if layer["class_name"] == "TFOpLambda":
        layer["config"]["function"] = "io.write_file"
        layer["inbound_nodes"] = [["input_1", 0, 0, {"filename": "trace", "contents": "x"}]]


def prints_to_a_file(layer: dict[str, Any]) -> None:
    if layer["class_name"] == "TFOpLambda":
        layer["config"]["function"] = "print"
        layer["inbound_nodes"] = [["input_1", 0, 0, {"output_stream": "file://trace"}]]


def names_a_module(layer: dict[str, Any]) -> None:
    if layer["class_name"] == "Dense":
        Path("evil.py").write_text("open('trace', 'w').close()\nclass Dense: pass\n")
        layer["module"] = "evil"


def names_a_function(layer: dict[str, Any]) -> None:
    if layer["class_name"] == "Dense":
        Path("evil.py").write_text("open('trace', 'w').close()\ndef run(): pass\n")
        layer["config"]["activation"] = {
            "class_name": "function", "config": "run", "module": "evil", "registered_name": "run"
        }  # fmt: skip


def hides_a_lambda_in_a_wrapper(layer: dict[str, Any]) -> None:
    if layer["class_name"] == "Dense":
        inner = {"class_name": "Lambda", "config": {"function": ["AAAA", None, None]}}
        layer["class_name"], layer["config"] = "TimeDistributed", {"name": "last", "layer": inner}


def is_an_operation(layer: dict[str, Any]) -> None:
    if layer["class_name"] == "TFOpLambda":
        node = 'name: "w" op: "WriteFile" input: "trace" input: "x"'
        layer["class_name"] = "TensorFlowOpLayer"
        layer["config"] = {"name": "w", "node_def": node, "constants": {}}


@pytest.mark.parametrize(
    "change",
    [
        *(writes_a_file, prints_to_a_file, names_a_module, names_a_function),
        *(hides_a_lambda_in_a_wrapper, is_an_operation),
    ],
)
@pytest.mark.parametrize("kind", [0, 1])
def test_a_configuration_of_keras_2_runs_nothing(
    plain: tuple[str, str], change: Any, kind: int
) -> None:
    assert load(ModelOptions(source=plain[kind]), device="cpu").network.outputs == 2
    edit(plain[kind], change)
    assert "needs code of its author's" in refused(plain[kind])


def test_the_keras_part_of_a_saved_model_is_not_revived() -> None:
    inputs = tf_keras.Input((8, 8, 3))
    traced = tf_keras.layers.Lambda(leave_a_trace)(inputs)
    scores = tf_keras.layers.Dense(2)(tf_keras.layers.Flatten()(traced))
    tf_keras.Model(inputs, scores).save("net", save_format="tf")
    TRACE.unlink()
    assert load(ModelOptions(source="net"), device="cpu").network.outputs == 2
    assert not TRACE.exists()


def test_custom_objects_are_run_for_trusted_files_alone(folder: Path) -> None:
    Path("own.py").write_text("open('trace', 'w').close()\n")
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.save("net.keras")
    options = ModelOptions(source="net.keras", custom_objects="own.py")
    with pytest.raises(UsageError, match=r"model\.custom_objects: .*--trust-model"):
        load(options, device="cpu")
    assert not TRACE.exists()
    load(options, device="cpu", trust=True)
    assert TRACE.exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_custom_objects_that_cannot_be_imported(code: str, message: str) -> None:
    Path("own.py").write_text(code)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.save("net.keras")
    options = ModelOptions(source="net.keras", custom_objects="own.py")
    with pytest.raises(ModelError, match=rf"custom_objects: own\.py cannot be imported: {message}"):
        load(options, device="cpu", trust=True)


@pytest.mark.parametrize("name", ["config.json", "metadata.json"])
def test_a_configuration_that_is_no_configuration(name: str) -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.save("net.keras")
    with zipfile.ZipFile("net.keras") as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    for damage in (b"[" * 100_000, b"\xff\xfe", b"[]", b'{"config": 3', b"3"):
        with zipfile.ZipFile("net.keras", "w") as archive:
            for member, data in members.items():
                archive.writestr(member, damage if member == name else data)
        if (name, damage) not in (("metadata.json", b"[]"), ("metadata.json", b"3")):
            assert "is damaged" in refused("net.keras")


def test_layers_of_keras_hub_name_the_package() -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.save("net.keras")

    def change(layer: dict[str, Any]) -> None:
        if layer["class_name"] == "Dense":
            layer["module"] = "keras_hub.src.models.image_classifier"
            layer["registered_name"] = "keras_hub>ImageClassifier"
            layer["class_name"] = "ImageClassifier"

    edit("net.keras", change)
    message = refused("net.keras")
    assert "pip install keras-hub" in message
    assert "--trust-model" not in message


def test_what_trust_does_not_help_does_not_ask_for_it() -> None:
    tf.io.write_file("net.keras", b"PK\x03\x04")
    assert "--trust-model" not in refused("net.keras")


def test_a_layer_that_keras_guesses_at_is_its_authors() -> None:
    class Scaled(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, ratio: int = 4, **options: Any) -> None:
            super().__init__(**options)
            self.ratio = ratio

        def call(self, inputs: Any) -> Any:
            return inputs * self.ratio

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "ratio": self.ratio}

    inputs = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(Scaled()(inputs))
    keras.Model(inputs, keras.layers.Dense(2)(flat)).save("net.h5")
    message = refused("net.h5")
    assert "needs code of its author's" in message
    assert "Scaled" in message
    assert "--trust-model" in message
