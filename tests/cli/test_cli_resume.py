"""Runs over the output of earlier runs: what is done again, what stays, what is refused."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import pytest
from conftest import Cli, Result

from igcli.config.schema import Settings
from igcli.pipeline.resume.fingerprint import REVISION, config_sha256
from support.image_files import write_image
from support.results import files, lines, records, summary

Again = Callable[..., Result]
NAMES = ["a.jpg", "b.png", "cats/c.jpg", "cats/d.webp"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        write_image(tmp_path / "images" / name, seed)
    return tmp_path / "images"


@pytest.fixture
def again(cli: Cli, images: Path, tiny_model: Path) -> Again:
    """Run over the same images and output, with further options."""

    def run(*options: str | Path, command: str = "attribute") -> Result:
        steps = () if "--steps" in options else ("--steps", "3")
        model = () if "--model" in options else ("--model", tiny_model)
        return cli(command, images, *model, *steps, *options)

    return run


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "igcli-output"


def counts(output: Path) -> tuple[int, ...]:
    totals = summary(output)
    return tuple(totals[key] for key in ("done", "skipped", "redone", "failed"))


def written(result: Result, output: Path) -> set[str]:
    return {os.path.relpath(line, output) for line in result.lines}


def test_a_finished_run_has_nothing_left_to_do(again: Again, output: Path) -> None:
    assert again("--gif", "--arrays").code == 0
    before = files(output)
    times = {path: path.stat().st_mtime_ns for path in (output / "panels").rglob("*")}
    result = again("--gif", "--arrays")
    after = files(output)
    assert (result.code, result.out) == (0, b"")
    assert "4 of 4 images done (4 already done)" in result.err
    assert counts(output) == (4, 4, 0, 0)
    totals = json.loads(after.pop("summary.json"))
    first = json.loads(before.pop("summary.json"))
    assert after == before
    assert totals["gradient_evaluations"] == 0
    assert totals["completeness_error"] == first["completeness_error"]
    assert {path: path.stat().st_mtime_ns for path in (output / "panels").rglob("*")} == times


def test_only_what_is_missing_is_done(again: Again, output: Path) -> None:
    again("--limit", "2")
    result = again()
    assert written(result, output) == {"panels/cats/c.jpg", "panels/cats/d.webp.jpg"}
    assert counts(output) == (4, 2, 0, 0)
    (output / "panels" / "a.jpg").unlink()
    assert written(again(), output) == {"panels/a.jpg"}
    assert counts(output) == (4, 3, 0, 0)


def test_an_image_that_changed_is_done_again(again: Again, output: Path, images: Path) -> None:
    again("--gif")
    write_image(images / "b.png", 99)
    result = again()
    assert written(result, output) == {"panels/b.png.jpg"}
    assert "redone because they changed" in result.err
    assert counts(output) == (4, 3, 1, 0)
    # A GIF of what the image was before would stand beside a panel of what it is now.
    assert records(output)["b.png"]["gif"] is None
    assert not (output / "gifs" / "b.png.gif").exists()
    assert (output / "gifs" / "a.gif").exists()
    assert written(again("--gif"), output) == {"panels/b.png.jpg", "gifs/b.png.gif"}
    assert counts(output) == (4, 3, 0, 0)


@pytest.mark.parametrize("broken", ["status", "image_sha256", "model_sha256", "config_sha256"])
def test_a_record_of_something_else_is_no_result(
    again: Again, output: Path, broken: str, tiny_model: Path
) -> None:
    again()
    entries = lines(output)
    entries[-1][broken] = "another"
    text = "".join(json.dumps(record) + "\n" for record in entries)
    (output / "results.jsonl").write_text(text)
    result = again()
    assert len(result.lines) == 1
    assert counts(output)[:2] == (4, 3)
    assert records(output)[entries[-1]["image"]][broken] == entries[0][broken] or "sha" in broken


def test_files_that_are_asked_for_later_are_added(again: Again, output: Path) -> None:
    again()
    panels = files(output / "panels")
    again("--arrays")
    assert {record["arrays"] for record in records(output).values()} == {
        "arrays/a.npz", "arrays/b.png.npz", "arrays/cats/c.npz", "arrays/cats/d.webp.npz"
    }  # fmt: skip
    result = again(command="gif")
    assert written(result, output) == {f"gifs/{name}" for name in files(output / "gifs")}
    for record in records(output).values():
        assert (output / record["panel"]).is_file()
        assert (output / record["gif"]).is_file()
        assert (output / record["arrays"]).is_file()
    assert files(output / "panels") == panels
    assert again("--gif", "--arrays").out == b""
    assert again().out == b""
    assert counts(output) == (4, 4, 0, 0)


def test_gifs_first_and_panels_later(again: Again, output: Path) -> None:
    again(command="gif")
    gifs = files(output / "gifs")
    result = again("--panel-style", "heat_map", "--panel-format", "png")
    assert result.code == 0, result.err
    assert {record["gif"] for record in records(output).values()} == {
        f"gifs/{name}" for name in gifs
    }
    assert files(output / "gifs") == gifs
    # The panels keep their style whatever a later run that draws none is told.
    assert again(command="gif").out == b""
    again("--gif-style", "overlay", "--on-existing", "resume", command="gif")
    refused = again("--panel-format", "png")
    assert (refused.code, "panel.style: heat_map -> overlay" in refused.err) == (2, True)
    assert again("--panel-style", "heat_map", "--panel-format", "png").code == 0


def test_animations_of_another_format_stay_named(again: Again, output: Path) -> None:
    again("--gif", "--gif-format", "webp")
    again("--arrays")
    assert {record["gif"][-5:] for record in records(output).values()} == {".webp"}
    assert "format: webp" in (output / "config.yaml").read_text()


def test_other_methods_stay_in_a_renewed_record(again: Again, output: Path) -> None:
    columns = ("--panel-columns", "image,integrated_gradients,gradients")
    again(*columns)
    others = {name: record["others"] for name, record in records(output).items()}
    again(command="gif")
    assert {name: record["others"] for name, record in records(output).items()} == others
    assert again(*columns, "--gif").out == b""


CHANGED = {
    "steps": (["--steps", "4"], "steps: 3 -> 4"),
    "baseline": (["--baseline", "white"], "baseline.kind: black -> white"),
    "two": (["--steps", "4", "--seed", "1"], "steps: 3 -> 4; seed: 0 -> 1"),
    "style": (["--panel-style", "windowing"], "panel.style: overlay -> windowing"),
    "magnify": (["--panel-magnify", "2"], "panel.magnify: auto -> 2"),
    "quality": (["--panel-quality", "50"], "panel.quality: 95 -> 50"),
    "columns": (["--panel-columns", "image,label"], "panel.columns: ['image', 'label', "),
    "frames": (["--gif", "--gif-frame-ms", "90"], "gif.frame_ms: 500 -> 90"),
    "explain": (["--explain", "logit"], "explain: probability -> logit"),
    "preprocess": (["--model-preprocess", "unit"], "model.preprocess: none -> unit"),
    "resample": (["--model-resample", "area"], "model.resample: bilinear -> area"),
    "method": (["--method", "gradients"], "method: integrated_gradients -> gradients"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_setting_is_refused_with_the_difference(
    again: Again, output: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert again("--gif").code == 0
    before = files(output)
    options, said = CHANGED[name]
    with monkeypatch.context() as patched:
        patched.setattr("igcli.pipeline.runs.prepared.load", None)  # Before the network is loaded.
        result = again(*options)
    assert result.code == 2
    [line] = result.err.splitlines()
    assert f"({said}" in line
    assert line.endswith("--on-existing overwrite")
    assert files(output) == before
    assert again(*options, "--on-existing", "overwrite").code == 0
    assert again(*options).out == b""


UNCHANGED = {
    "batch": ["--batch-size", "5"],
    "device": ["--device", "cpu"],
    "limits": ["--max-pixels", "100000", "--max-bytes", "1000000"],
    "streams": ["--json", "-q"],
    "no gif": ["--no-gif"],
    "another method's options": ["--smoothgrad-samples", "7"],
    "limit": ["--limit", "3"],
}


@pytest.mark.parametrize("name", UNCHANGED)
def test_what_alters_no_result_is_no_change(again: Again, output: Path, name: str) -> None:
    again("--gif")
    before = files(output)
    result = again(*UNCHANGED[name])
    assert result.code == 0, result.err
    after = files(output)
    for written_files in (before, after):
        del written_files["summary.json"]
    config = after.pop("config.yaml"), before.pop("config.yaml")
    assert after == before
    assert b"windowing" in config[0]  # The GIFs are still described.


def test_gifs_are_magnified_as_they_were_and_panels_alike(again: Again, output: Path) -> None:
    assert again("--panel-magnify", "2", "--limit", "2", command="gif").code == 0
    for command in ("gif", "attribute"):
        result = again(command=command)
        assert (result.code, "(panel.magnify: 2 -> auto)" in result.err) == (2, True)
    assert again("--panel-magnify", "2", "--panel-style", "heat_map").code == 0


def other_network(path: Path, tiny_model: Path) -> Path:
    model = keras.saving.load_model(tiny_model)
    model.set_weights([weight * 1.5 for weight in model.get_weights()])
    model.save(path)
    return path


def test_another_network_under_the_same_name_is_refused(
    again: Again, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Path(shutil.copy(tiny_model, tmp_path / "net.keras"))
    again("--model", model)
    other_network(model, tiny_model)
    with monkeypatch.context() as patched:
        patched.setattr("igcli.pipeline.runs.prepared.load", None)
        result = again("--model", model)
    assert result.code == 2
    assert "model: another network, SHA-256" in result.err
    # Known only once it is loaded.
    monkeypatch.setattr("igcli.pipeline.resume.earlier.of_source", lambda _: None)
    result = again("--model", model)
    assert (result.code, "model: another network" in result.err) == (2, True)


def test_a_network_that_was_moved_is_the_same(
    again: Again, output: Path, tiny_model: Path, tmp_path: Path
) -> None:
    again()
    moved = shutil.copy(tiny_model, tmp_path / "moved.keras")
    assert again("--model", moved).code == 0
    assert counts(output) == (4, 4, 0, 0)


def test_what_files_hold_counts_and_not_where_they_lie(
    again: Again, output: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.txt").write_text("cat\ndog\nowl\n")
    again("--model-labels", "one.txt")
    (tmp_path / "two.txt").write_text("cat\ndog\nowl\n")
    assert again("--model-labels", "two.txt").code == 0
    assert counts(output) == (4, 4, 0, 0)
    (tmp_path / "two.txt").write_text("cat\ndog\nfox\n")
    result = again("--model-labels", "two.txt")
    assert result.code == 2
    assert "the content of model.labels" in result.err
    result = again("--model-labels", "two.txt", "--on-existing", "overwrite")
    assert result.code == 0


def test_results_without_their_configuration_are_left_alone(again: Again, output: Path) -> None:
    again()
    (output / "config.yaml").unlink()
    assert "its config.yaml is missing" in again().err
    (output / "config.yaml").write_text("# Written by igcli: x\nstps: 3\n")
    assert "stps: unknown key" in again().err
    (output / "config.yaml").unlink()
    os.mkfifo(output / "config.yaml")
    assert again().code in (1, 2)


def test_nothing_done_yet_forbids_no_change(again: Again, output: Path, images: Path) -> None:
    for path in images.rglob("*.*"):
        path.write_text("no image")
    assert again().code == 3
    assert counts(output) == (0, 0, 0, 4)
    assert again("--steps", "5").code == 3


def test_failed_images_are_tried_again_where_asked_or_changed(
    again: Again, output: Path, images: Path
) -> None:
    whole = (images / "a.jpg").read_bytes()
    (images / "a.jpg").write_bytes(whole[:300])
    (images / "b.png").write_bytes(b"no image")
    assert again().code == 3
    before = lines(output)
    result = again()
    assert (result.code, result.out) == (3, b"")
    assert "a.jpg: " not in result.err
    assert "2 of 4 images done (2 already done); 2 failed" in result.err
    assert lines(output) == before
    result = again("--retry-failed")
    assert (result.code, result.err.count("a.jpg: truncated image")) == (3, 1)
    assert lines(output) == before  # The same again is no news.
    (images / "a.jpg").write_bytes(whole)
    result = again()
    assert written(result, output) == {"panels/a.jpg"}
    assert counts(output) == (3, 2, 0, 1)
    assert result.code == 3


def test_an_image_that_vanished_or_broke_is_a_failed_record(
    again: Again, output: Path, images: Path, cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    again()
    (images / "a.jpg").write_bytes(b"broken now")
    assert again().code == 3
    assert records(output)["a.jpg"]["status"] == "failed"
    (tmp_path / "list").write_text("images/b.png\nimages/gone.png\n")
    cli("attribute", "--files-from", "list", "--model", tiny_model, "--steps", "3")
    assert records(output)["images/gone.png"]["error"].startswith("cannot be read")


def test_a_dry_run_counts_what_is_left(again: Again, output: Path) -> None:
    again("--limit", "3")
    before = files(output)
    assert "igcli: 1 images (3 more already done), about 4 gradients" in again("--dry-run").err
    assert "igcli: 4 images, " in again("--dry-run", "--on-existing", "overwrite").err
    assert again("--dry-run", "--steps", "9").code == 2
    assert files(output) == before


def test_an_existing_output_can_be_an_error(again: Again, output: Path) -> None:
    assert again("--on-existing", "error").code == 0
    result = again("--on-existing", "error")
    assert (result.code, "is not empty" in result.err) == (2, True)


def test_a_torn_record_is_mended(again: Again, output: Path) -> None:
    again()
    whole = (output / "results.jsonl").read_bytes()
    (output / "results.jsonl").write_bytes(whole[:-30])
    result = again()
    assert len(result.lines) == 1
    assert len(lines(output)) == 4


def test_the_precision_of_the_first_run_holds(
    again: Again, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again("--precision", "auto", "--limit", "2")
    chosen = {record["precision"] for record in lines(output)}
    monkeypatch.setattr("igcli.pipeline.runs.local.with_precision", None)
    assert again("--precision", "auto").code == 0
    assert {record["precision"] for record in lines(output)} == chosen


def test_images_that_failed_before_are_named(again: Again, images: Path) -> None:
    for number in range(5):
        (images / f"{number}.jpg").write_bytes(b"no image")
    first = again()
    assert "earlier run" not in first.err
    second = again()
    assert second.code == 3
    name = rf"{re.escape(str(images))}/[0-4]\.jpg"  # In the order in which they were read.
    said = rf"^igcli: failed in an earlier run: {name}, {name}, {name} and 2 more; --retry"
    assert re.search(said, second.err, re.MULTILINE)
    assert "earlier run" not in again("--retry-failed").err


@pytest.mark.parametrize(
    ("revision", "which"), [(None, "an earlier"), (1, "an earlier"), (10_000, "a later")]
)
def test_results_of_another_version_are_refused(
    again: Again, output: Path, revision: int | None, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    again()
    entries = lines(output)
    for record in entries:
        assert record.pop("revision") == REVISION
        record.update({} if revision is None else {"revision": revision})
    text = "".join(json.dumps(record) + "\n" for record in entries)
    (output / "results.jsonl").write_text(text)
    with monkeypatch.context() as patched:
        patched.setattr("igcli.pipeline.runs.prepared.load", None)  # Before the network is loaded.
        result = again()
    assert result.code == 2
    [line] = result.err.splitlines()
    assert (
        f"(made by {which} version of igcli, which gives other results for the same settings"
        in line
    )
    assert again("--on-existing", "overwrite").code == 0


def test_the_revision_is_part_of_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = config_sha256(Settings())
    monkeypatch.setattr("igcli.pipeline.resume.fingerprint.REVISION", REVISION + 1)
    assert config_sha256(Settings()) != before
