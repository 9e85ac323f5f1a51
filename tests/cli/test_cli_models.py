import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import pytest
from click.testing import CliRunner
from conftest import Cli
from PIL import Image, ImageCms

from igcli.cli.models import models
from igcli.config.keys import walk
from igcli.config.schema import KEYS, Settings
from igcli.models.catalog.applications import APPLICATIONS
from igcli.models.options import NAMES
from igcli.pipeline import model_inspection
from support import inception, model_files
from support.image_files import write_image
from support.model_files import SHAPE

LABELS = "\n".join(inception.LABELS).encode() + b"\n"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_image(tmp_path / "image.png", 4)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return model_files.save(model_files.network(), ".keras", tmp_path)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive that takes the place of the published one, in this process alone.

    The hashes are part of the program: no setting or environment variable reaches them.
    """
    monkeypatch.setenv("IGCLI_HOME", str(tmp_path / "home"))
    graph = inception.graph(16)
    names = ("tensorflow_inception_graph.pb", "imagenet_comp_graph_label_strings.txt")
    zipped = inception.archive(dict(zip(names, (graph, LABELS), strict=True)))
    releases = MappingProxyType({"inception_v1": inception.release(zipped, graph, LABELS)})
    monkeypatch.setattr("igcli.models.catalog.published.RELEASES", releases)
    path = tmp_path / "inception5h.zip"
    path.write_bytes(zipped)
    return path


def test_the_list_names_every_network_without_tensorflow(command: Cli) -> None:
    result = command("models", "list")
    assert result.code == 0
    names = [line.split()[0] for line in result.lines]
    assert names == [*NAMES, *(f"keras:{name}" for name in APPLICATIONS)]


def test_what_is_here_is_told(
    cli: Cli, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    weights = tmp_path / "keras" / "models" / APPLICATIONS["VGG16"].weights
    weights.parent.mkdir(parents=True)
    weights.touch()
    cli("models", "fetch", "inception_v1", "--from", release)
    here = [line.split()[0] for line in cli("models", "list").lines if " here " in line]
    assert here == ["demo", "inception_v1", "keras:VGG16"]


def test_inception_v1_is_installed_offline_and_attributes(
    cli: Cli, release: Path, image: Path, tmp_path: Path
) -> None:
    result = cli("models", "fetch", "inception_v1", "--from", release)
    folder = tmp_path / "home" / "models" / "inception_v1"
    assert (result.code, result.lines) == (0, [str(folder)])
    shown = cli("models", "show", "inception_v1").lines
    assert "preprocess: {mean: 117.0, std: 1.0}" in shown
    assert "input: input:0, 224 x 224 RGB" in shown
    assert "output: softmax2:0, 1,008 scores" in shown
    result = cli("attribute", image, "--model", "inception_v1", "--steps", "4")
    assert result.code == 0, result.err
    assert (tmp_path / "igcli-output" / "panels" / "image.png.jpg").is_file()


def test_users_archives_are_held_to_the_published_hash(
    command: Cli, release: Path, tmp_path: Path
) -> None:
    result = command("models", "fetch", "inception_v1", "--from", release)
    assert result.code == 1
    assert "is not the archive that was published" in result.err
    assert not (tmp_path / "home").exists()


def test_without_a_network_one_line_and_exit_1(cli: Cli, release: Path, image: Path) -> None:
    result = cli("attribute", image, "--model", "inception_v1", "-q")
    assert result.code == 1
    [line] = result.err.splitlines()
    assert "igcli models fetch inception_v1 --from inception5h.zip" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fetch", "demo"), "demo: nothing to fetch (see igcli models list)"),
        (("fetch", "mobilenetv"), "nothing to fetch (did you mean keras:MobileNetV2?)"),
        (("fetch", "keras:VGG16", "--from", "x.zip"), "Keras downloads keras:VGG16"),
        (("fetch", "inception_v1", "--from", "none.zip"), "no such file"),
        (("show", "none.keras"), "igcli: NAME: no such file: none.keras"),
        (("show", ""), "igcli: NAME: must not be empty"),
        (("check", "keras:ResNet51", "a.png"), "igcli: NAME: keras.applications has no network"),
        (("check", "demo", "."), "igcli: .: is a folder: name the image files in it"),
        (("check", "demo", "none.png"), "none.png: no such file"),
    ],
)
def test_usage_errors(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    result = cli("models", *arguments)
    assert result.code == 2
    assert says in result.err


def test_a_network_is_described(cli: Cli, net: Path) -> None:
    result = cli("models", "show", net, "--model-preprocess", "unit")
    assert result.code == 0, result.err
    described = dict(line.split(": ", 1) for line in result.lines)
    assert described["source"] == str(net)
    assert described["input"] == "image, 16 x 16 RGB"
    assert described["output"] == "scores, 3 scores"
    assert described["ends in"] == "softmax"
    assert described["preprocess"] == "unit"
    assert described["labels"] == "none; set model.labels (--model-labels)"
    assert described["parameters"] == f"{model_files.network().count_params():,}"
    assert len(described["sha256"]) == 64


def test_an_application_is_described_without_its_weights(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    result = cli("models", "show", "keras:MobileNetV3Small")
    assert "sha256: known once the weights are downloaded" in result.lines
    assert "labels: 1,000 names: tench ... toilet tissue" in result.lines


class Recorded:
    """Settings that remember which of them are read."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.read = settings, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self.settings, name)


@pytest.mark.parametrize("name", ["show", "check"])
def test_the_help_lists_the_settings_that_are_read(name: str, net: Path, image: Path) -> None:
    recorded = Recorded(Settings.model_validate({"model": {"source": str(net)}}))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.open(image).save(image, icc_profile=profile)
    if name == "show":
        model_inspection.describe(recorded, trust_model=False)  # type: ignore[arg-type]
    else:
        model_inspection.check(recorded, [str(image)], trust_model=False)  # type: ignore[arg-type]
    text = CliRunner().invoke(models, [name, "--help"], terminal_width=200).output
    flags = re.findall(r"^  (?:-., )?(--[a-z-]+)", text, re.MULTILINE)
    keys = {flag: key for key in walk(KEYS) for flag in key.flags if flag in flags}
    # Of what is shown, nothing depends on the kind of score.
    read = recorded.read - ({"explain"} if name == "show" else set())
    assert {key.path[0] for key in keys.values()} == read
    assert "--model" not in flags
    assert "--model-preprocess" in flags
    assert ("--model-fit" in flags) is (name == "check")


def test_options_of_other_commands_are_accepted(cli: Cli, net: Path) -> None:
    assert cli("models", "show", net, "--steps", "5", "--panel-style", "overlay").code == 0


def test_a_sound_network_passes(cli: Cli, net: Path, image: Path) -> None:
    result = cli("models", "check", net, image)
    assert (result.code, result.lines) == (0, [f"{net}: nothing looks wrong"])


def findings(cli: Cli, tmp_path: Path, image: Path, layers: Any, *more: str) -> list[str]:
    inputs = keras.Input(SHAPE)
    keras.Model(inputs, layers(inputs)).save(tmp_path / "odd.keras")
    result = cli("models", "check", tmp_path / "odd.keras", image, *more)
    assert result.code == 3, result.err
    assert all("; " in line for line in result.lines)
    # Advice names a setting both ways: as a key and as an option.
    advised = [key for line in result.lines for key in re.findall(r"set ([a-z.]+)", line)]
    options = ["--" + key.replace(".", "-") for key in advised if key != "to"]
    assert all(option in " ".join(result.lines) for option in options)
    return result.lines


def constant(x: Any) -> Any:
    return keras.ops.softmax(0 * keras.ops.mean(x, (1, 2)))


def rounded(x: Any) -> Any:
    return keras.ops.softmax(keras.ops.round(keras.ops.mean(x, (1, 2)) / 50))


def too_sure(x: Any) -> Any:
    return keras.ops.softmax(keras.ops.mean(x, (1, 2)) * keras.ops.array([1e3, -2e3, 3e3]))


def rooted(x: Any) -> Any:
    zero = x - keras.ops.stop_gradient(x)
    means = keras.ops.mean(x, (1, 2)) + keras.ops.mean(keras.ops.sqrt(zero), (1, 2))
    return keras.ops.softmax(means / 100)


def logarithms(x: Any) -> Any:
    return keras.ops.softmax(keras.ops.log(keras.ops.mean(x, (1, 2)) - 1000))


def raw(x: Any) -> Any:
    return keras.ops.mean(x, (1, 2))


def stopped(x: Any) -> Any:
    return keras.ops.softmax(keras.ops.stop_gradient(keras.ops.mean(x, (1, 2)) / 255))


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        (constant, "same scores"),
        (rounded, "no gradient"),
        (too_sure, "gradients are zero"),
        (rooted, "gradients are NaN"),
        (logarithms, "scores are NaN"),
        (raw, "do not sum to one"),
        (stopped, "no gradient"),
    ],
)
def test_what_looks_wrong_is_found(
    cli: Cli, tmp_path: Path, image: Path, layers: Any, says: str
) -> None:
    lines = findings(cli, tmp_path, image, layers)
    assert any(says in line for line in lines), lines


def test_labels_and_targets_that_do_not_fit_are_found(
    cli: Cli, tmp_path: Path, net: Path, image: Path
) -> None:
    (tmp_path / "labels.txt").write_text("one\ntwo\n")
    settings = ("--model-labels", "labels.txt", "--target", "7")
    result = cli("models", "check", net, image, *settings)
    assert result.code == 3
    assert "2 names (one per line: one ... two), but the network has 3 outputs" in result.lines[0]
    assert "7 is out of range" in result.lines[1]


@pytest.mark.parametrize("kind", [".keras", ".h5", ".pb", ""])
def test_networks_in_every_kind_of_file_are_checked(
    cli: Cli, tmp_path: Path, image: Path, kind: str
) -> None:
    net = model_files.save(model_files.network(), kind, tmp_path)
    for mode in ("none", "caffe"):
        result = cli("models", "check", net, image, "--model-preprocess", mode)
        assert result.code in (0, 3), result.err
        assert "internal error" not in result.err
    result = cli("models", "check", net, image, "--model-preprocess", "unit")
    assert (result.code, result.lines) == (0, [f"{net}: nothing looks wrong"])


def test_several_images_have_one_verdict(cli: Cli, net: Path, image: Path, tmp_path: Path) -> None:
    paths = [image, *(tmp_path / f"{number}.png" for number in range(2))]
    for path in paths[1:]:
        Image.new("RGB", (30, 20), (200, len(path.stem), 90)).save(path)
    result = cli("models", "check", net, *paths, "--model-preprocess", "unit")
    assert (result.code, result.lines) == (0, [f"{net}: nothing looks wrong"])
    told = [line for line in result.err.splitlines() if line.startswith("igcli: ")]
    assert [line.split(": ")[1] for line in told] == list(map(str, paths))
    assert "igcli: " not in cli("models", "check", net, *paths, "-q").err
    (tmp_path / "bad.png").write_text("no image")
    result = cli("models", "check", net, image, "bad.png")
    assert (result.code, "igcli: bad.png: " in result.err) == (1, True)
    assert cli("models", "check", net).code == 2


def test_preprocessing_that_does_not_fit_is_found(cli: Cli, shared: Path) -> None:
    model = shared / "models" / "mobilenet_v1_0.25_224.keras"
    photo = shared / "photos" / "1bd6987fa9219dec.jpg"
    result = cli("models", "check", model, photo)
    assert result.code == 3
    assert "preprocess: none does not seem to fit: with tf" in result.lines[0]
    assert cli("models", "check", model, photo, "--model-preprocess", "tf").code == 0
