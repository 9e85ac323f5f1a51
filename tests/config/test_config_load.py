"""Precedence, relative paths, shorthands, and what is known of where settings come from."""

import os
from pathlib import Path

import pytest

from igcli.config.load import LoadedSettings, load_settings
from igcli.config.problems import ConfigError
from igcli.config.schema import Gif, Settings
from igcli.config.yaml_source import Document
from igcli.models.options import ModelOptions, Normalization

pytestmark = pytest.mark.usefixtures("empty_folder")


def test_the_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    content = "output: ~/out\nmodel: {source: ~/net.keras}\nbaseline: ./~\n"
    settings = load(content, "conf/a.yaml").settings
    assert settings.output == "/home/me/out"
    assert settings.model.source == "/home/me/net.keras"
    assert settings.baseline.kind == "conf/./~"
    assert load_settings(None, {"output": "~/there"}).settings.output == "/home/me/there"
    assert load_settings(None, {"output": "~"}).settings.output == "/home/me"


def load(content: str, file: str = "igcli.yaml", **overrides: object) -> LoadedSettings:
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(content, encoding="utf-8")
    return load_settings(file, {key.replace("__", "."): value for key, value in overrides.items()})


def test_the_defaults_are_the_published_ones() -> None:
    loaded = load_settings(None, {})
    assert loaded == LoadedSettings(Settings(), Document(""), is_found=False, chosen=frozenset())
    settings = loaded.settings
    assert settings.model.source == "demo"
    assert settings.steps == 50
    assert (settings.method, settings.batch_size) == ("integrated_gradients", "auto")
    assert (settings.device, settings.output) == ("auto", "igcli-output")
    assert (settings.panel.style, settings.panel.polarity) == ("overlay", "positive")
    assert (settings.panel.format, settings.panel.quality) == ("jpg", 95)
    assert (settings.gif, settings.arrays) == (None, False)


def test_an_option_beats_the_file_which_beats_the_default() -> None:
    loaded = load("steps: 20\nbatch_size: 4\npanel: {quality: 50}\n", steps=30, panel__format="png")
    assert loaded.settings.steps == 30
    assert loaded.settings.batch_size == 4
    assert loaded.settings.panel.quality == 50
    assert loaded.settings.panel.format == "png"
    assert loaded.settings.panel.style == "overlay"
    assert loaded.chosen == {"steps", "batch_size", "panel.quality", "panel.format"}


@pytest.mark.parametrize(
    ("written", "device"),
    [
        ("[gpu:0, gpu:2]", "gpu:0,gpu:2"),
        ("\n  - gpu:0\n  - gpu:2", "gpu:0,gpu:2"),
        ("['gpu:0,2']", "gpu:0,2"),
        ("[cpu]", "cpu"),
        ("[all]", "all"),
    ],
)
def test_devices_may_be_a_list(written: str, device: str) -> None:
    assert load(f"device: {written}\n").settings.device == device


@pytest.mark.parametrize(
    ("message", "located"),
    [
        ("model: no such file: a", "--model: no such file: a"),
        ("model.labels: no such file: b", "igcli.yaml:1:17: model.labels: no such file: b"),
        ("steps: auto: no", "--steps: auto: no"),
        ("gif: no gradients", "igcli.yaml:2:6: gif: no gradients"),
        ("baseline: no such file: c", "igcli.yaml:3:11: baseline: no such file: c"),
        ("device: gpu:7 is missing", None),
        ("panel: any", None),
        ("no key at all", None),
        ("model", None),
    ],
)
def test_an_error_about_a_setting_names_the_option_or_the_place_in_the_file(
    message: str, located: str | None
) -> None:
    content = "model: {labels: b}\ngif: true\nbaseline: c\nsteps: 3\n"
    loaded = load(content, model="a", steps="auto", panel__style="overlay")
    assert loaded.locate(message) == located


def test_an_error_about_a_default_names_the_option_where_there_is_no_file() -> None:
    loaded = load_settings(None, {"method": "expected_gradients"})
    message = "expected_gradients.folder: missing"
    assert loaded.locate(message) == "--expected-gradients-folder: missing"
    assert loaded.locate("panel: any") is None


def test_the_file_of_the_folder_is_found_unless_one_is_named() -> None:
    Path("igcli.yaml").write_text("steps: 7\n", encoding="utf-8")
    implicit = load_settings(None, {})
    assert (implicit.settings.steps, implicit.file, implicit.is_found) == (7, "igcli.yaml", True)
    named = load("steps: 8\n", file="other.yaml")
    assert (named.settings.steps, named.file, named.is_found) == (8, "other.yaml", False)
    assert load_settings(os.devnull, {}).settings == Settings()
    with pytest.raises(ConfigError):
        load_settings("", {})


@pytest.mark.parametrize("content", ["model: net.keras", "model:\n  source: net.keras"])
def test_a_plain_string_is_the_model_s_source(content: str) -> None:
    loaded = load(content)
    assert loaded.settings.model == ModelOptions(source="net.keras")
    assert loaded.chosen == {"model.source"}


def test_the_model_option_replaces_the_source_and_keeps_the_rest() -> None:
    content = "model: {source: a.keras, preprocess: tf, fit: pad}"
    assert load(content, model="b.keras").settings.model == ModelOptions(
        source="b.keras", preprocess="tf", fit="pad"
    )
    assert load("model: a.keras", model__preprocess="tf").settings.model == ModelOptions(
        source="a.keras", preprocess="tf"
    )
    assert load(content, model__source="b.keras").settings.model.source == "b.keras"


def test_whether_the_model_was_chosen() -> None:
    assert "model.source" not in load("model: {fit: pad}").chosen
    assert "model.source" not in load("steps: 3", model__fit="pad").chosen
    assert "model.source" in load("model: demo").chosen
    assert "model.source" in load("steps: 3", model="demo").chosen


@pytest.mark.parametrize("preprocess", ["tf", "{mean: 5, std: 3.0}", "none"])
def test_parts_of_a_mapping_take_the_place_of_a_name(preprocess: str) -> None:
    model = load(f"model: {{preprocess: {preprocess}}}", model__preprocess__mean=2.0).settings.model
    assert model.preprocess == Normalization(mean=2.0, std=3.0 if "std" in preprocess else 1.0)


def test_a_name_takes_the_place_of_a_mapping() -> None:
    model = load("model: {preprocess: {mean: 5.0}}", model__preprocess="tf").settings.model
    assert model.preprocess == "tf"


@pytest.mark.parametrize(
    ("content", "overrides", "gif"),
    [
        ("gif: false", {}, None),
        ("gif: true", {}, Gif()),
        ("gif: {}", {}, Gif()),
        ("gif: {loop: 3}", {}, Gif(loop=3)),
        ("gif: {loop: 3}", {"gif": True}, Gif(loop=3)),
        ("gif: {loop: 3}", {"gif": False}, None),
        ("gif: false", {"gif": True}, Gif()),
        ("gif: false", {"gif.loop": 2}, Gif(loop=2)),
        ("gif: true", {"gif.loop": 2}, Gif(loop=2)),
        ("gif: {loop: 3}", {"gif.frame_ms": 70}, Gif(loop=3, frame_ms=70)),
        ("steps: 5", {"gif": True, "gif.loop": 2}, Gif(loop=2)),
    ],
)
def test_switches(content: str, overrides: dict[str, object], gif: Gif | None) -> None:
    Path("x.yaml").write_text(content, encoding="utf-8")
    assert load_settings("x.yaml", overrides).settings.gif == gif


def test_paths_of_a_file_are_relative_to_it() -> None:
    content = "model: {source: ../net.keras, labels: labels.txt}\noutput: out\n"
    settings = load(content, file="configs/a.yaml").settings
    assert settings.model.source == "configs/../net.keras"
    assert settings.model.labels == "configs/labels.txt"
    assert settings.output == "configs/out"


def test_absolute_paths_and_names_stay() -> None:
    settings = load("model: demo\noutput: /data/out\n", file="configs/a.yaml").settings
    assert (settings.model.source, settings.output) == ("demo", "/data/out")


def test_a_path_may_look_like_a_name() -> None:
    assert load("model: ./demo").settings.model.source == "./demo"


def test_paths_of_options_and_defaults_are_relative_to_the_current_folder() -> None:
    settings = load("steps: 5\n", file="configs/a.yaml", model="net.keras").settings
    assert (settings.model.source, settings.output) == ("net.keras", "igcli-output")
