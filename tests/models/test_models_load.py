import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from igcli.errors import IgcliError, ModelError, UsageError
from igcli.models.devices import parse_devices
from igcli.models.load import load
from igcli.models.options import ModelOptions, check_files
from igcli.models.runtime import choose_devices, warn_without_gpu


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "net.keras"
    inputs = keras.Input((None, None, 3))
    scores = keras.layers.Dense(2, activation="softmax")(
        keras.layers.GlobalAveragePooling2D()(inputs)
    )
    keras.Model(inputs, scores).save(path)
    return path


def options(source: Path, **more: object) -> ModelOptions:
    return ModelOptions.model_validate({"source": str(source), **more})


def test_a_network_of_open_size_takes_the_size_given(file: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("dark\nlight\n")
    model = load(options(file, size=[6, 5], labels=str(labels)), device="cpu")
    assert model.size == (6, 5)
    assert model.label(1) == "light"
    assert model.network.predict(np.ones((1, 6, 5, 3), np.float32)).shape == (1, 2)


def test_a_network_of_open_size_needs_one(file: Path) -> None:
    with pytest.raises(ModelError, match=r"set its size, as in model\.size: "):
        load(options(file), device="cpu")


def test_labels_of_the_wrong_length_are_refused(file: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("one\ntwo\nthree\n")
    with pytest.raises(
        ModelError, match=r"3 names \(one per line: one ... three\), but the network has 2 o"
    ):
        load(options(file, size=[6, 5], labels=str(labels)), device="cpu")


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04broken"])
def test_a_file_that_is_no_network_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.keras"
    path.write_bytes(content)
    with pytest.raises(ModelError) as error:
        load(options(path), device="cpu")
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_truncated_file_is_refused(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    path.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(ModelError, match="is damaged: the archive is incomplete"):
        load(options(path), device="cpu")


def test_another_number_of_channels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    inputs = keras.Input((8, 8, 2))
    keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs))).save(path)
    with pytest.raises(ModelError, match="expected RGB or grey images"):
        load(options(path), device="cpu")


def test_missing_files_are_known_before_loading(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="model: no such file"):
        check_files(options(tmp_path / "none.keras"))
    with pytest.raises(UsageError, match=r"model\.labels: no such file"):
        check_files(options(file, labels=str(tmp_path / "none.txt")))
    check_files(ModelOptions())


def test_a_gpu_that_does_not_exist_is_refused() -> None:
    with pytest.raises(
        UsageError,
        match=r"^device: there is no gpu:93: TensorFlow sees no GPU; use cpu, or install "
        r"igcli\[cuda\] if the machine has an NVIDIA GPU$",
    ):
        choose_devices("gpu:93")


@pytest.mark.parametrize("name", ["net.pt", "net.keras"])
def test_an_archive_of_something_else_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("archive/names.txt", b"")
    messages = {"net.pt": "networks are read from", "net.keras": "an archive without config.json"}
    with pytest.raises(IgcliError, match=messages[name]):
        load(options(tmp_path / name), device="cpu")


@pytest.mark.parametrize("kind", [".keras", ".h5"])
def test_a_network_that_cannot_be_called_is_one_line(tmp_path: Path, kind: str) -> None:
    """Keras builds this one and cannot call it: what it crops in training it does not after."""
    inputs = keras.Input((8, 8, 3))
    cropped = keras.layers.Flatten()(keras.layers.RandomCrop(4, 6)(inputs))
    path = tmp_path / f"net{kind}"
    keras.Model(inputs, keras.layers.Dense(2)(cropped)).save(path)
    with pytest.raises(ModelError, match="cannot be called with images of shape") as error:
        load(options(path), device="cpu")
    assert "expected axis -1" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "device",
    [
        "tpu",
        "GPU:0",
        "gpu:",
        "gpu:0,",
        "gpu:0,  1",
        "cpu,gpu",
        "gpu:0,cpu:1",
        "all:1",
        "gpu:1\n",
        "",
        None,
        0,
    ],
)
def test_a_kind_of_device_that_is_none_is_refused(device: Any) -> None:
    with pytest.raises(
        UsageError, match="must be auto, all, cpu, gpu or numbers as in gpu:0,2"
    ) as error:
        choose_devices(device)
    assert str(error.value).endswith(f"not {device!r}")


def test_a_device_that_is_named_twice_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^device: names gpu:1 twice$"):
        choose_devices("gpu:0,1,2,01")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have TensorFlow see four GPUs."""
    counts = {"CPU": 1, "GPU": 4}
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [None] * counts[kind])


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("device", "names"),
    [
        ("auto", ["GPU:0"]),
        ("gpu", ["GPU:0"]),
        ("cpu", ["CPU:0"]),
        ("cpu:0", ["CPU:0"]),
        ("gpu:2", ["GPU:2"]),
        ("gpu:0,1,3", ["GPU:0", "GPU:1", "GPU:3"]),
        ("gpu:0, gpu:3,1", ["GPU:0", "GPU:3", "GPU:1"]),
        ("gpu:3,0", ["GPU:3", "GPU:0"]),
        ("all", ["GPU:0", "GPU:1", "GPU:2", "GPU:3"]),
    ],
)
def test_the_devices_that_a_setting_names(device: str, names: list[str]) -> None:
    assert choose_devices(device) == tuple(names)


@pytest.mark.usefixtures("machine")
def test_a_number_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match=r"no gpu:4: TensorFlow sees gpu:0, gpu:1, gpu:2, gpu:3$"):
        choose_devices("gpu:1,4,5")
    with pytest.raises(UsageError, match=r"no cpu:1: TensorFlow sees cpu:0$"):
        choose_devices("cpu:0,1")


def test_without_gpus_all_is_the_cpu_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    warn_without_gpu.cache_clear()
    assert choose_devices("auto") == ("CPU:0",)
    assert not caplog.messages
    assert choose_devices("all") == choose_devices("all") == ("CPU:0",)
    assert caplog.messages == [
        "device all: there is no GPU, so the CPU is used; install igcli[cuda] if the "
        "machine has an NVIDIA GPU"
    ]


@pytest.mark.usefixtures("machine")
def test_with_gpus_all_needs_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    warn_without_gpu.cache_clear()
    choose_devices("all")
    assert not caplog.messages


@pytest.mark.parametrize("place", ["CPU:0", "GPU:0"])
def test_bfloat16_is_for_every_device(
    file: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("igcli.models.load.choose_devices", lambda _device: [place])
    model = load(options(file, size=[6, 5]), device="auto", precision="bfloat16")
    assert (model.device, model.precision) == (place, "bfloat16")


def test_a_space_may_follow_a_comma_between_devices() -> None:
    assert parse_devices("gpu:0, 1,3") == parse_devices("gpu:0,1,3")
    assert parse_devices("gpu:0, 1,3").numbers == (0, 1, 3)
