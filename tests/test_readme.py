"""The README says what is true: its commands, keys and options are the project's."""

import re
from pathlib import Path

import pytest
import yaml

from igcli.cli.main import COMMANDS, LazyGroup, igcli
from igcli.config.keys import Key, walk
from igcli.config.load import load_settings
from igcli.config.schema import KEYS

README = (Path(__file__).parents[1] / "README.md").read_text()
[REFERENCE] = re.findall(r"^```yaml\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
LEAVES = [key for key in walk(KEYS) if key.default is not None and not key.children]
# Keys that the animation shares with the panel are explained there.
SHARED = {f"gif.{key.path[-1]}" for key in walk(KEYS) if key.path[0] == "panel"}


@pytest.mark.parametrize("ending", [r"pip install \. && .*", r"pip install '\.\[test\]' && .*"])
def test_the_two_commands_stand_alone(ending: str) -> None:
    assert re.search(rf"^python3 -m venv \.venv && \.venv/bin/{ending}$", README, re.MULTILINE)


def test_every_key_stands_in_the_reference() -> None:
    # Keys that do not go together with the others stand there commented out.
    values = yaml.safe_load(re.sub(r"^( *)# (\w+:)", r"\1\2", REFERENCE, flags=re.MULTILINE))
    missing = []
    for key in walk(KEYS):
        value = values
        for part in key.path:
            value = value.get(part, ...) if isinstance(value, dict) else ...
        if value is ... and key.name not in SHARED and not key.name.startswith("model.preprocess."):
            missing.append(key.name)
    assert not missing


def test_the_reference_is_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "reference.yaml"
    path.write_text(REFERENCE)
    load_settings(str(path), {})


@pytest.mark.parametrize("key", LEAVES)
def test_defaults_are_those_of_the_reference(key: Key) -> None:
    path, default = key.path, key.default
    value = yaml.safe_load(REFERENCE)
    for part in path:
        value = value.get(part, ...) if isinstance(value, dict) else ...
    examples = {"baseline.kind", "baseline.samples", "panel.columns"}
    if value is ... or ".".join(path) in examples:
        return
    assert value == (list(default) if isinstance(default, tuple) else default)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_its_own_options_are_named(name: str) -> None:
    assert isinstance(igcli, LazyGroup)
    assert re.search(rf"`?igcli {name}\b", README)


@pytest.mark.parametrize("command", ["attribute", "gallery", "compare", "status", "merge"])
def test_every_option_that_is_no_setting_is_named(command: str) -> None:
    found = igcli.get_command(None, command)  # type: ignore[arg-type]
    assert found is not None
    options = [
        max(param.opts, key=len)
        for param in found.params
        if param.param_type_name == "option" and not (param.name or "").startswith("setting__")
    ]
    known = {"--help", "--quiet", "--verbose", "--null", "--config"}
    assert [option for option in options if option not in README and option not in known] == []
