"""The command `igcli config`, and the options made of the settings."""

import ast
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from igcli.cli.config import config, show
from igcli.cli.setting_options import setting_options
from igcli.config.dump import template
from igcli.config.keys import Key, walk
from igcli.config.problems import ConfigError
from igcli.config.schema import KEYS
from igcli.errors import UsageError

LEAVES = {key.name: key for key in walk(KEYS) if key.scalars or key.is_switch}


pytestmark = pytest.mark.usefixtures("empty_folder")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(config, arguments, catch_exceptions=False)


def shown(*arguments: str) -> dict[str, object]:
    result = invoke("show", *arguments)
    assert result.exit_code == 0
    values: dict[str, object] = yaml.safe_load(result.stdout)
    return values


def value_at(values: object, key: Key) -> object:
    for part in key.path:
        assert isinstance(values, dict)
        values = values[part]
    return values


def test_init_writes_every_setting() -> None:
    result = invoke("init")
    assert result.stdout == "igcli.yaml\n"
    assert Path("igcli.yaml").read_text(encoding="utf-8") == template()
    assert invoke("check", "igcli.yaml").stdout == "igcli.yaml: valid\n"


def test_init_to_standard_output_and_to_a_named_file() -> None:
    assert invoke("init", "-").stdout == template()
    assert invoke("init", "my settings.yaml").stdout == "my settings.yaml\n"
    assert [path.name for path in Path().iterdir()] == ["my settings.yaml"]


def test_init_never_overwrites() -> None:
    Path("igcli.yaml").write_text("mine")
    with pytest.raises(UsageError, match=r"igcli\.yaml: already exists"):
        invoke("init")
    assert Path("igcli.yaml").read_text() == "mine"
    with pytest.raises(UsageError, match=r"no/a\.yaml: cannot be written: No such file"):
        invoke("init", "no/a.yaml")


def test_check_tells_every_mistake() -> None:
    Path("a.yaml").write_text("steps: 0\nnix: 1\n")
    with pytest.raises(ConfigError) as caught:
        invoke("check", "a.yaml")
    assert [line.split(": ")[0] for line in caught.value.lines] == ["a.yaml:1:8", "a.yaml:2:1"]
    assert caught.value.exit_code == 2


def test_check_names_the_files_that_are_missing() -> None:
    Path("here.txt").write_text("a\n")
    Path("a.yaml").write_text(
        "model: gone.keras\nbaseline: black\ntargets: here.txt\noutput: to-come\n"
        "expected_gradients: {folder: none}\n"
    )
    with pytest.raises(ConfigError) as caught:
        invoke("check", "a.yaml")
    assert caught.value.lines == (
        "a.yaml:1:8: model.source: no such file: gone.keras",
        "a.yaml:5:30: expected_gradients.folder: no such file: none",
    )
    Path("gone.keras").touch()
    Path("none").mkdir()
    assert invoke("check", "a.yaml").stdout == "a.yaml: valid\n"


def test_show_is_the_resolved_configuration() -> None:
    Path("conf").mkdir()
    Path("conf/a.yaml").write_text("model: net.keras\nsteps: 20\noutput: out\n")
    values = shown("-c", "conf/a.yaml", "--steps", "30", "--gif-frame-ms", "70")
    here = Path.cwd()
    assert value_at(values, LEAVES["model.source"]) == f"{here}/conf/net.keras"
    assert values["output"] == f"{here}/conf/out"
    assert values["steps"] == 30
    assert value_at(values, LEAVES["gif.frame_ms"]) == 70


def test_show_can_be_fed_back() -> None:
    first = invoke("show", "--model", "a.keras", "--gif", "--panel-columns", "label,image")
    Path("again.yaml").write_bytes(first.stdout_bytes)
    assert invoke("show", "--config", "again.yaml").stdout == first.stdout


def test_a_file_that_is_found_is_said_unless_quiet() -> None:
    Path("igcli.yaml").write_text("steps: 7\n")
    assert invoke("show").stderr == "igcli: using the settings in igcli.yaml\n"
    assert invoke("show", "-q").stderr == ""
    assert invoke("show", "-c", "igcli.yaml").stderr == ""


def test_every_key_is_an_option_with_its_help() -> None:
    text = " ".join(CliRunner().invoke(show, ["--help"], terminal_width=200).stdout.split())
    for key in LEAVES.values():
        assert f"--{'-'.join(key.path).replace('_', '-')} " in text.replace(", ", " ")
        assert key.help in text
    assert "--model, --model-source PATH Network to explain" in text
    assert "--batch-size INTEGER|auto" in text
    assert "--gif / --no-gif" in text
    assert "[default: 50]" in text


@click.command()
@setting_options
def overriding(config_file: str | None, overrides: dict[str, object]) -> None:
    click.echo(repr((config_file, overrides)))


def given(*arguments: str) -> tuple[str | None, dict[str, object]]:
    parsed: tuple[str | None, dict[str, object]] = ast.literal_eval(
        CliRunner().invoke(overriding, arguments, catch_exceptions=False).stdout
    )
    return parsed


def test_only_what_is_given_overrides() -> None:
    assert given() == (None, {})
    assert given("-c", "a.yaml", "--steps", "5") == ("a.yaml", {"steps": 5})


@pytest.mark.parametrize("key", LEAVES.values(), ids=LEAVES)
def test_every_key_can_be_set_by_its_options(key: Key) -> None:
    value = key.examples[0] if key.default is None and key.examples else key.default
    for flag in key.flags:
        if key.is_switch or isinstance(value, bool):
            assert given(flag)[1] == {key.name: True}
            assert given(flag.replace("--", "--no-", 1))[1] == {key.name: False}
        elif isinstance(value, list | tuple):
            assert given(flag, ",".join(map(str, value)))[1] == {key.name: tuple(value)}
        elif isinstance(value, dict):
            pairs = ",".join(f"{name}={part}" for name, part in value.items())
            assert given(flag, pairs)[1] == {key.name: value}
        else:
            assert given(flag, str(value))[1] == {key.name: value}


def test_feeds_are_names_and_numbers_or_flags() -> None:
    given = ("--model", "a.pb", "--model-feeds", "keep_prob=0.5, phase_train=false")
    feeds = value_at(shown(*given), LEAVES["model.feeds"])
    assert feeds == {"keep_prob": 0.5, "phase_train": False}
    for wrong in ("keep_prob", "keep_prob=much", "keep_prob:1.0", "=1"):
        with pytest.raises(ConfigError, match=r"^--model-feeds: must be a mapping such as"):
            invoke("show", "--model-feeds", wrong)


def test_output_has_a_short_form() -> None:
    assert shown("-o", "there")["output"] == f"{Path.cwd()}/there"


def test_the_last_of_two_equal_options_counts() -> None:
    assert shown("--steps", "3", "--steps", "4")["steps"] == 4


def test_a_value_may_begin_with_a_dash() -> None:
    with pytest.raises(ConfigError, match=r"^--steps: must be an .* or auto, not -3$"):
        invoke("show", "--steps", "-3")


def test_mistakes_in_options_come_in_one_go() -> None:
    with pytest.raises(ConfigError) as caught:
        invoke("show", "--steps", "x", "--batch-size", "0", "--panel-style", "windowin")
    starts = ["--steps: must be", "--batch-size: must be", "--panel-style: unknown name"]
    assert [
        line[: len(start)] for line, start in zip(caught.value.lines, starts, strict=True)
    ] == starts
    assert caught.value.lines[2].startswith(
        "--panel-style: unknown name 'windowin'; did you mean windowing? (expected auto, "
    )
