import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from PIL import Image

from support.image_files import write_image
from support.results import records, summary

RECORD = [
    "image",
    "source",
    "status",
    "image_sha256",
    "model_sha256",
    "config_sha256",
    "revision",
    "precision",
    "target",
    "label",
    "score",
    "baseline_score",
    "attribution_sum",
    "completeness_error",
    "gradient_evaluations",
    "seconds",
    "panel",
    "gif",
    "arrays",
    "warnings",
]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    write_image(folder / "a.jpg", 1)
    write_image(folder / "cats" / "b.png", 2)
    write_image(folder / "cats" / "c.JPG", 3, (40, 20))
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_a_folder_gives_a_tree_of_panels_and_records(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    result = cli("attribute", images, "--model", tiny_model, "--steps", "8")
    output = tmp_path / "igcli-output"
    expected = {"panels/a.jpg", "panels/cats/b.png.jpg", "panels/cats/c.JPG.jpg"}
    assert result.code == 0, result.err
    assert set(result.lines) == {str(output / name) for name in expected}
    results = records(output)
    assert sorted(results) == ["a.jpg", "cats/b.png", "cats/c.JPG"]
    assert list(results["a.jpg"]) == RECORD
    assert results["a.jpg"]["gradient_evaluations"] == 9
    assert {results[name]["panel"] for name in results} == expected
    assert {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()} == {
        *expected,
        "results.jsonl",
        "summary.json",
        "config.yaml",
    }
    totals = summary(output)
    assert (totals["images"], totals["done"], totals["failed"]) == (3, 3, 0)
    assert totals["gradient_evaluations"] == 27


def test_the_written_configuration_gives_the_same_run(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    first = ("--model", tiny_model, "--steps", "8", "--output", tmp_path / "one", "--panel-format")
    cli("attribute", images, *first, "png")
    again = ("-c", tmp_path / "one" / "config.yaml", "--output", tmp_path / "two")
    assert cli("attribute", images, *again).code == 0
    one, two = records(tmp_path / "one"), records(tmp_path / "two")
    for name in one:
        assert {**one[name], "seconds": 0} == {**two[name], "seconds": 0}
    for panel in (tmp_path / "one" / "panels").rglob("*.png"):
        twin = tmp_path / "two" / panel.relative_to(tmp_path / "one")
        assert panel.read_bytes() == twin.read_bytes()


def test_arrays_hold_what_the_contract_says(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    cli("attribute", images, "--model", tiny_model, "--steps", "400", "--arrays")
    output = tmp_path / "igcli-output"
    record = records(output)["cats/b.png"]
    with np.load(output / "arrays" / "cats" / "b.png.npz") as arrays:
        assert {name: str(arrays[name].dtype) for name in arrays.files} == {
            "image": "uint8",
            "baseline": "float32",
            "attributions": "float32",
            "alphas": "float64",
            "scores": "float32",
            "target": "int64",
        }
        image = np.asarray(Image.open(images / "cats" / "b.png").convert("RGB"))
        np.testing.assert_array_equal(arrays["image"], image)
        difference = arrays["scores"][-1] - arrays["scores"][0]
        assert arrays["attributions"].sum() == pytest.approx(difference, rel=0.01)
        assert record["score"] == pytest.approx(float(arrays["scores"][-1]))
        assert record["target"] == arrays["target"]


def test_gifs_show_every_point(cli: Cli, images: Path, tiny_model: Path, tmp_path: Path) -> None:
    result = cli("gif", images, "--model", tiny_model, "--steps", "6", "--gif-frame-ms", "200")
    output = tmp_path / "igcli-output"
    assert result.code == 0, result.err
    assert not (output / "panels").exists()
    assert records(output)["a.jpg"]["panel"] is None
    with Image.open(output / "gifs" / "a.gif") as gif:
        assert gif.n_frames == 7  # type: ignore[attr-defined]
        assert gif.info["duration"] == 200


def test_attribute_makes_gifs_in_the_same_pass(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    cli("attribute", images, "--model", tiny_model, "--steps", "6", "--gif", "--limit", "1")
    [record] = records(tmp_path / "igcli-output").values()
    assert (record["panel"], record["gif"]) == ("panels/a.jpg", "gifs/a.gif")
    assert record["gradient_evaluations"] == 7


def test_json_ends_in_the_summary(cli: Cli, images: Path, tiny_model: Path) -> None:
    result = cli("attribute", images, "--model", tiny_model, "--steps", "2", "--json")
    *results, totals = map(json.loads, result.lines)
    assert sorted(record["image"] for record in results) == ["a.jpg", "cats/b.png", "cats/c.JPG"]
    assert totals["done"] == 3


def test_bad_images_are_failed_records(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    whole = (images / "a.jpg").read_bytes()
    (images / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "text.jpg").write_text("hello")
    result = cli("attribute", images, "--model", tiny_model, "--steps", "2")
    assert result.code == 3
    results = records(tmp_path / "igcli-output")
    assert str(results["cut.jpg"]["error"]).startswith("truncated image")
    assert results["text.jpg"]["status"] == "failed"
    assert list(results["text.jpg"]) == ["image", "source", "status", "error", "image_sha256"]
    assert sum(record["status"] == "ok" for record in results.values()) == 3
    assert "text.jpg" in result.err


def test_a_black_image_is_shown_with_warnings(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "black.png")
    result = cli("attribute", "black.png", "--model", tiny_model, "--steps", "2")
    assert result.code == 0
    record = records(tmp_path / "igcli-output")["black.png"]
    assert record["completeness_error"] is None
    assert any("completeness error undefined" in text for text in record["warnings"])
    assert any("flat" in text for text in record["warnings"])


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3)])
def test_images_of_any_shape_are_fitted(
    cli: Cli, tiny_model: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    write_image(tmp_path / "odd.png", 4, size)
    assert cli("attribute", "odd.png", "--model", tiny_model, "--steps", "2").code == 0


def test_paths_come_from_a_list_and_go_out_separated_by_nul(
    command: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    hostile = os.fsencode(images) + b"/new\nline \xff.png"
    Path(os.fsdecode(hostile)).write_bytes((images / "cats" / "b.png").read_bytes())
    listed = b"\0".join([os.fsencode(images / "a.jpg"), hostile, b"gone.jpg", b""])
    result = command("attribute", "-", "-0", "--model", tiny_model, "--steps", "2", stdin=listed)
    assert result.code == 3
    output = os.fsencode(tmp_path / "igcli-output")
    assert sorted(result.out.split(b"\0")) == [
        b"",
        output + b"/panels/images/a.jpg",
        output + b"/panels/images/new\nline \xff.png.jpg",
    ]
    results = records(tmp_path / "igcli-output")
    assert results["images/new\nline \udcff.png"]["status"] == "ok"
    assert results["gone.jpg"]["status"] == "failed"


def test_files_from_reads_a_list(cli: Cli, images: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("images/a.jpg\nimages/cats/b.png\n")
    result = cli("attribute", "--files-from", "list", "--model", tiny_model, "--steps", "2")
    assert result.code == 0
    assert sorted(records(tmp_path / "igcli-output")) == ["images/a.jpg", "images/cats/b.png"]


def test_a_dry_run_touches_nothing(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    result = cli("attribute", images, "--model", tiny_model, "--dry-run")
    assert result.code == 0
    assert "3 images, about 153 gradients and " in result.err
    assert result.out == b""
    for method, work in {"gradients": "3 gradients, ", "occlusion": ""}.items():
        columns = ("--panel-columns", f"{method},occlusion", "--occlusion-size", "40")
        result = cli(
            "attribute", images, "--model", tiny_model, "--dry-run", "--method", method, *columns
        )
        # One window of the whole image, and the image itself.
        assert f"3 images, about {work}6 forward passes and " in result.err
    assert not (tmp_path / "igcli-output").exists()


def test_an_output_that_is_not_empty_is_refused_unless_overwritten(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    arguments = ("attribute", images, "--model", tiny_model, "--steps", "2")
    assert cli(*arguments).code == 0
    before = (tmp_path / "igcli-output" / "results.jsonl").read_bytes()
    refused = cli(*arguments, "--on-existing", "error")
    assert refused.code == 2
    assert "not empty" in refused.err
    assert (tmp_path / "igcli-output" / "results.jsonl").read_bytes() == before
    (tmp_path / "igcli-output" / "panels" / "mine.txt").write_text("kept")
    assert cli(*arguments, "--limit", "1", "--on-existing", "overwrite").code == 0
    assert sorted(records(tmp_path / "igcli-output")) == ["a.jpg"]
    assert not (tmp_path / "igcli-output" / "panels" / "cats").exists()
    assert (tmp_path / "igcli-output" / "panels" / "mine.txt").exists()


REFUSED = {
    "no images named": (["attribute"], 2, "no images are named"),
    "a missing image": (["attribute", "gone.jpg"], 2, "gone.jpg"),
    "an empty folder": (["attribute", "empty"], 4, "no images in empty"),
    "a folder of other files": (["attribute", "texts"], 4, ".txt"),
    "a missing list": (["attribute", "--files-from", "gone"], 2, "gone"),
    "an output that is a file": (["attribute", "a.png", "--output", "file"], 2, "file"),
    "a missing model": (["attribute", "a.png", "--model", "gone.keras"], 2, "gone.keras"),
    "no steps": (["attribute", "a.png", "--steps", "0"], 2, "igcli: --steps: must be"),
    "negative steps": (["attribute", "a.png", "--steps", "-3"], 2, "--steps: must be"),
    "an empty batch": (["attribute", "a.png", "--batch-size", "0"], 2, "--batch-size: must be"),
    "an unknown method": (["attribute", "a.png", "--method", "magic"], 2, "integrated_gradients"),
    "a device that is not there": (["attribute", "a.png", "--device", "gpu:77"], 2, "gpu:77"),
    "no top labels": (
        ["attribute", "a.png", "--target", "top:0"],
        2,
        "igcli: --target: top:0 selects no target",
    ),
    "two for one output": (["attribute", "a.png", "a.png.jpg"], 2, "a.png.jpg"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_gets_one_line_and_its_code(cli: Cli, tmp_path: Path, name: str) -> None:
    arguments, code, said = REFUSED[name]
    write_image(tmp_path / "a.png")
    write_image(tmp_path / "a.png.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("no")
    (tmp_path / "file").write_text("no")
    result = cli(*arguments)
    assert result.code == code
    lines = [line for line in result.err.splitlines() if "no model was chosen" not in line]
    assert len(lines) == 1
    assert said in lines[0]
    assert not (tmp_path / "igcli-output").exists()


def test_what_is_wrong_with_the_output_is_known_without_tensorflow(
    tmp_path: Path,
) -> None:
    write_image(tmp_path / "a.png")
    (tmp_path / "file").write_text("no")
    script = (
        "import sys; from igcli.cli import main\n"
        "sys.argv = ['igcli', 'attribute', 'a.png', '--output', 'file']\n"
        "code = main(); print(code, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, cwd=tmp_path, check=False, text=True
    )
    assert done.stdout.split() == ["2", "False"]


def test_the_sample_images_are_attributed_by_the_demo(command: Cli, tmp_path: Path) -> None:
    samples = Path(__file__).parents[2] / "sample_images"
    result = command("attribute", samples, "--steps", "50")
    assert result.code == 0, result.err
    assert "embedded demo" in result.err
    assert "WARNING" not in result.err
    results = records(tmp_path / "igcli-output")
    images = [path for path in samples.rglob("*") if path.is_file()]
    assert len(results) == len(images) >= 10
    errors = [float(str(record["completeness_error"])) for record in results.values()]
    assert np.median(errors) < 0.05
    for line in result.lines:
        with Image.open(io.BytesIO(Path(line).read_bytes())) as panel:
            assert panel.size == (728, 294)


def test_photos_by_a_real_network_match_the_published_geometry(
    cli: Cli, shared: Path, tmp_path: Path
) -> None:
    (tmp_path / "net.yaml").write_text(
        f"model:\n  source: {shared}/models/mobilenet_v1_0.25_224.keras\n"
        f"  preprocess: tf\n  labels: {shared}/models/imagenet_labels.txt\n"
    )
    arguments = ("attribute", shared / "photos", "-c", "net.yaml", "--limit", "3", "--steps", "10")
    result = cli(*arguments)
    assert result.code == 0, result.err
    for line in result.lines:
        ours = Image.open(line)
        published = Image.open(shared / "reference" / "panels" / Path(line).name)
        assert ours.size == published.size
        # The photo stands in the same place: only the two files' JPEG noise differs.
        photo = np.asarray(published.crop((2, 62, 222, 282)).convert("L"), np.float64)
        offsets = {
            (x, y): np.abs(
                np.asarray(ours.crop((2 + x, 62 + y, 222 + x, 282 + y)).convert("L")) - photo
            ).mean()
            for x in (-1, 0, 1)
            for y in (-1, 0, 1)
        }
        assert min(offsets, key=lambda offset: offsets[offset]) == (0, 0)
        assert offsets[0, 0] < 8


def test_progress_off_a_terminal_is_told_to_whoever_wants_detail(
    cli: Cli, images: Path, tiny_model: Path
) -> None:
    arguments = ("attribute", images, "--model", tiny_model, "--steps", "2")
    assert " images, " not in cli(*arguments).err
    told = [line for line in cli(*arguments, "-v").err.splitlines() if " images, " in line]
    count = len(told)
    assert told[-1].startswith(f"igcli: {count} of {count} images, ")


def test_a_name_as_long_as_file_systems_allow(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    name = "n" * 251 + ".png"
    write_image(tmp_path / name)
    arguments = ("attribute", name, "--model", tiny_model, "--steps", "2", "--arrays", "--gif")
    result = cli(*arguments)
    assert (result.code, len(result.lines)) == (0, 3), result.err
    assert all(Path(line).is_file() for line in result.lines)
    assert records(tmp_path / "igcli-output")[name]["status"] == "ok"
    assert "1 already done" in cli(*arguments).err


def test_what_nobody_said_of_a_models_images_is_told_once(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    base = ("attribute", images, "--steps", "2", "--limit", "2", "--on-existing", "overwrite")
    squashed = "no model.fit was given: images of another shape are cropped"
    for model, options, told in (
        (tiny_model, (), 1),
        (tiny_model, ("--model-fit", "crop"), 0),
        (tiny_model, ("--model-fit", "squash"), 0),
        (tiny_model, ("-q",), 0),
        ("demo", (), 0),
    ):
        result = cli(*base, "--model", model, *options)
        assert result.code == 0, result.err
        assert result.err.count(squashed) == told
    (tmp_path / "igcli.yaml").write_text("model: {fit: pad}\n")
    assert squashed not in cli(*base, "--model", tiny_model).err


def test_images_are_resampled_as_asked(
    cli: Cli, images: Path, tiny_model: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (48, 48, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.png")
    base = ("attribute", "large.png", "--model", tiny_model, "--steps", "2", "--arrays")
    filters = {
        "nearest": Image.Resampling.NEAREST,
        "bilinear": Image.Resampling.BILINEAR,
        "area": Image.Resampling.BOX,
    }
    for name, chosen in filters.items():
        result = cli(*base, "--model-resample", name, "--output", name)
        assert result.code == 0, result.err
        with np.load(tmp_path / name / "arrays" / "large.png.npz") as arrays:
            expected = Image.fromarray(pixels).resize((16, 16), chosen)
            np.testing.assert_array_equal(arrays["image"], np.asarray(expected))
