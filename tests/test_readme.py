"""The README and the guides say what is true of commands, keys and options."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from igcli.cli.main import COMMANDS, LazyGroup, igcli
from igcli.config.keys import walk
from igcli.config.load import load_settings
from igcli.config.schema import KEYS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = README + "".join(path.read_text() for path in (ROOT / ".github").rglob("*.md"))
[EVERYDAY] = re.findall(r"^```yaml\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("ending", [r"pip install \. && .*", r"pip install '\.\[test\]' && .*"])
def test_the_two_commands_stand_alone(ending: str) -> None:
    assert re.search(rf"^python3 -m venv \.venv && \.venv/bin/{ending}$", README, re.MULTILINE)


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 190


def test_the_everyday_configuration_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "everyday.yaml"
    path.write_text(EVERYDAY)
    load_settings(str(path), {})


def test_the_everyday_configuration_shows_defaults() -> None:
    # The model is the reader's own: its keys have no defaults that would be of use there.
    shown = dict(_leaves(yaml.safe_load(EVERYDAY)))
    defaults = {key.name: key.default for key in walk(KEYS)}
    defaults |= {"baseline": defaults["baseline.kind"], "gif": False}
    own = {name for name in shown if name.startswith("model.")}
    assert {name: value for name, value in shown.items() if name not in own} == {
        name: list(default) if isinstance(default, tuple) else default
        for name, default in defaults.items()
        if name in shown.keys() - own
    }
    assert len(shown) >= 12


def _leaves(values: dict[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_named(name: str) -> None:
    assert re.search(rf"\bigcli {name}\b", README)


def _options(name: str) -> list[click.Option]:
    """Return the options of a command and its subcommands, without those that are settings."""
    assert isinstance(igcli, LazyGroup)
    command = igcli.get_command(click.Context(igcli), name)
    assert command is not None
    commands = command.commands.values() if isinstance(command, click.Group) else [command]
    return [
        option
        for command in commands
        for option in command.params
        if isinstance(option, click.Option) and not str(option.name).startswith("setting__")
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_is_no_setting_is_named(name: str) -> None:
    """An option that `attribute` shares may be named anywhere, any other beside its command."""
    shared = {option.name for option in _options("attribute")}
    passages = re.split(r"\n\n|\n(?=[-|] )", DOCUMENTS)
    missing = set()
    for option in _options(name):
        spelling = rf"[`\s(](?:{'|'.join(option.opts)})[`\s=),:;]"
        texts = [passage for passage in passages if re.search(spelling, passage)]
        if option.name not in shared:
            texts = [text for text in texts if re.search(rf"\bigcli {name}\b", text)]
        if not texts:
            missing.add(max(option.opts, key=len))
    assert missing - {"--help"} == set()


def test_every_option_that_is_named_is_there() -> None:
    assert isinstance(igcli, LazyGroup)
    context = click.Context(igcli)
    commands = [igcli.get_command(context, name) for name in COMMANDS]
    known = {
        name
        for command in commands
        for inner in (command.commands.values() if isinstance(command, click.Group) else [command])
        if inner is not None
        for option in inner.params
        for name in (*option.opts, *option.secondary_opts)
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", DOCUMENTS))
    # `--others` is an option of a benchmark, `--slow-pages` of pytest here; Click adds `--help`.
    assert named - known == {"--help", "--others", "--slow-pages"}
