"""The command `igcli evaluate`: its figures, files, thresholds, shards and refusals."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from PIL import Image
from scipy.ndimage import gaussian_filter

from support.image_files import write_images
from support.limits import files_up_to
from support.results import arrays, records
from support.runs import ok, write_run

METHODS = ("integrated_gradients", "gradients")
CONTROLS = ("random", "edges", "center")


@pytest.fixture
def run(cli: Cli, tmp_path: Path, tiny_model: Path) -> Callable[..., Any]:
    """Attribute four images by two methods and evaluate them; further arguments are appended."""
    photos = write_images(tmp_path / "photos", 4)

    def evaluated(*arguments: Any) -> Any:
        model = ("--model", tiny_model, "--model-preprocess", "unit", "--steps", 8)
        return cli(
            *("evaluate", photos, "--methods", ",".join(METHODS), *model),
            *("-o", tmp_path / "out", *arguments),
        )

    return evaluated


def lines(output: Path) -> list[dict[str, Any]]:
    text = (output / "evaluation.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def summary(output: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((output / "evaluation.json").read_text())
    return values


def test_figures_are_those_of_a_loop_over_the_network(
    run: Callable[..., Any], tmp_path: Path, tiny_model: Path
) -> None:
    import keras

    assert run("--metrics", "deletion,insertion").code == 0
    network: Any = keras.models.load_model(tiny_model)
    output = tmp_path / "out"
    found = {(line["image"], line["method"]): line for line in lines(output)}
    assert {method for _, method in found} == {*METHODS, *CONTROLS}
    for name, record in records(output).items():
        stored = arrays(output, Path(record["arrays"]).name)
        image, target = stored["image"].astype(np.float64), int(stored["target"])
        blurred = gaussian_filter(image, (10, 10, 0), mode="reflect", truncate=4)
        pixels = image.shape[0] * image.shape[1]
        for method in METHODS:
            is_main = method == METHODS[0]
            values = stored["attributions" if is_main else f"attributions_{method}_{target}"]
            order = np.argsort(-values.astype(np.float64).sum(-1).ravel(), kind="stable")
            counts = np.rint(np.linspace(0, pixels, 51)).astype(int)
            for metric, start, end in (
                ("deletion", image, 0 * image),
                ("insertion", blurred, image),
            ):
                variants = np.stack([start] * 51)
                for variant, count in zip(variants, counts, strict=True):
                    rows, columns = np.unravel_index(order[:count], image.shape[:2])
                    variant[rows, columns] = end[rows, columns]
                scores = network.predict(variants / 255, verbose=0)[:, target]
                area = np.trapezoid(scores, counts / pixels)
                assert found[name, method]["metrics"][metric] == pytest.approx(area, abs=1e-5)


def test_the_summary_has_means_of_methods_and_controls(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    result = run()
    assert result.code == 0
    values, all_lines = summary(tmp_path / "out"), lines(tmp_path / "out")
    assert values["images"] == 4
    assert [*values["methods"]] == [*METHODS, *CONTROLS]
    for method in (*METHODS, *CONTROLS):
        own = [line["metrics"]["deletion"] for line in all_lines if line["method"] == method]
        assert values["methods"][method]["deletion"]["mean"] == pytest.approx(np.mean(own))
        assert values["methods"][method]["deletion"]["median"] == pytest.approx(np.median(own))
        low, high = values["methods"][method]["deletion"]["interval"]
        assert min(own) <= low <= np.mean(own) <= high <= max(own)
    # Controls have no units, so the sum of their attributions says nothing.
    assert "completeness" in values["methods"]["integrated_gradients"]
    assert not any("completeness" in values["methods"][control] for control in CONTROLS)
    assert all(method in str(result.out) for method in (*METHODS, *CONTROLS))


def test_json_prints_the_lines_and_the_summary(run: Callable[..., Any], tmp_path: Path) -> None:
    result = run("--json", "--metrics", "insertion", "--no-controls")
    *printed, last = [json.loads(line) for line in result.lines]
    assert printed == lines(tmp_path / "out")
    assert last == summary(tmp_path / "out")
    assert {line["method"] for line in printed} == {*METHODS}


def test_a_finished_run_is_evaluated_as_it_is(
    run: Callable[..., Any], cli: Cli, tmp_path: Path
) -> None:
    run("--metrics", "deletion")
    output = tmp_path / "out"
    before = lines(output)
    again = cli("evaluate", output, "--metrics", "deletion")
    assert again.code == 0
    assert lines(output) == before  # Nothing was missing.
    assert cli("evaluate", output, "--metrics", "deletion,sparseness").code == 0
    added = lines(output)[len(before) :]
    assert len(added) == len(before)
    values = {(line["image"], line["method"]): line["metrics"]["deletion"] for line in before}
    for line in added:  # What was known is kept.
        assert line["metrics"]["deletion"] == values[line["image"], line["method"]]
        assert "sparseness" in line["metrics"]


def test_what_is_complete_is_printed_without_the_network(
    run: Callable[..., Any], cli: Cli, tmp_path: Path, tiny_model: Path
) -> None:
    model = tmp_path / "gone.keras"
    shutil.copyfile(tiny_model, model)
    arguments = ("--metrics", "deletion,completeness", "--model", model)
    first = run(*arguments)
    assert first.code == 0
    model.unlink()
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from igcli.cli.main import main; sys.exit(main())"
    )

    def again(*more: str) -> Any:
        return subprocess.run(
            [sys.executable, "-c", code, "evaluate", str(tmp_path / "out"), *more],
            capture_output=True,
            text=True,
            check=False,
        )

    written = summary(tmp_path / "out")
    complete = again("--metrics", "deletion,completeness")
    assert complete.returncode == 0
    assert complete.stdout.encode() == first.out
    assert "nothing is left to compute: all 4 images are evaluated" in complete.stderr
    assert summary(tmp_path / "out") == written
    # What is new is computed, with the network where that is asked for scores.
    assert "internal error" not in again("--metrics", "sparseness").stderr
    assert "no such file" in cli("evaluate", tmp_path / "out", "--metrics", "insertion").err


def test_images_that_are_done_are_counted(
    run: Callable[..., Any], cli: Cli, tmp_path: Path
) -> None:
    run("--metrics", "deletion")
    path = tmp_path / "out" / "evaluation.jsonl"
    kept = [line for line in path.read_text().splitlines() if '"image": "2.png"' not in line]
    path.write_text("".join(f"{line}\n" for line in kept))
    result = cli("evaluate", tmp_path / "out", "--metrics", "deletion")
    assert result.code == 0
    assert "evaluating 1 of 4 images; the others are done" in result.err


def test_the_bar_names_the_metric(
    run: Callable[..., Any], cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--metrics", "sparseness")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    result = cli("evaluate", tmp_path / "out", "--metrics", "sparseness,deletion,insertion")
    assert result.code == 0
    assert ", deletion]" in result.err
    assert ", insertion]" in result.err
    assert ", sparseness]" not in result.err  # It is known.


def test_other_options_of_a_metric_measure_it_again(
    run: Callable[..., Any], cli: Cli, tmp_path: Path
) -> None:
    run("--metrics", "deletion")
    output = tmp_path / "out"
    before = lines(output)
    assert cli("evaluate", output, "--metrics", "deletion", "--deletion-steps", 5).code == 0
    added = lines(output)[len(before) :]
    assert len(added) == len(before)
    assert {line["options"]["deletion"]["steps"] for line in added} == {5}


def test_shards_give_the_lines_of_one_evaluation(
    run: Callable[..., Any], cli: Cli, tmp_path: Path
) -> None:
    run("--metrics", "deletion")
    output = tmp_path / "out"
    whole, values = lines(output), summary(output)
    (output / "evaluation.jsonl").unlink()
    (output / "evaluation.json").unlink()
    for number in (1, 2):
        part = ("--shard", f"{number}/2", "--metrics", "deletion")
        assert cli("evaluate", output, *part).code == 0
        assert not (output / "evaluation.json").exists()
    parts = [
        json.loads(line)
        for path in sorted((output / "evaluation").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    assert sorted(map(str, parts)) == sorted(map(str, whole))
    assert cli("evaluate", output, "--metrics", "deletion").code == 0
    assert summary(output) == values
    assert lines(output) == []  # All were known.


def test_thresholds_apply_to_methods_alone(run: Callable[..., Any], tmp_path: Path) -> None:
    assert run("--metrics", "insertion", "--min", "insertion=0").code == 0
    means = {
        name: values["insertion"]["mean"]
        for name, values in summary(tmp_path / "out")["methods"].items()
    }
    best, least = max(means.values()), min(means[name] for name in METHODS)
    failing = run("--metrics", "insertion", "--min", f"insertion={best + 0.01}")
    assert failing.code == 3
    assert all(f"insertion of {name} is" in failing.err for name in METHODS)
    assert not any(f"insertion of {name} is" in failing.err for name in CONTROLS)
    assert run("--metrics", "insertion", "--max", f"insertion={least - 0.01}").code == 3


def test_a_damaged_image_is_named_and_the_others_are_evaluated(
    run: Callable[..., Any], cli: Cli, tmp_path: Path
) -> None:
    run("--metrics", "sparseness")
    output = tmp_path / "out"
    damaged = sorted((output / "arrays").iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:100])
    result = cli("evaluate", output, "--metrics", "deletion")
    assert result.code == 3
    assert f"{damaged.name.removesuffix('.npz')}" in result.err
    assert summary(output)["images"] == 3
    assert summary(output)["failed"] == 1


def test_a_changed_network_is_refused(
    run: Callable[..., Any], cli: Cli, tmp_path: Path, tiny_model: Path
) -> None:
    run("--metrics", "sparseness")
    output = tmp_path / "out"
    path = output / "results.jsonl"
    sha = records(output).popitem()[1]["model_sha256"]
    path.write_text(path.read_text().replace(sha, "0" * 64))
    result = cli("evaluate", output, "--metrics", "deletion")
    assert result.code == 2
    assert "is not the network" in result.err
    # What needs no network is measured all the same.
    assert cli("evaluate", output, "--metrics", "sparseness").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "gradients"], "--methods: the attributions of a finished run"),
        (["--batch-size", "many"], "--batch-size: "),
        (["--device", "tpu"], "--device: "),
        (["--shard", "1/2", "--min", "deletion=0"], "give them without --shard"),
        (["--steps", 3], "--steps: the attributions of a finished run"),
        (["-o", "other"], "--output: the attributions of a finished run"),
        (["-c", "a.yaml"], "--config: the attributions of a finished run"),
        (["out"], "/out' is the output of a run: evaluate one output alone, or name images"),
        (["a.png"], "/out' is the output of a run: evaluate one output alone, or name images"),
        (["--max", "deletion=1e999"], "--max deletion=1e999: expected METRIC=VALUE"),
        (["--min", "deletion=-inf"], "--min deletion=-inf: expected METRIC=VALUE"),
        (["--limit", 3], "--limit: the attributions of a finished run"),
        (["--metrics", "deletions"], "unknown name 'deletions'; did you mean deletion?"),
        (["--metrics", "speed"], "--metrics: must be aopc, aopc_lerf, "),
        (["--min", "insertio=3"], "unknown name 'insertio'; did you mean insertion?"),
        (["--metrics", "pointing_game"], "pointing_game needs --masks"),
        (["--min", "deletion"], "--min deletion: expected METRIC=VALUE"),
        (["--min", "road=1"], "--min road=1: 'road' is not measured"),
        (["--aopc-regions", 5], "aopc has options here but is not measured"),
        (["--deletion-steps", 0], "--deletion-steps: must be"),
        (["--deletion-fill", "red"], "--deletion-fill: "),
        (["--shard", "5/4"], "--shard"),
    ],
)
def test_mistakes_are_one_line(
    cli: Cli, tmp_path: Path, arguments: list[Any], message: str
) -> None:
    output = write_run(tmp_path / "out", [ok("a.jpg", arrays="arrays/a.npz")])
    result = cli("evaluate", output, *arguments)
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1


def test_a_run_without_arrays_says_how_to_add_them(cli: Cli, tmp_path: Path) -> None:
    output = write_run(tmp_path / "out", [ok("a.jpg")])
    result = cli("evaluate", output)
    assert result.code == 2
    assert "--arrays" in result.err


def test_shards_of_a_run_are_merged_first(cli: Cli, tmp_path: Path) -> None:
    write_run(tmp_path / "out/shards/1-of-2", [ok("a.jpg", arrays="arrays/a.npz")])
    result = cli("evaluate", tmp_path / "out")
    assert result.code == 2
    assert "igcli merge" in result.err


def test_metrics_of_other_evaluations_stay_known(
    run: Callable[..., Any], cli: Cli, tmp_path: Path
) -> None:
    run("--metrics", "deletion")
    output = tmp_path / "out"
    before = lines(output)
    assert cli("evaluate", output, "--metrics", "sparseness").code == 0
    added = lines(output)[len(before) :]
    assert all({"deletion", "sparseness"} == {*line["metrics"]} for line in added)
    assert cli("evaluate", output, "--metrics", "deletion").code == 0
    assert len(lines(output)) == len(before) + len(added)


def test_a_mask_that_cannot_be_read_fails_its_image(
    run: Callable[..., Any], cli: Cli, tmp_path: Path
) -> None:
    run("--metrics", "sparseness")
    output, masks = tmp_path / "out", tmp_path / "masks"
    masks.mkdir()
    first, *others = sorted(records(output))
    for name in (first, *others):
        save_mask(np.eye(16, dtype=np.uint8), masks, name)
    broken = next(masks.iterdir())
    broken.write_bytes(b"no image")
    result = cli("evaluate", output, "--metrics", "mass_inside", "--masks", masks)
    assert result.code == 3
    assert f"{broken.stem}.png: not evaluated: its mask" in result.err
    assert "1 image not evaluated" in result.err
    assert summary(output)["images"] == len(others)


def test_a_warning_goes_with_its_cause(run: Callable[..., Any], cli: Cli, tmp_path: Path) -> None:
    run("--metrics", "sparseness")
    output, masks = tmp_path / "out", tmp_path / "masks"
    masks.mkdir()
    stored = {name: record["arrays"] for name, record in records(output).items()}
    shape = arrays(output, Path(next(iter(stored.values()))).name)["image"].shape[:2]
    mask = np.zeros(shape, np.uint8)
    mask[: shape[0] // 2] = 255
    first, *others = sorted(stored)
    save_mask(mask, masks, first)
    measured = ("--metrics", "mass_inside", "--masks", masks)
    result = cli("evaluate", output, *measured)
    assert result.code == 0
    assert f"{others[0]}: warning: it has no mask" in result.err
    for name in others:
        save_mask(mask, masks, name)
    result = cli("evaluate", output, *measured)
    assert "no mask" not in result.err
    last = {(line["image"], line["method"]): line for line in lines(output)}
    assert all(line["warnings"] == [] for line in last.values())
    assert all(line["metrics"]["mass_inside"] is not None for line in last.values())
    count = len(lines(output))
    assert cli("evaluate", output, *measured).code == 0
    assert len(lines(output)) == count  # Masks that did not change are no news.


def save_mask(mask: np.ndarray[Any, Any], folder: Path, image: str) -> None:
    Image.fromarray(mask).save(folder / f"{Path(image).stem}.png")


@pytest.mark.parametrize(
    "damage",
    [
        {"metrics": {"deletion": float("nan")}},
        {"metrics": {"deletion": 10**400}},
        {"metrics": {"deletion": "0.5"}},
        {"metrics": {"deletion": True}},
        {"metrics": [0.5]},
        {"curves": {"deletion": {"shares": [0, 1], "scores": [0.5]}}},
        {"curves": {"deletion": {"shares": [], "scores": []}}},
        {"curves": {"deletion": {"shares": [[0, 1]], "scores": [[0, 1]]}}},
        {"curves": {"deletion": {"shares": [0, 10**400], "scores": [0, 1]}}},
        {"curves": {"deletion": [[0, 1], [0, 1]]}},
        {"curves": None},
        {"options": {"deletion": {"steps": "<b>50</b>"}}},
        {"warnings": "deletion"},
        {"inputs": None},
        {"target": True},
        {"method": "<script>"},
        {"image": "../../etc/passwd"},
    ],
)
def test_lines_that_were_edited_are_measured_again(
    evaluated_output: Path, cli: Cli, damage: dict[str, Any]
) -> None:
    path = evaluated_output / "evaluation.jsonl"
    whole, values = lines(evaluated_output), summary(evaluated_output)
    nested = b"[" * 100_000 + b"\n"
    edited = [{**whole[0], **damage}, *whole[1:]]
    text = "".join(json.dumps(line) + "\n" for line in edited).encode()
    path.write_bytes(nested + b"\xff\x00\n" + text + b'{"image": "torn')
    result = cli("evaluate", evaluated_output, "--metrics", "deletion")
    assert (result.code, summary(evaluated_output)) == (0, values)
    assert lines_of(path)[-1] == whole[0]


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a file that are whole."""
    values = []
    for line in path.read_bytes().split(b"\n"):
        try:
            values.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return values


@pytest.fixture
def evaluated_output(evaluated_once: Path, tmp_path: Path) -> Path:
    """A copy of a run of two images whose deletion is evaluated."""
    return Path(shutil.copytree(evaluated_once, tmp_path / "copy"))


@pytest.fixture(scope="module")
def evaluated_once(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    photos = write_images(folder / "photos", 2)
    model = ("--model", tiny_model, "--model-preprocess", "unit", "--steps", 8)
    options = ("--metrics", "deletion", "-o", folder / "out")
    arguments = [*map(str, ("evaluate", photos, *model, *options))]
    subprocess.run([sys.executable, "-m", "igcli", *arguments], check=True, capture_output=True)
    return folder / "out"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arrays": "../../x.npz"}, "is not a name inside the output folder"),
        ({"arrays": "/etc/passwd"}, "is not a name inside the output folder"),
        ({"arrays": "config.yaml"}, "cannot read array"),
        ({"arrays": ["a"]}, "no arrays"),
        ({"target": 10**6}, "has the target 1000000"),
        ({"target": "1"}, "no target"),
        ({"score": 10**400}, "no target or score"),
        ({"others": [{"method": "os", "target": 1, "score": 1.0}]}, "a method that this version"),
        ({"others": [{"method": "random", "target": 1, "score": 1.0}]}, "method that this version"),
        ({"others": {"a": 1}}, "does not list its methods"),
    ],
)
def test_records_that_were_edited_end_in_one_line(
    evaluated_output: Path, cli: Cli, changes: dict[str, Any], message: str
) -> None:
    path = evaluated_output / "results.jsonl"
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    path.write_text(json.dumps({**first, **changes}) + "\n" + json.dumps(second) + "\n")
    result = cli("evaluate", evaluated_output, "--metrics", "insertion", "--json")
    assert result.code == 3
    assert [
        line for line in result.err.splitlines() if "not evaluated: " in line and message in line
    ]
    assert "internal error" not in result.err
    assert (
        message
        in json.loads(next(line for line in result.lines if "error" in json.loads(line)))["error"]
    )


def test_what_a_kill_or_a_full_disk_leaves_is_completed_to_the_same_bytes(
    evaluated_output: Path, cli: Cli
) -> None:
    path, values = evaluated_output / "evaluation.jsonl", evaluated_output / "evaluation.json"
    whole, expected = path.read_bytes(), values.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])  # Torn within a line.
    values.unlink()
    with files_up_to(len(whole) // 2 + 100):
        full = cli("evaluate", evaluated_output, "--metrics", "deletion")
    assert full.code == 1
    assert not values.exists()
    assert "internal error" not in full.err
    assert cli("evaluate", evaluated_output, "--metrics", "deletion").code == 0
    assert values.read_bytes() == expected
    assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())
