"""The command `igcli config`: write, show or check a YAML file of settings."""

import os
from pathlib import Path
from typing import Any

import click

from igcli.cli.completion import PathType
from igcli.cli.help_sections import SectionedCommand
from igcli.cli.setting_options import load_command_settings, setting_options
from igcli.cli.terminal import verbosity
from igcli.config.dump import template, to_yaml
from igcli.config.load import DEFAULT_FILE, load_settings
from igcli.config.problems import ConfigError
from igcli.errors import UsageError
from igcli.pipeline.resume.fingerprint import missing
from igcli.printable import printable


@click.group()
def config() -> None:
    """Write, show or check a YAML file of settings."""


@config.command()
@click.argument("file", type=PathType(), default=DEFAULT_FILE)
def init(file: str) -> None:
    """Write FILE with every setting and its default.

    FILE defaults to igcli.yaml in the current folder; - is standard output.
    """
    if file == "-":
        click.echo(template().encode(), nl=False)
        return
    try:
        with Path(file).open("x", encoding="utf-8") as stream:
            stream.write(template())
    except FileExistsError:
        raise UsageError(f"{file}: already exists: remove it or name another file") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from None
    click.echo(os.fsencode(file))


@config.command(cls=SectionedCommand)
@setting_options
@verbosity
def show(config_file: str | None, overrides: dict[str, Any], *, quiet: bool) -> None:
    """Print the resolved settings as YAML.

    The output is a valid settings file; its paths are absolute.
    """
    loaded = load_command_settings(config_file, overrides, quiet=quiet)
    click.echo(to_yaml(loaded.settings).encode(), nl=False)


@config.command()
@click.argument("file", type=PathType())
def check(file: str) -> None:
    """Check the settings in FILE.

    Prints one line if they are valid. Otherwise prints one line for every mistake, missing files
    included, and exits with code 2.
    """
    loaded = load_settings(file, {})
    lines = [loaded.in_file(key, f"no such file: {path}") for key, path in missing(loaded.settings)]
    if lines:
        raise ConfigError(lines)
    click.echo(f"{printable(file)}: valid")
