"""Command-line options made from the settings: one for every key, with the same name."""

import functools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import click

from igcli.cli.completion import Names, PathType
from igcli.cli.terminal import NOTICE, say
from igcli.config.keys import Key, convert, keys_of, walk
from igcli.config.load import DEFAULT_FILE, LoadedSettings, load_settings
from igcli.config.problems import ConfigError
from igcli.config.schema import KEYS
from igcli.config.validation_messages import metavar, validated, words
from igcli.errors import IgcliError, ModelError, UsageError
from igcli.options import Options

Command = Callable[..., Any]
Changes = Mapping[str, Mapping[str, Any]]
Group = TypeVar("Group", bound=Options)

MODEL = "model.source"

SHORT = {"output": ("-o",)}
"""Short forms of options, by key."""

_MAX_METAVAR = 32
"""Characters. Longer lists of choices go into the help text, which wraps."""

_LOADED = "igcli.loaded_settings"
"""The entry of Click's context that keeps the settings, to say where a mistake was made."""


def setting_options(command: Command) -> Command:
    """Add --config and an option for every key to a command.

    The command gets `config_file`, the YAML file or None, and `overrides`, the values of the given
    options by key: both are for `load_command_settings`. Errors about a setting name the option,
    or the place in the YAML file, that gave its value.
    """
    return _with_options(command, KEYS, {})


def setting_options_without(
    names: Collection[str], changes: Changes
) -> Callable[[Command], Command]:
    """Return `setting_options` for a command that some keys mean nothing to.

    Args:
        names: Keys and groups of keys without options; the YAML file may have them.
        changes: What is different of others' options, by key: arguments of `click.option`.
    """
    keys = tuple(key for key in KEYS if key.name not in names)
    return lambda command: _with_options(command, keys, changes)


def setting_options_listing(names: Collection[str]) -> Callable[[Command], Command]:
    """Return `setting_options` for a command whose help lists only what has an effect there.

    The other options are accepted all the same: commands are often given those of another one.

    Args:
        names: Keys that have an effect.
    """
    changes = {key.name: {"hidden": True} for key in walk(KEYS) if key.name not in names}
    return lambda command: _with_options(command, KEYS, changes)


def _with_options(command: Command, all_keys: tuple[Key, ...], changes: Changes) -> Command:
    keys = {_parameter(key): key for key in walk(all_keys)}
    is_argument = bool(changes.get(MODEL, {}).get("hidden"))  # The network is the first argument.

    @functools.wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        values = {name: options.pop(name, None) for name in keys}
        overrides = {
            keys[name].name: convert(value, keys[name].scalars) if isinstance(value, str) else value
            for name, value in values.items()
            if value is not None
        }
        try:
            return command(*arguments, overrides=overrides, **options)
        except IgcliError as error:
            lines = error.lines if isinstance(error, ConfigError) else _located(error)
            if not lines:
                raise
            if is_argument and len(lines) == 1 and lines[0].startswith("--model: "):
                raise UsageError(_about_argument(lines[0])) from error
            raise ConfigError(lines, error.exit_code) from error

    for option in reversed((_config_option(), *options_for(all_keys, changes))):
        wrapped = option(wrapped)
    return wrapped


def group_options(group: type[Group], name: str) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for every key of a group that is no setting.

    The command gets the group, validated, as `name`.
    """
    group_keys = keys_of(group)
    keys = {_parameter(key): key for key in walk(group_keys)}

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def wrapped(*arguments: Any, **options: Any) -> Any:
            values: dict[str, dict[str, object]] = {}
            for parameter, key in keys.items():
                value = options.pop(parameter, None)
                if value is not None:
                    section, field = key.path
                    converted = convert(value, key.scalars) if isinstance(value, str) else value
                    values.setdefault(section, {})[field] = converted
            try:
                chosen = validated(group, values, group_keys)
            except ValueError as error:
                raise UsageError(_with_option_names(str(error), group_keys)) from None
            return command(*arguments, **{name: chosen}, **options)

        for option in reversed([*options_for(group_keys, {})]):
            wrapped = option(wrapped)
        return wrapped

    return decorate


def _with_option_names(message: str, keys: tuple[Key, ...]) -> str:
    """Return a message about keys with the options in their place."""
    names = {key.name: key.flags[0] for key in walk(keys)}
    parts = (part.partition(": ") for part in message.split("; "))
    return "; ".join(f"{names.get(key, key)}{colon}{text}" for key, colon, text in parts)


def _located(error: IgcliError) -> Sequence[str]:
    """Return an error's message with the source of the mistaken setting; nothing without one."""
    if isinstance(error, ModelError) and str(error).startswith("model: "):
        return ()  # The network itself is at fault, not the setting that names it.
    loaded = click.get_current_context().meta.get(_LOADED)
    located = loaded.locate(str(error)) if isinstance(loaded, LoadedSettings) else None
    return () if located is None else (located,)


def _about_argument(line: str) -> str:
    """Return a message about --model with the argument in its place that names the network."""
    context = click.get_current_context()
    argument = next(one for one in context.command.params if isinstance(one, click.Argument))
    return line.replace("--model", argument.make_metavar(context), 1)


def load_command_settings(
    config_file: str | None, overrides: dict[str, object], *, quiet: bool
) -> LoadedSettings:
    """Return the settings of a command; say so if the YAML file was not named but found.

    Raises:
        ConfigError: The file cannot be read, or a value is not valid.
    """
    loaded = load_settings(config_file, overrides)
    click.get_current_context().meta[_LOADED] = loaded
    if loaded.is_found and not quiet:
        say(f"using the settings in {loaded.file}", NOTICE)
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
        help=f"YAML file of settings.  [default: {DEFAULT_FILE} if it exists]",
    )


def options_for(keys: tuple[Key, ...], changes: Changes) -> Iterator[Command]:
    """Yield an option of Click for every key that has a value of its own.

    Args:
        keys: The keys.
        changes: Arguments of `click.option` that replace those of a key, by its name.
    """
    for key in walk(keys):
        other = changes.get(key.name, {})
        if key.is_switch or isinstance(key.default, bool):
            (name,) = key.flags
            switch = f"{name}/{name.replace('--', '--no-', 1)}"
            default = "on" if key.default else "off"
            help_text = f"{key.help}  [default: {default}]"
            arguments: dict[str, Any] = {"default": None, "help": help_text}
            yield click.option(switch, _parameter(key), **{**arguments, **other})
        elif key.scalars:
            choices = (choice for scalar in key.scalars for choice in scalar.choices)
            names = tuple(str(choice) for choice in choices)
            placeholder, help_text = _value_help(key)
            value = Names(names, files=key.path_field is not None)
            arguments = {"type": value, "metavar": placeholder, "help": help_text}
            flags = (*SHORT.get(key.name, ()), *key.flags)
            yield click.option(*flags, _parameter(key), **{**arguments, **other})


def _value_help(key: Key) -> tuple[str, str]:
    """Return the placeholder of an option's value, and its help text with choices and default."""
    placeholder, notes = metavar(key.scalars), []
    if len(placeholder) > _MAX_METAVAR:
        items = [item for scalar in key.scalars for item in scalar.items or ()]
        placeholder = "NAME,..." if items else "NAME"
        allowed = words(items or key.scalars)
        if not all(part in key.help for part in re.split(", | or ", allowed)):
            notes.append(f"values: {allowed}")
    if key.default not in (None, ()):
        values = key.default if isinstance(key.default, tuple) else (key.default,)
        notes.append(f"default: {','.join(map(str, values))}")
    return placeholder, f"{key.help}  [{'; '.join(notes)}]" if notes else key.help
