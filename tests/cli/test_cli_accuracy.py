"""Accuracy on the command line: rules, steps: auto and --max-error."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import Cli
from PIL import Image

from igcli.integration.quadrature import RULES
from support.image_files import write_images
from support.results import records, summary


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", 6)


def test_every_rule_gives_the_same_scores(cli: Cli, images: Path, tiny_model: Path) -> None:
    results = {}
    for rule in RULES:
        done = cli(
            "attribute", "--model", tiny_model, images, "--rule", rule, "--output", rule, "--arrays"
        )
        assert done.code == 0
        results[rule] = records(Path(rule))
    for rule, rule_records in results.items():
        for name, record in rule_records.items():
            usual = results["trapezoid"][name]
            assert record["score"] == pytest.approx(usual["score"], rel=1e-5)
            assert record["baseline_score"] == pytest.approx(usual["baseline_score"], rel=1e-5)
            assert record["gradient_evaluations"] == 50 + (rule == "trapezoid")
            assert record["completeness_error"] < 0.1
            with np.load(f"{rule}/arrays/{name}.npz") as arrays:
                assert len(arrays["alphas"]) == record["gradient_evaluations"]


def test_auto_refines_each_image_to_the_tolerance(cli: Cli, images: Path, tiny_model: Path) -> None:
    base = ("attribute", "--model", tiny_model, images, "--arrays")
    tolerance = ("--steps", "auto", "--tolerance", "0.002")
    assert cli(*base, *tolerance, "--output", "auto", "--gif").code == 0
    assert cli(*base, "--steps", "1000", "--output", "exact").code == 0
    for name, record in records(Path("auto")).items():
        assert record["completeness_error"] <= 0.002
        assert not record["warnings"]
        with np.load(f"auto/arrays/{name}.npz") as one, np.load(f"exact/arrays/{name}.npz") as two:
            difference = one["attributions"] - two["attributions"]
            assert np.linalg.norm(difference) < 0.003 * np.linalg.norm(two["attributions"])
            assert (np.diff(one["alphas"]) > 0).all()
            assert len(one["scores"]) == len(one["alphas"]) <= record["gradient_evaluations"]
    spent = [record["gradient_evaluations"] for record in records(Path("auto")).values()]
    assert len(set(spent)) > 1
    assert sum(spent) == summary(Path("auto"))["gradient_evaluations"]


@pytest.mark.parametrize("steps", [("--steps", "20"), ("--steps", "auto", "--tolerance", "0.01")])
def test_results_do_not_depend_on_the_batch_size(
    cli: Cli, images: Path, tiny_model: Path, steps: tuple[str, ...]
) -> None:
    base = ("attribute", "--model", tiny_model, images, "--arrays", *steps)
    for size in ("1", "7", "25"):
        assert cli(*base, "--output", size, "--batch-size", size).code == 0
    for name in records(Path("25")):
        loaded = {size: np.load(f"{size}/arrays/{name}.npz") for size in ("1", "7", "25")}
        largest = np.abs(loaded["25"]["attributions"]).max()
        for size in ("1", "7"):
            np.testing.assert_array_equal(loaded[size]["alphas"], loaded["25"]["alphas"])
            difference = loaded[size]["attributions"] - loaded["25"]["attributions"]
            assert np.abs(difference).max() <= 1e-5 * largest


def test_the_same_run_twice_gives_the_same_bytes(cli: Cli, images: Path, tiny_model: Path) -> None:
    base = ("attribute", "--model", tiny_model, images, "--arrays", "--steps", "auto")
    for output in ("a", "b"):
        assert cli(*base, "--output", output, "--tolerance", "0.01").code == 0
    files = sorted(path.relative_to("a") for path in Path("a").rglob("*.*") if path.is_file())
    assert len(files) > 12
    for file in files:
        if file.suffix in (".jpg", ".npz"):
            assert Path("a", file).read_bytes() == Path("b", file).read_bytes()


def test_the_cap_warns_in_the_record(cli: Cli, images: Path, tiny_model: Path) -> None:
    done = cli(
        "attribute", "--model", tiny_model, images, "--limit", "1",
        "--steps", "auto", "--tolerance", "0.0001", "--max-steps", "10",
    )  # fmt: skip
    assert done.code == 0
    [record] = records(Path("igcli-output")).values()
    assert record["gradient_evaluations"] == 11
    assert "stopped at max_steps (10)" in record["warnings"][0]
    assert "stopped at max_steps (10)" in done.err


def test_images_beyond_max_error_are_named_and_make_code_3(
    cli: Cli, images: Path, tiny_model: Path
) -> None:
    base = ("attribute", "--model", tiny_model, images, "--steps", "2")
    assert cli(*base).code == 0
    errors = {
        name: record["completeness_error"] for name, record in records(Path("igcli-output")).items()
    }
    assert summary(Path("igcli-output"))["beyond_max_error"] is None
    limit = sorted(errors.values())[1]
    done = cli(*base, "--max-error", str(limit), "--output", "b")
    assert done.code == 3
    beyond = summary(Path("b"))["beyond_max_error"]
    assert beyond["max_error"] == limit
    assert beyond["count"] == 4
    assert set(beyond["images"]) == {name for name, error in errors.items() if error > limit}
    closing = done.err.splitlines()[-1]
    assert "4 above max_error" in closing
    assert "and 1 more" in closing
    assert sum(name in closing for name in beyond["images"]) == 3


def test_images_within_max_error_are_fine(cli: Cli, images: Path, tiny_model: Path) -> None:
    done = cli("attribute", "--model", tiny_model, images, "--steps", "auto", "--max-error", "0.05")
    assert done.code == 0
    assert summary(Path("igcli-output"))["beyond_max_error"] == {
        "max_error": 0.05,
        "count": 0,
        "images": [],
    }
    assert "beyond" not in done.err


def test_an_undefined_error_is_counted_and_not_beyond(
    cli: Cli, tmp_path: Path, tiny_model: Path
) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "black.png")
    done = cli(
        "attribute", "--model", tiny_model, "black.png", "--steps", "auto", "--max-error", "0"
    )
    assert done.code == 0
    [record] = records(Path("igcli-output")).values()
    assert record["completeness_error"] is None
    assert record["gradient_evaluations"] == 9
    assert any("undefined" in warning for warning in record["warnings"])
    run_summary = summary(Path("igcli-output"))
    assert run_summary["beyond_max_error"]["count"] == 0
    assert run_summary["completeness_error"]["undefined"] == 1


def test_max_error_is_no_change_of_the_run(cli: Cli, images: Path, tiny_model: Path) -> None:
    base = ("attribute", "--model", tiny_model, images, "--steps", "2")
    assert cli(*base).code == 0
    again = cli(*base, "--max-error", "0")
    assert again.code == 3
    assert summary(Path("igcli-output"))["beyond_max_error"]["count"] == 6
    assert summary(Path("igcli-output"))["skipped"] == 6


def test_a_rule_that_cannot_be_refined_is_a_usage_error(cli: Cli, images: Path) -> None:
    done = cli("attribute", images, "--steps", "auto", "--rule", "gauss_legendre")
    assert done.code == 2
    assert "gauss_legendre cannot be refined" in done.err
    assert "use trapezoid" in done.err


def test_a_dry_run_estimates_auto(cli: Cli, images: Path, tiny_model: Path) -> None:
    done = cli("attribute", "--model", tiny_model, images, "--steps", "auto", "--dry-run")
    assert done.code == 0
    assert "6 images, about 54 gradients" in done.err  # The first takes nine.


def test_large_errors_are_warned_of_and_counted(cli: Cli, images: Path, tmp_path: Path) -> None:
    inputs = keras.Input((16, 16, 3))
    cubes = keras.ops.mean((inputs / 255) ** 3, axis=(1, 2))
    keras.Model(inputs, cubes).save(tmp_path / "cubes.keras")
    base = ("attribute", "--model", tmp_path / "cubes.keras", images, "--limit", "3")
    # One interval of the trapezoid rule: (0 + 3) / 2 in place of 1; two: 1 + 1 / 8.
    done = cli(*base, "--steps", "1", "--output", "one")
    assert (done.code, summary(Path("one"))["large_errors"]) == (0, 3)
    assert "; 3 with an error above 20%;" in done.err.splitlines()[-1]
    for record in records(Path("one")).values():
        assert record["completeness_error"] == pytest.approx(0.5, rel=1e-4)
        [warning] = record["warnings"]
        assert warning.startswith("completeness error 50%: ")
        assert f"{record['source']}: warning: {warning}" in done.err
    done = cli(*base, "--steps", "2", "--output", "two")
    assert (done.code, summary(Path("two"))["large_errors"]) == (0, 0)
    assert "with an error above" not in done.err
    assert {tuple(record["warnings"]) for record in records(Path("two")).values()} == {()}


def test_methods_that_cannot_be_refined_are_a_usage_error(cli: Cli, images: Path) -> None:
    for chosen in (("--method", "idgi"), ("--panel-columns", "image,guided_integrated_gradients")):
        done = cli("attribute", images, "--steps", "auto", *chosen)
        assert done.code == 2
        assert f"steps: auto: {chosen[1].split(',')[-1]} cannot be refined; blur_int" in done.err
        assert (
            "expected_gradients, integrated_gradients, smoothgrad, xrai can: give a number"
            in done.err
        )
        assert not Path("igcli-output").exists()


def arrays_of(output: str) -> Path:
    [path] = (Path(output) / "arrays").rglob("*.npz")
    return path


def test_gradients_alone_and_saliency_by_options(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    base = ("attribute", "--model", tiny_model, images / "0.png", "--arrays")
    alone = ("--method", "gradients", "--no-gradients-multiply-by-input", "--output", "alone")
    assert cli(*base, *alone).code == 0
    Path("run.yaml").write_text("method: gradients\ngradients: {multiply_by_input: false}\n")
    assert cli(*base, "-c", "run.yaml", "--output", "yaml").code == 0
    assert cli(*base, "--method", "saliency", "--output", "saliency").code == 0
    with np.load(arrays_of("alone")) as one, np.load(arrays_of("yaml")) as two:
        np.testing.assert_array_equal(one["attributions"], two["attributions"])
        image, target = one["image"].astype(np.float32), int(one["target"])
        gradients = one["attributions"]
    with np.load(arrays_of("saliency")) as saved:
        np.testing.assert_array_equal(saved["attributions"], np.abs(gradients))
    model = keras.saving.load_model(tiny_model)
    inputs = tf.constant(image[None])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        score = model(inputs)[0, target]
    expected = tape.gradient(score, inputs)[0].numpy()
    np.testing.assert_allclose(gradients, expected, atol=1e-4 * np.abs(expected).max())
    assert json.loads(Path("saliency/results.jsonl").read_text())["completeness_error"] is None
