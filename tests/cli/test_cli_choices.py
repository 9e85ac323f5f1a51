"""Misspelt names: whatever option they are given to, the nearest name comes first, in one line."""

import click
import pytest
from click.testing import CliRunner

from igcli.cli.attribute.command import attribute
from igcli.cli.completion import Choice, Names
from igcli.cli.evaluate import evaluate
from igcli.cli.models import check
from igcli.cli.sanity import sanity
from igcli.errors import UsageError

COMMANDS = {
    "attribute": (attribute, ["x.png"]),
    "evaluate": (evaluate, ["x.png"]),
    "models check": (check, ["demo", "x.png"]),
    "sanity": (sanity, ["demo", "x.png"]),
}


def choices(option: click.Parameter) -> tuple[str, ...]:
    """Return the names that the shell completes for an option."""
    if not isinstance(option.type, Choice | Names):
        return ()
    items = option.type.shell_complete(click.Context(attribute), option, "")
    return tuple(item.value for item in items if item.type == "plain")


OPTIONS = [
    pytest.param(command, option, id=f"{name} {option.opts[-1]}")
    for name, (command, _) in COMMANDS.items()
    for option in command.params
    if choices(option)
]


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_the_nearest_name_comes_first(command: click.Command, option: click.Option) -> None:
    [arguments] = [own for other, own in COMMANDS.values() if other is command]
    longest = max(choices(option), key=len)
    flag, written = option.opts[-1], longest[:-1]
    assert written not in choices(option)
    result = CliRunner().invoke(command, [*arguments, flag, written])
    assert isinstance(result.exception, UsageError)
    message = str(result.exception)
    name = option.opts[0] if option.opts[0].startswith("--") else flag
    assert message.startswith(f"{name}: unknown name '{written}'; did you mean {longest}? (")
    assert "\n" not in message


def test_many_options_have_choices() -> None:
    assert len(OPTIONS) > 40
