"""The content of a file says which kind of network it holds, whatever it is called."""

import gzip
import logging
import os
import pickle
import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from igcli.errors import UsageError
from igcli.models.file_kind import DESCRIPTIONS, SUFFIXES, kind_by_content, kind_of
from igcli.models.hashing import of_source
from igcli.models.load import load
from igcli.models.options import ModelOptions
from support import model_files, onnx_networks
from support.damage import mutated
from support.onnx_networks import Builder
from support.onnx_networks import save as save_onnx

KINDS = {".keras": "keras", ".h5": "keras", ".pb": "frozen_graph", ".onnx": "onnx"}
NAMES = ("net", "net.bin", "net.keras", "net.h5", "net.hdf5", "net.onnx", "net.PB")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One network of each kind; "" is a SavedModel."""
    folder = tmp_path_factory.mktemp("kinds")
    model = model_files.network()
    files = {kind: model_files.save(model, kind, folder) for kind in (".keras", ".h5", ".pb", "")}
    files[".onnx"] = save_onnx(onnx_networks.convolutional(), folder)
    return files


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_content_says_the_kind(
    kind: str, name: str, files: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / name
    shutil.copyfile(files[kind], path)
    assert kind_of(str(path)) == KINDS[kind]


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        (".keras", "net.onnx", "net.onnx is a Keras file by its content, and is read as one"),
        (".h5", "net.pb", "net.pb is a Keras file by its content, and is read as one"),
        (".pb", "net.keras", "net.keras is a frozen graph by its content, and is read as one"),
        (".onnx", "net.h5", "net.h5 is an ONNX file by its content, and is read as one"),
        (".onnx", "net.bin", None),
        (".h5", "net.keras", None),  # Keras's own tools mix these.
    ],
)
def test_a_file_with_another_ending_is_opened(
    kind: str,
    name: str,
    says: str | None,
    files: dict[str, Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / name
    shutil.copyfile(files[kind], path)
    plain = ModelOptions(source=str(files[kind]))
    renamed = ModelOptions(source=str(path))
    with caplog.at_level(logging.WARNING, "igcli.models.sources.open"):
        first, second = (load(options, device="cpu") for options in (plain, renamed))
    images = np.random.default_rng(1).uniform(0, 255, (2, *first.network.input_shape))
    expected = first.network.predict(images.astype(np.float32))
    np.testing.assert_array_equal(second.network.predict(images.astype(np.float32)), expected)
    assert second.sha256 == first.sha256 == of_source(renamed)
    notices = [record.getMessage() for record in caplog.records if "content" in record.getMessage()]
    assert notices == ([f"{tmp_path}/{says}"] if says else [])


def refusal(path: Path) -> str:
    """Return the message of a refusal, which is one line."""
    with pytest.raises(UsageError) as error:
        load(ModelOptions(source=str(path)), device="cpu")
    message = str(error.value)
    assert message.startswith(f"model: {path}")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("ending", ["onnx", "keras", "zip", "pb"])
def test_an_archive_of_a_saved_model(ending: str, files: dict[str, Path], tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "net"), "zip", files[""].parent, files[""].name)
    path = Path(archive).rename(tmp_path / f"net.{ending}")
    assert "is an archive of a SavedModel: unpack it and name its folder" in refusal(path)


def test_the_file_within_a_saved_model(files: dict[str, Path]) -> None:
    message = refusal(files[""] / "saved_model.pb")
    assert message.endswith(f"is part of a SavedModel: name its folder, {files['']}")


@pytest.mark.parametrize("ending", ["pt", "onnx", "h5", "pkl"])
def test_files_of_other_software(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"net.{ending}"
    with zipfile.ZipFile(path, "w") as archive:  # As torch.save writes it.
        archive.writestr("net/data.pkl", pickle.dumps({}))
        archive.writestr("net/version", "3\n")
    assert "is a file of PyTorch: export its network to ONNX" in refusal(path)
    path.write_bytes(pickle.dumps({"weights": [1.0]}, 2))
    assert "is a pickle, which is code and is not read" in refusal(path)
    path.write_bytes(gzip.compress(b"a folder"))
    assert "is compressed: unpack it first" in refusal(path)
    path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(20))
    assert "is a file of TensorFlow Lite, which has no gradients" in refusal(path)


def test_files_in_part_are_of_their_kind_or_of_none(files: dict[str, Path], tmp_path: Path) -> None:
    path, rng = tmp_path / "net", random.Random(5)
    for kind, expected in KINDS.items():
        data = files[kind].read_bytes()
        for length in (*range(0, 200, 3), len(data) // 2, len(data) - 1):
            path.write_bytes(data[:length])
            assert kind_by_content(str(path)) in (None, expected)
        for _ in range(100):
            path.write_bytes(mutated(data, rng))
            assert kind_by_content(str(path)) in (None, *DESCRIPTIONS)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n\n\n", b"a photo\n", b":" * 99, b"\x08" + b"\xff" * 20, b"\x08\x01:" + b"\xff" * 9],
)
def test_what_is_no_network_has_no_kind(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.txt"
    path.write_bytes(content)
    assert kind_of(str(path)) is None
    assert "networks are read from .keras, .h5, .hdf5, .onnx, .pb files" in refusal(path)
    for ending, kind in SUFFIXES.items():
        renamed = path.rename(tmp_path / f"net{ending}")
        assert kind_of(str(renamed)) == kind
        path = renamed


def test_a_model_that_begins_with_its_graph(tmp_path: Path) -> None:
    """Protobuf allows any order of fields."""
    b = Builder()
    model = b.model(b.node("Flatten", "images"))
    graph = model.graph.SerializeToString()
    model.ClearField("graph")
    size = len(graph)
    path = tmp_path / "net"
    length = bytes([size & 0x7F | 0x80, size >> 7]) if size > 127 else bytes([size])
    path.write_bytes(b"\x3a" + length + graph + model.SerializeToString())
    assert kind_of(str(path)) == "onnx"
    assert load(ModelOptions(source=str(path)), device="cpu").network.outputs == 192


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "net")
    assert "networks are read from" in refusal(tmp_path / "net")
