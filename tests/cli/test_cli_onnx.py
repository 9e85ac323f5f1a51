"""Networks in ONNX files, through the command line."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Cli

from support import onnx_networks
from support.image_files import write_images
from support.onnx_networks import SIDE, Builder, onnx_runtime, save
from support.results import lines, summary

SUGGESTED = "set model.preprocess: torch (--model-preprocess torch)"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", 3)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return save(onnx_networks.convolutional(), tmp_path)


def test_a_run_named_in_the_configuration(
    cli: Cli, images: Path, net: Path, tmp_path: Path
) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\nbird\n")
    (tmp_path / "igcli.yaml").write_text(
        "model: {source: net.onnx, labels: labels.txt, preprocess: torch}\n"
        "explain: logit\nsteps: 4\narrays: true\ngif: {}\n"
    )
    result = cli("attribute", images, "--output", "out")
    assert result.code == 0, result.err
    assert "model.preprocess" not in result.err
    rows = lines(tmp_path / "out")
    assert [row["status"] for row in rows] == ["ok"] * 3
    assert {row["label"] for row in rows} <= {"cat", "dog", "bird"}
    assert len(list((tmp_path / "out").rglob("*.gif"))) == 3
    assert len(list((tmp_path / "out" / "panels").iterdir())) == 3


def test_a_run_is_resumed_while_file_and_external_data_are_the_same(
    cli: Cli, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = save(onnx_networks.convolutional(), tmp_path, external="net.data")
    arguments = ("attribute", images, "--model", net, "--steps", "2", "--output", "out")
    assert cli(*arguments).code == 0
    result = cli(*arguments)
    assert result.code == 0, result.err
    totals = summary(tmp_path / "out")
    assert [totals[key] for key in ("done", "skipped", "failed")] == [3, 3, 0]
    data = bytearray((tmp_path / "net.data").read_bytes())
    data[3] ^= 1
    (tmp_path / "net.data").write_bytes(data)
    monkeypatch.setattr("igcli.pipeline.runs.prepared.load", None)  # It is refused before.
    result = cli(*arguments)
    assert result.code == 2
    assert "model: another network, SHA-256" in result.err
    (tmp_path / "net.data").unlink()
    result = cli(*arguments)
    assert result.code == 1
    assert "external data 'net.data': no such file" in result.err


def test_shards_give_what_one_run_gives(cli: Cli, images: Path, net: Path, tmp_path: Path) -> None:
    options = (images, "--model", net, "--steps", "4", "--arrays")
    assert cli("attribute", *options, "--output", "whole").code == 0
    for shard in ("1/2", "2/2"):
        result = cli("attribute", *options, "--output", "parts", "--shard", shard)
        assert result.code == 0, result.err
    arrays = sorted((tmp_path / "whole").rglob("*.npz"))
    assert len(arrays) == 3
    for path in arrays:
        other = tmp_path / "parts" / path.relative_to(tmp_path / "whole")
        for name, array in np.load(path).items():
            np.testing.assert_allclose(np.load(other)[name], array, rtol=1e-4, atol=1e-6)


def test_imagenet_statistics_are_suggested(cli: Cli, images: Path, net: Path) -> None:
    arguments = ("attribute", images, "--model", net, "--steps", "2", "--output")
    result = cli(*arguments, "first")
    assert result.code == 0
    assert result.err.count(SUGGESTED) == 1
    assert SUGGESTED not in cli(*arguments, "second", "--model-preprocess", "none").err
    assert SUGGESTED not in cli(*arguments, "third", "--model", "demo").err


def test_networks_that_scale_pixels_get_no_suggestion(
    cli: Cli, images: Path, tmp_path: Path
) -> None:
    b = Builder()
    x = b.node("Div", "images", b.tensor(np.full((1, 3, 1, 1), 58, np.float32)))
    x = b.node("Flatten", b.node("Conv", x, b.weight(4, 3, SIDE, SIDE)))
    path = save(b.model(x), tmp_path)
    result = cli("attribute", images, "--model", path, "--steps", "2", "--output", "scaled")
    assert result.code == 0
    assert "no model.preprocess (--model-preprocess) was given" in result.err
    assert SUGGESTED not in result.err
    model = onnx_networks.convolutional()
    model.producer_name = "MATLAB Deep Learning Toolbox"
    other = save(model, tmp_path)
    result = cli("attribute", images, "--model", other, "--steps", "2", "--output", "other")
    assert SUGGESTED not in result.err


def test_a_network_is_described(cli: Cli, net: Path) -> None:
    result = cli("models", "show", net)
    assert result.code == 0
    facts = dict(line.split(": ", 1) for line in result.lines)
    assert facts["input"] == f"images, {SIDE} x {SIDE} RGB"
    assert facts["output"].endswith(", 3 scores")
    assert facts["ends in"] == "softmax"
    assert facts["preprocess"] == (
        "none; exported by PyTorch, it probably expects "
        "model.preprocess: torch (--model-preprocess torch)"
    )
    model = onnx.load(net)
    weights = sum(np.prod(tensor.dims) for tensor in model.graph.initializer)
    assert facts["parameters"] == f"{int(weights):,}"


def test_preprocessing_that_does_not_fit_its_training_is_found(
    cli: Cli, images: Path, tmp_path: Path
) -> None:
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    pixels = np.random.default_rng(2).uniform(0, 1, (8, SIDE, SIDE, 3))
    b = Builder()
    x = b.node("Conv", "images", b.weight(4, 3, 3, 3), b.weight(4))
    filtered = onnx_runtime(save(b.model(x), tmp_path))((pixels - mean) / std)
    trained = [filtered.mean((0, 2, 3)), filtered.var((0, 2, 3))]
    ones = b.tensor(np.ones(4, np.float32))
    x = b.node("BatchNormalization", x, ones, b.weight(4), *map(b.tensor, trained))
    x = b.node("Softmax", b.node("Flatten", b.node("GlobalAveragePool", b.node("Relu", x))))
    net = save(b.model(x), tmp_path)
    result = cli("models", "check", net, *images.iterdir())
    assert result.code == 3
    assert SUGGESTED in result.out.decode()
    fits = cli("models", "check", net, *images.iterdir(), "--model-preprocess", "torch")
    assert fits.code == 0, fits.out


def test_missing_preprocessing_is_found(cli: Cli, images: Path, tmp_path: Path) -> None:
    b = Builder()
    x = b.node("GlobalAveragePool", b.node("Conv", "images", b.weight(4, 3, 3, 3, scale=0.01)))
    net = save(b.model(b.node("Softmax", b.node("Flatten", x))), tmp_path)
    result = cli("models", "check", net, images / "0.png")
    assert result.code == 3
    assert "exported by PyTorch without scaling its input" in result.out.decode()
    assert cli("models", "check", net, images / "0.png", "--model-preprocess", "none").code == 0


def test_damage_is_told_in_one_line(cli: Cli, net: Path, tmp_path: Path) -> None:
    net.write_bytes(net.read_bytes()[:-300])
    result = cli("models", "show", net)
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert "net.onnx" in result.err
    b = Builder()
    save(b.model(b.node("Flatten", b.node("Conv", "images", b.weight(4, 2, 3, 3)))), tmp_path)
    result = cli("models", "show", net)
    assert result.code == 1
    assert result.err.count("\n") == 1, result.err
    assert "/Conv_0 (Conv)" in result.err


def test_kinds_of_files_are_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"PK")
    result = cli("models", "show", "net.pt")
    assert result.code == 2
    assert ".onnx" in result.err
    assert "ONNX" in cli("models", "list", "--help").out.decode()


def test_other_networks_do_not_import_onnx(tiny_model: Path) -> None:
    program = (
        "import sys\n"
        "from igcli.models.load import load\n"
        "from igcli.models.options import ModelOptions\n"
        f"load(ModelOptions(source={str(tiny_model)!r}), device='cpu')\n"
        "print([name for name in sys.modules if name.startswith(('onnx', 'igcli.models.onnx'))])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "[]"
