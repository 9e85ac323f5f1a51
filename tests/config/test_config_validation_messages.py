"""Mistakes in a configuration: each with its exact place, all in one go."""

from pathlib import Path

import pytest
from pydantic import Field, ValidationError, model_validator

from igcli.config import load
from igcli.config.keys import keys_of
from igcli.config.load import load_settings
from igcli.config.problems import ConfigError
from igcli.config.schema import Settings
from igcli.config.validation_messages import explained
from igcli.options import Options

pytestmark = pytest.mark.usefixtures("empty_folder")


def mistakes(content: str, **overrides: object) -> list[str]:
    Path("igcli.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(
            "igcli.yaml", {key.replace("__", "."): value for key, value in overrides.items()}
        )
    assert str(caught.value) == "\n".join(caught.value.lines)
    return [line.removeprefix("igcli.yaml:") for line in caught.value.lines]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("steps: 0", "1:8: steps: must be an integer of at least 1 or auto"),
        ("steps: -5", "1:8: steps: must be an integer of at least 1 or auto"),
        ("batch_size: true", "1:13: batch_size: must be an integer"),
        (
            "device: gpu:x",
            "1:9: device: must be auto, all, cpu, gpu or numbers as in gpu:0,2, not 'gpu:x'",
        ),
        ("device: gpu:0,2,0", "1:9: device: names gpu:0 twice"),
        (
            "device: [gpu:0, cpu:1]",
            "1:9: device: must be auto, all, cpu, gpu or numbers as in gpu:0,2, not 'gpu:0,cpu:1'",
        ),
        ("device: [gpu:0, gpu:2, gpu:0]", "1:9: device: names gpu:0 twice"),
        (
            "device: 'gpu:1\n\n'",
            "1:9: device: must be auto, all, cpu, gpu or numbers as in gpu:0,2, not 'gpu:1\\n'",
        ),
        (
            "method: integrated_gradient",
            "1:9: method: unknown name 'integrated_gradient'; did you mean integrated_gradients? "
            "(expected blur_integrated_gradients, ",
        ),
        ("explain: prob", "1:10: explain: unknown name 'prob'; did you mean probability? ("),
        ("explain: nix", "1:10: explain: must be probability or logit, not 'nix'"),
        ("output: 2024", "1:9: output: must be text, not 2024; quote it if it is text"),
        ("output: ''", "1:9: output: must not be empty"),
        ("arrays: 'true'", "1:9: arrays: must be true or false, not 'true'; write true"),
        ("arrays: 1", "1:9: arrays: must be true or false, not 1"),
        ("gif: maybe", "1:6: gif: must be true, false or a mapping, not 'maybe'; its keys are"),
        ("gif: 1", "1:6: gif: must be true, false or a mapping, not 1; its keys are"),
        ("panel: 5", "1:8: panel: must be a mapping, not 5; its keys are preset, "),
        ("panel: [1]", "1:8: panel: must be a mapping, not [1]; its keys are preset, "),
        ("panel: true", "1:8: panel: must be a mapping, not true; its keys are preset, "),
        ("model: 5", "1:8: model: must be text or a mapping, not 5; its keys are source, "),
        ("model: ''", "1:8: model.source: must not be empty"),
        ('output: "a\\0b"', "1:9: output: has a character that file names cannot have"),
        ('output: "a\\uD800b"', "1:9: output: has a character that file names cannot have"),
        ("model:\n  source: 3", "2:11: model.source: must be text, not 3; quote it"),
        ("model: {size: [224, 0]}", "1:21: model.size[1]: must be greater than"),
        ("model: {size: [224]}", "1:15: model.size: must be a list of 2 (each an integer"),
        ("model: {size: 224}", "1:15: model.size: must be a list of 2 (each an integer"),
        ("model: {preprocess: {std: 0}}", "1:27: model.preprocess.std: must be "),
        ("model: {preprocess: {std: .inf}}", "1:27: model.preprocess.std: must be a number"),
        ("model: {preprocess: {mean: .nan}}", "1:28: model.preprocess.mean: must be a number"),
        (
            "model: {preprocess: {sdt: 1.0}}",
            "1:22: model.preprocess.sdt: unknown key; did you mean std?",
        ),
        ("model: {preprocess: fft}", "1:21: model.preprocess: must be tf, torch"),
        (
            "model: {preprocess: cafe}",
            "1:21: model.preprocess: unknown name 'cafe'; did you mean caffe? (expected tf, torch, "
            "caffe, unit, none or {mean: 117.0, std: 1.0})",
        ),
        (
            "panel:\n  columns: [image, lable]",
            "2:20: panel.columns[1]: unknown name 'lable'; did you mean label? (",
        ),
        ("panel:\n  columns: []", "2:12: panel.columns: must be a list"),
        ("panel:\n  columns: image", "2:12: panel.columns: must be a list"),
        (
            "panel: {quality: 101}",
            "1:18: panel.quality: must be less than or equal to 100, not 101",
        ),
        ("bach_size: 5", "1:1: bach_size: unknown key; did you mean batch_size?"),
        ("batch-size: 5", "1:1: batch-size: unknown key; did you mean batch_size?"),
        ("panel: {qualty: 5}", "1:9: panel.qualty: unknown key; did you mean quality?"),
        ("quality: 5", "1:1: quality: unknown key; did you mean panel.quality?"),
        (
            "deletion: {steps: 5}",
            "1:1: deletion: unknown key; what is evaluated is set by options alone: see igcli "
            "evaluate -h",
        ),
        ("metrics: [road]", "1:1: metrics: unknown key; what is evaluated is set by options"),
        ("zzz: 5", "1:1: zzz: unknown key; known are model, baseline, steps, "),
    ],
    ids=lambda value: value[:24],
)
def test_the_place_of_each_kind(content: str, line: str) -> None:
    (problem,) = mistakes(content)
    assert problem.startswith(line)


@pytest.mark.parametrize("written", ["true", "'50'", "1e3", "50.0", "[50]", "{a: 1}", "abc"])
def test_types_are_strict(written: str) -> None:
    (problem,) = mistakes(f"steps: {written}")
    assert problem.startswith("1:8: steps: must be an integer")


@pytest.mark.parametrize(("written", "meant"), [("'50'", "50"), ("1e3", "1000"), ("' 5'", None)])
def test_a_number_that_is_text_is_shown_as_a_number(written: str, meant: str | None) -> None:
    (problem,) = mistakes(f"steps: {written}")
    assert problem.endswith(f"; write {meant}") if meant else "; write" not in problem


@pytest.mark.parametrize("written", ["0", "[0, 1]", "true", "[]"])
def test_only_a_text_of_any_kind_is_advised_to_be_quoted(written: str) -> None:
    (problem,) = mistakes(f"device: {written}")
    start = "1:9: device: must be auto, all, cpu, gpu or numbers as in gpu:0,2, not "
    assert problem.startswith(start)
    assert "quote" not in problem


def test_the_nearest_value_is_named() -> None:
    (problem,) = mistakes("panel: {style: overlya}")
    assert ": unknown name 'overlya'; did you mean overlay? (expected auto, " in problem


def test_all_mistakes_come_in_one_go_and_in_order() -> None:
    content = "steps: 0\nbaseline: #808080\nsteps: 5\npanel:\n  quality: x\n  nix: 1\narrays: yse\n"
    starts = ["1:8: steps", "2:10: baseline", "3:1: steps", "5:12: panel.quality", "6:3: panel.nix"]
    problems = mistakes(content, device="tpu")
    assert [line.split(": ")[:2] for line in problems[:5]] == [
        start.split(": ") for start in starts
    ]
    assert problems[5].startswith("7:9: arrays: ")
    assert (
        problems[6] == "--device: must be auto, all, cpu, gpu or numbers as in gpu:0,2, not 'tpu'"
    )
    assert len(problems) == 7


@pytest.mark.parametrize(
    ("overrides", "start"),
    [
        ({"batch_size": 0}, "--batch-size: must be"),
        ({"steps": "x"}, "--steps: must be an integer"),
        ({"model": ""}, "--model: must not be empty"),
        ({"model.size": (1, "x")}, "--model-size: must be an integer"),
        ({"panel.columns": ("image", "nix")}, "--panel-columns: must be image, label"),
        ({"gif.frame_ms": "x"}, "--gif-frame-ms: must be an integer"),
        ({"gif": False, "gif.style": "overlay"}, "--gif-style: cannot be used with --no-gif"),
        (
            {"model.preprocess": "tf", "model.preprocess.std": 2.0},
            "--model-preprocess-std: cannot be used with --model-preprocess tf",
        ),
    ],
)
def test_mistakes_in_options_name_the_option(overrides: dict[str, object], start: str) -> None:
    Path("igcli.yaml").write_text("steps: 7\npanel: {quality: 5}\ngif: true\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(None, overrides)
    (line,) = caught.value.lines
    assert line.startswith(start)


def test_an_option_does_not_hide_mistakes_of_its_group_in_the_file() -> None:
    assert mistakes("panel: 5\n", panel__style="overlay")[0].startswith("1:8: panel: must be")
    assert mistakes("gif: {loop: x}\n", gif=True)[0].startswith("1:13: gif.loop: must be")


def test_an_option_replaces_a_mistaken_value() -> None:
    Path("igcli.yaml").write_text("steps: x\n", encoding="utf-8")
    assert load_settings(None, {"steps": 7}).settings.steps == 7


def test_ten_thousand_unknown_keys_are_answered() -> None:
    assert len(mistakes("".join(f"k{number}: {{}}\n" for number in range(4_000)))) == 4_000


class Part(Options):
    needed: int
    """One."""
    low: float = Field(default=1.0, gt=0, lt=1)
    """Two."""


class Whole(Options):
    part: Part
    """All."""


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate({"part": {"low": "x"}})
    problems = explained(caught.value.errors(), keys_of(Whole))
    assert [problem.at("f") for problem in problems] == [
        "f: part.needed: is missing: add it",
        "f: part.low: must be a number greater than 0 and less than 1, not 'x'",
    ]


class Pair(Options):
    low: int = 1
    """One."""
    high: int = 2
    """Two."""

    @model_validator(mode="after")
    def _in_order(self) -> "Pair":
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


class WithPair(Settings):
    pair: Pair = Pair()
    """Both."""


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ({}, "igcli.yaml:1:7: pair: low must not be above high"),
        ({"steps": 5}, "igcli.yaml:1:7: pair: low must not be above high"),
        ({"pair.high": 4}, "--pair-high: low must not be above high"),
        ({"pair.low": 9, "pair.high": 8}, "--pair-low, --pair-high: low must not be above high"),
    ],
)
def test_values_that_do_not_go_together(
    monkeypatch: pytest.MonkeyPatch, overrides: dict[str, object], line: str
) -> None:
    monkeypatch.setattr(load, "Settings", WithPair)
    monkeypatch.setattr(load, "KEYS", keys_of(WithPair))
    Path("igcli.yaml").write_text("pair: {low: 6}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings("igcli.yaml", overrides)
    assert caught.value.lines == (line,)
    assert load_settings("igcli.yaml", {"pair.high": 7}).settings.steps == 50
