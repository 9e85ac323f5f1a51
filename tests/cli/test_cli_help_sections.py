"""Help in sections: every option once, the everyday ones first, each with one sentence."""

import re

import click
import pytest
from click.testing import CliRunner

from igcli.cli.attribute.command import attribute, gif
from igcli.cli.config import show
from igcli.cli.evaluate import evaluate
from igcli.cli.help_sections import SECTIONS, section_of
from igcli.cli.models import check
from igcli.cli.sanity import sanity

COMMANDS = {
    "attribute": attribute,
    "evaluate": evaluate,
    "gif": gif,
    "config show": show,
    "models check": check,
    "sanity": sanity,
}


def options(command: click.Command) -> list[click.Option]:
    context = click.Context(command)
    return [param for param in command.get_params(context) if isinstance(param, click.Option)]


def help_of(command: click.Command) -> str:
    return CliRunner().invoke(command, ["--help"], terminal_width=200).stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_listed_once(name: str) -> None:
    lines = help_of(COMMANDS[name]).splitlines()
    listed = [line.split("  ")[1] for line in lines if re.match(r"  -", line)]
    names = [re.findall(r"--[a-z][a-z-]*", line)[0] for line in listed]
    expected = [
        next(opt for opt in option.opts if opt.startswith("--"))
        for option in options(COMMANDS[name])
        if not option.hidden
    ]
    assert sorted(names) == sorted(expected)


def test_the_everyday_options_come_first_in_their_order() -> None:
    text = help_of(attribute)
    titles = re.findall(r"^(\w+):$", text, re.MULTILINE)
    assert titles == [title for title in SECTIONS if title != "Evaluation"]
    assert "Evaluation:" in help_of(sanity)
    assert "Evaluation:" in help_of(evaluate)
    first = text.split("Everyday:")[1].split("Input:")[0]
    names = re.findall(r"^  (?:-[a-z], )?(--[a-z-]+)", first, re.MULTILINE)
    assert tuple(names) == SECTIONS["Everyday"]


def test_no_pattern_is_left_over() -> None:
    used = {section_of(option) for command in (evaluate, sanity) for option in options(command)}
    unused = {
        pattern
        for title, patterns in SECTIONS.items()
        for pattern in patterns
        if (title, pattern) not in used
    }
    # Some methods and metrics have no options.
    assert unused <= {*SECTIONS["Methods"], *SECTIONS["Evaluation"]}
    assert not unused & {"--methods", "--metrics", "--masks", "--controls", "--min", "--max"}


@pytest.mark.parametrize("option", options(evaluate), ids=lambda option: option.name)
def test_the_help_of_an_option_is_one_sentence(option: click.Option) -> None:
    sentence = re.sub(r"  \[.*\]$", "", option.help or "")
    assert re.match(r"[A-Z]", sentence)
    assert sentence.endswith(".")
    assert not re.search(r"\. [A-Z]", sentence)
