"""Baselines, targets and methods, from the command line to files."""

from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from PIL import Image

from igcli.methods import METHODS
from support.image_files import write_images
from support.results import arrays, records


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", 5)


def test_noise_is_averaged_and_the_same_whatever_batch_and_order(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    noise = ("--baseline", "noise", "--baseline-samples", "10", "--arrays", "--steps", "6")
    base = ("attribute", "--model", tiny_model, *noise, "--limit", "3")
    assert cli(*base, images, "--output", "a", "--batch-size", "4").code == 0
    for seed in (3, 4):
        (images / f"{seed}.png").rename(images / f"-{seed}.png")
    assert cli(*base[:-2], images, "--output", "b", "--batch-size", "25").code == 0
    for seed in range(3):
        one, other = (arrays(tmp_path / o, f"{seed}.png.npz") for o in ("a", "b"))
        largest = np.abs(one["attributions"]).max()
        np.testing.assert_allclose(
            other["attributions"], one["attributions"], atol=1e-5 * float(largest)
        )
        np.testing.assert_array_equal(other["baseline"], one["baseline"])
    assert {record["gradient_evaluations"] for record in records(tmp_path / "a").values()} == {70}
    assert cli(*base, images, "--output", "c", "--seed", "1").code == 0
    assert not np.array_equal(arrays(tmp_path / "c", "0.png.npz")["baseline"], one["baseline"])


def test_the_mean_of_samples_is_the_mean_of_single_ones(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    base = (
        "attribute",
        "--model",
        tiny_model,
        images,
        "--baseline",
        "noise",
        "--arrays",
        "--limit",
        "1",
    )
    assert cli(*base, "--baseline-samples", "2", "--output", "two").code == 0
    assert cli(*base, "--output", "one").code == 0
    two, one = (arrays(tmp_path / folder, "0.png.npz") for folder in ("two", "one"))
    np.testing.assert_array_equal(two["scores"], one["scores"])
    assert not np.array_equal(two["attributions"], one["attributions"])
    [record] = records(tmp_path / "two").values()
    difference = record["score"] - record["baseline_score"]
    error = abs(record["attribution_sum"] - difference) / abs(difference)
    assert record["completeness_error"] == pytest.approx(error, rel=1e-2, abs=1e-5)


def test_a_baseline_is_read_from_a_file_and_fitted(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "conf").mkdir()
    Image.new("RGB", (40, 30), (10, 200, 30)).save(tmp_path / "conf" / "green.png")
    (tmp_path / "conf" / "a.yaml").write_text("baseline: green.png\n")
    base = ("attribute", "--model", tiny_model, "--steps", "2", "--arrays", images, "--limit", "1")
    assert cli(*base, "-c", "conf/a.yaml", "--output", "a").code == 0
    assert (arrays(tmp_path / "a", "0.png.npz")["baseline"] == [10, 200, 30]).all()
    assert cli(*base, "--baseline", "#0ac81e", "--output", "b").code == 0
    assert (arrays(tmp_path / "b", "0.png.npz")["baseline"] == [10, 200, 30]).all()
    missing = cli(*base, "--baseline", "nix.png", "--output", "c")
    assert missing.code == 2
    assert "--baseline: no such file: nix.png (known names: black" in missing.err
    misspelt = cli(*base, "--baseline", "blak", "--output", "c")
    assert misspelt.err.splitlines()[-1].endswith(
        "--baseline: no such file: blak; did you mean black? (known names: black, blur, gray, "
        "mean, noise, white)"
    )
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    broken = cli(*base, "--baseline", "broken.png", "--output", "c")
    assert (broken.code, "--baseline: broken.png: " in broken.err) == (2, True)
    assert not (tmp_path / "c").exists()


def test_a_baseline_that_is_classified_with_confidence_is_warned_of(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    from igcli import load_model

    score = float(
        load_model(str(tiny_model)).network.predict(np.zeros((8, 16, 16, 3), np.float32))[0].max()
    )
    result = cli("attribute", "--model", tiny_model, "--steps", "2", images / "0.png")
    assert ("the baseline itself is classified with confidence" in result.err) == (score > 0.5)


def test_several_targets_have_a_column_an_entry_and_an_array_each(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    base = ("attribute", "--model", tiny_model, "--steps", "4", images, "--arrays", "--limit", "1")
    columns = ("--panel-columns", "image,label,integrated_gradients,gradients")
    assert cli(*base, "--output", "a", "--target", "top:2", *columns).code == 0
    [record] = records(tmp_path / "a").values()
    first, second = record["target"], record["others"][1]["target"]
    keys = [(item["method"], item["target"]) for item in record["others"]]
    assert keys == [("gradients", first), ("integrated_gradients", second), ("gradients", second)]
    assert record["score"] >= record["others"][1]["score"]
    names = set(arrays(tmp_path / "a", "0.png.npz"))
    assert {f"attributions_{method}_{target}" for method, target in keys} < names
    assert cli(*base, "--output", "b", "--target", str(second)).code == 0
    [other] = records(tmp_path / "b").values()
    assert other["target"] == second
    assert other["attribution_sum"] == pytest.approx(record["others"][1]["attribution_sum"])
    with Image.open(tmp_path / "a" / "panels" / "0.png.jpg") as panel:
        assert panel.width > 260 + 4 * 100  # Two methods by two targets.


def test_targets_come_from_a_file(cli: Cli, images: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "targets.csv").write_text("images/0.png,1\nimages/1.png,0\n")
    base = ("attribute", "--model", tiny_model, "--steps", "2", images, "--target", "1")
    assert cli(*base, "--targets", "targets.csv").code == 0
    targets = {
        name: record["target"] for name, record in records(tmp_path / "igcli-output").items()
    }
    assert targets == {"0.png": 1, "1.png": 0, "2.png": 1, "3.png": 1, "4.png": 1}
    (tmp_path / "bad.csv").write_text("images/0.png,1\n\nimages/1.png\n")
    bad = cli(*base, "--targets", "bad.csv", "--on-existing", "overwrite")
    assert (bad.code, "bad.csv:3: expected a path" in bad.err) == (2, True)
    (tmp_path / "far.csv").write_text("images/0.png,99\n")
    far = cli(*base, "--targets", "far.csv", "--on-existing", "overwrite")
    assert (far.code, "far.csv:1: 99 is out of range" in far.err) == (1, True)
    assert len(records(tmp_path / "igcli-output")) == 5


def test_every_method_is_a_column_of_one_run(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "all.yaml").write_text(
        f"steps: 5\nexpected_gradients: {{folder: images, samples: 6}}\n"
        f"rise: {{masks: 20}}\nsmoothgrad: {{samples: 3}}\n"
        f"panel: {{columns: [image, label, {', '.join(METHODS)}]}}\n"
    )
    result = cli("attribute", "--model", tiny_model, "-c", "all.yaml", images)
    assert result.code == 0, result.err
    for record in records(tmp_path / "igcli-output").values():
        others = {other["method"]: other for other in record["others"]}
        assert {"integrated_gradients", *others} == set(METHODS)
        for name in ("gradients", "smoothgrad"):
            assert others[name]["completeness_error"] is None
        assert others["idgi"]["completeness_error"] < 1e-3


def test_settings_that_do_not_go_together_are_refused_before_the_model_is_loaded(
    cli: Cli, images: Path, tiny_model: Path
) -> None:
    base = ("attribute", "--model", tiny_model, images)
    for arguments, line in {
        ("--method", "expected_gradients"): "--expected-gradients-folder: missing",
        ("--method", "expected_gradients", "--expected-gradients-folder", "nix"): "no such folder",
        ("--method", "gradients", "--gif"): "--method: gradients has no interior gradients",
        ("--smoothgrad-samples", "0"): "--smoothgrad-samples: must be",
        ("--occlusion-stride", "16"): "--occlusion-stride: 16 leaves pixels out between windows",
        ("--target", "-1"): "--target: must be top, top:N, folder, a class index or a label",
    }.items():
        result = cli(*base, *arguments)
        assert (result.code, line in result.err) == (2, True), result.err
