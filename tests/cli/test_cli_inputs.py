"""From the command line to panels, for each kind of source."""

from pathlib import Path

import numpy as np
import pytest
from conftest import Cli

from support import model_files
from support.image_files import write_image
from support.results import record, summary

KINDS = (".keras", ".h5", "", ".pb")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_image(tmp_path / "image.png", 4)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("nets")
    model = model_files.network()
    return {kind: model_files.save(model, kind, folder) for kind in KINDS}


@pytest.mark.parametrize("explain", ["probability", "logit"])
def test_files_of_one_network_give_the_same_attributions(
    cli: Cli, files: dict[str, Path], image: Path, tmp_path: Path, explain: str
) -> None:
    attributions = {}
    for kind, file in files.items():
        output = tmp_path / f"{explain}-{kind}"
        settings = ("--model", file, "--model-preprocess", "unit", "--explain", explain)
        result = cli("attribute", image, *settings, "--arrays", "--output", output)
        assert result.code == 0, result.err
        assert str(output / "panels" / "image.png.jpg") in result.lines
        with np.load(output / "arrays" / "image.png.npz") as arrays:
            attributions[kind] = arrays["attributions"]
        assert record(output)["completeness_error"] < 0.05
    for kind in KINDS[1:]:
        gap = np.abs(attributions[kind] - attributions[".keras"]).max()
        assert gap <= 1e-4 * np.abs(attributions[".keras"]).max(), kind


def test_a_network_of_keras_applications(cli: Cli, image: Path, tmp_path: Path) -> None:
    chosen = ("--model", "keras:MobileNetV2", "--model-weights", "random", "--steps", "2")
    result = cli("attribute", image, *chosen, "--batch-size", "3")
    assert result.code == 0, result.err
    assert (tmp_path / "igcli-output" / "panels" / "image.png.jpg").is_file()
    assert not record(tmp_path / "igcli-output")["label"].isdigit()


@pytest.mark.full
@pytest.mark.parametrize("name", ["ResNet50V2", "EfficientNetB0", "InceptionV3"])
def test_further_networks_of_keras_applications(cli: Cli, image: Path, name: str) -> None:
    chosen = ("--model", f"keras:{name}", "--model-weights", "random", "--steps", "2")
    result = cli("attribute", image, *chosen, "--batch-size", "3")
    assert result.code == 0, result.err


def test_an_unknown_application_is_known_before_tensorflow(cli: Cli, image: Path) -> None:
    result = cli("attribute", image, "--model", "keras:resnet50v2")
    assert result.code == 2
    assert result.err.splitlines() == [
        "igcli: --model: keras.applications has no network 'resnet50v2' "
        "(did you mean keras:ResNet50V2?)"
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.keras", "model: no such file: none.keras"),
        ("inception-v1", "(did you mean inception_v1?)"),
        ("net.tflite", "net.tflite: networks are read from"),
        ("folder", "folder is a folder, expected a SavedModel"),
    ],
)
def test_what_is_no_network_is_known_before_tensorflow(
    command: Cli, image: Path, tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "net.tflite").touch()
    (tmp_path / "folder").mkdir()
    result = command("attribute", image, "--model", name)
    assert result.code == 2
    assert says in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", ["empty", "truncated", "text"])
def test_damaged_files_are_one_line_and_exit_1(
    cli: Cli, files: dict[str, Path], image: Path, tmp_path: Path, kind: str, damage: str
) -> None:
    file = files[kind] / "saved_model.pb" if kind == "" else files[kind]
    data = file.read_bytes()
    damaged = {"empty": b"", "truncated": data[: len(data) // 2], "text": b"not a network\n"}
    target = tmp_path / "bad" / "saved_model.pb" if kind == "" else tmp_path / f"bad{kind}"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(damaged[damage])
    named = target.parent if kind == "" else target
    result = cli("attribute", image, "--model", named)
    assert (result.code, len(result.err.splitlines())) == (1, 1), result.err
    assert str(named) in result.err
    assert not (tmp_path / "igcli-output").exists()


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "auto"])
def test_record_and_summary_say_the_precision(
    cli: Cli, files: dict[str, Path], image: Path, tmp_path: Path, precision: str
) -> None:
    settings = ("--model", files[".keras"], "--precision", precision, "--steps", "4")
    result = cli("attribute", image, *settings)
    assert result.code == 0, result.err
    totals = summary(tmp_path / "igcli-output")
    used = record(tmp_path / "igcli-output")["precision"]
    assert used == totals["precision"]
    assert used == precision or (precision == "auto" and used in ("float32", "bfloat16"))
