"""Command-line options made of the settings: one for every key, with the same name."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import click

from igcli.cli.completion import Names, PathType
from igcli.cli.terminal import NOTICE, say
from igcli.config.keys import Key, convert, walk
from igcli.config.load import DEFAULT_FILE, LoadedSettings, load_settings
from igcli.config.schema import KEYS
from igcli.config.validation_messages import metavar

Command = Callable[..., Any]

SHORT = {"output": ("-o",)}
"""Short forms of options, by the names of their keys."""


def setting_options(command: Command) -> Command:
    """Give a command `-c` and an option for every key.

    The command is called with `config_file`, the YAML file or None, and `overrides`, the values of
    the options that were given by the name of their keys: both for `settings_of`.
    """
    keys = {_parameter(key): key for key in walk(KEYS)}

    @functools.wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        given = {name: options.pop(name, None) for name in keys}
        overrides = {
            keys[name].name: convert(value, keys[name].scalars) if isinstance(value, str) else value
            for name, value in given.items()
            if value is not None
        }
        return command(*arguments, overrides=overrides, **options)

    for option in reversed((_config_option(), *_options())):
        wrapped = option(wrapped)
    return wrapped


def settings_of(
    config_file: str | None, overrides: dict[str, object], *, quiet: bool
) -> LoadedSettings:
    """Return the settings of a command, and say so where a YAML file was found by itself.

    Raises:
        ConfigError: The file cannot be read, or a value is not valid.
    """
    loaded = load_settings(config_file, overrides)
    if loaded.is_found and not quiet:
        say(f"settings from {loaded.file} in this folder", NOTICE)
    return loaded


def _parameter(key: Key) -> str:
    return "__".join(("setting", *key.path))


def _config_option() -> Command:
    return click.option(
        "-c",
        "--config",
        "config_file",
        type=PathType(home=True),
        metavar="FILE",
        help=f"YAML file of settings.  [default: {DEFAULT_FILE} where there is one]",
    )


def _options() -> Iterator[Command]:
    for key in walk(KEYS):
        if key.is_switch or isinstance(key.default, bool):
            (name,) = key.flags
            flags = f"{name}/{name.replace('--', '--no-', 1)}"
            yield click.option(flags, _parameter(key), default=None, help=_help(key))
        elif key.scalars:
            names = tuple(str(name) for one in key.scalars for name in one.choices)
            yield click.option(
                *SHORT.get(key.name, ()),
                *key.flags,
                _parameter(key),
                type=Names(names, files=key.path_field is not None),
                metavar=metavar(key.scalars),
                help=_help(key),
            )


def _help(key: Key) -> str:
    if key.is_switch or isinstance(key.default, bool):
        return f"{key.help}  [default: {'on' if key.default else 'off'}]"
    if key.default is None:
        return key.help
    values = key.default if isinstance(key.default, tuple) else (key.default,)
    return f"{key.help}  [default: {','.join(map(str, values))}]"
