"""Settings from a YAML file and options: an option beats the file, which beats the default."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from igcli.config.keys import Key, child, option_of, walk
from igcli.config.problems import ConfigError, KeyPath, Problem, dotted
from igcli.config.schema import KEYS, Settings
from igcli.config.validation_messages import explained
from igcli.config.yaml_source import Document, read_yaml
from igcli.options import Presets
from igcli.urls import is_url

DEFAULT_FILE = "igcli.yaml"


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings and their sources.

    Attributes:
        settings: All settings, validated.
        document: The YAML file; without a name if none was read.
        is_found: Whether the file was not named but found in the current folder.
        chosen: Names of the keys that the file or an option sets: "model.source".
        options: Paths of the keys that an option sets.
    """

    settings: Settings
    document: Document
    is_found: bool
    chosen: frozenset[str]
    options: frozenset[KeyPath] = frozenset()

    @property
    def file(self) -> str | None:
        """The name of the YAML file, None if none was read."""
        return self.document.file or None

    def in_file(self, key: str, message: str) -> str:
        """Return a message about a key of the file, with the file, line and column in front."""
        problem = Problem(message, tuple(key.split(".")))
        return _placed(problem, self.document).at(self.document.file)

    def locate(self, message: str) -> str | None:
        """Return an error message with the source of the mistaken value.

        Args:
            message: Errors about a setting start with its key: "model.labels: no such file".

        Returns:
            The message with the option in place of the key, if an option set it, or with the file,
            line and column in front that did. A key that has its default becomes the option if
            there is no file. None for any other message.
        """
        name, separator, text = message.partition(": ")
        key = next((key for key in walk(KEYS) if key.name == name), None)
        if key is None or not separator:
            return None
        path = key.path if key.shorthand is None else (*key.path, key.shorthand)
        if path in self.options or (self.file is None and key.scalars):
            return f"{option_of(path, KEYS)}: {text}"
        return self.in_file(name, text) if dotted(path) in self.chosen else None


def load_settings(config_file: str | None, overrides: Mapping[str, object]) -> LoadedSettings:
    """Return the settings of a YAML file and options.

    Args:
        config_file: The YAML file; if None, `igcli.yaml` in the current folder, if it exists.
        overrides: Values that options set, by key: {"steps": 20, "panel.style": "overlay"}.

    Raises:
        ConfigError: The file cannot be read or a value is not valid; it lists all mistakes.
    """
    file = config_file
    if file is None and os.path.lexists(DEFAULT_FILE):
        file = DEFAULT_FILE
    document = Document("") if file is None else read_yaml(file)
    folder = os.path.dirname(document.file)  # noqa: PTH120 - pathlib would put "./" before paths
    values = _anchored(document.values, KEYS, folder)
    options = _spelled_out(overrides, KEYS)
    problems = list(document.problems)
    try:
        settings = Settings.model_validate(_overridden(values, options, KEYS))
    except ValidationError as error:
        problems += explained(error.errors(include_url=False), KEYS)
    if problems:
        raise ConfigError(_lines(problems, document, options))
    chosen = {dotted(path) for path in options} | {dotted(path) for path in _leaf_paths(values)}
    is_found = config_file is None and file is not None
    return LoadedSettings(settings, document, is_found, frozenset(chosen), frozenset(options))


def _anchored(values: Mapping[str, object], keys: tuple[Key, ...], folder: str) -> dict[str, Any]:
    """Return the values of a file with shorthands spelled out and paths resolved.

    Args:
        values: The contents of the file, not validated.
        keys: The keys that are allowed in it.
        folder: The folder that relative paths start from.
    """
    anchored: dict[str, Any] = {}
    for name, value in values.items():
        key = child(keys, name)
        if key and key.shorthand and isinstance(value, str):
            value = {key.shorthand: value}
        if key and isinstance(value, dict):
            value = _anchored(value, key.children, folder)
        anchored[name] = _resolved(value, key, folder) if key else value
    return anchored


def _resolved(value: object, key: Key, folder: str) -> object:
    if isinstance(value, tuple):
        return tuple(_resolved(item, key, folder) for item in value)
    mark = key.path_field
    if mark and isinstance(value, str) and value and not (mark.is_name(value) or is_url(value)):
        # pathlib would turn the path ./demo into the name demo.
        return os.path.join(folder, os.path.expanduser(value))  # noqa: PTH111, PTH118
    return value


def _spelled_out(overrides: Mapping[str, object], keys: tuple[Key, ...]) -> dict[KeyPath, object]:
    """Return the overrides by path, groups first, with shorthands spelled out.

    Args:
        overrides: Values by name: {"steps": 20, "panel.style": "overlay"}.
        keys: All keys.

    Raises:
        ConfigError: An override needs a group that another override turns off.
    """
    options: dict[KeyPath, object] = {}
    for key in walk(keys):
        if key.name in overrides:
            value = overrides[key.name]
            is_short = key.shorthand is not None and isinstance(value, str)
            options[(*key.path, str(key.shorthand)) if is_short else key.path] = value
    for path in options:
        for group in (path[:length] for length in range(1, len(path))):
            if options.get(group, True) is not True:
                raise ConfigError([_contradiction(path, group, options[group], keys)])
    return options


def _contradiction(path: KeyPath, group: KeyPath, value: object, keys: tuple[Key, ...]) -> str:
    other = option_of(group, keys)
    other = other.replace("--", "--no-", 1) if value is False else f"{other} {value}"
    return f"{option_of(path, keys)}: cannot be used with {other}"


def _overridden(
    values: Mapping[str, object], overrides: Mapping[KeyPath, object], keys: tuple[Key, ...]
) -> dict[str, Any]:
    """Return the values with the overrides in place; missing groups are added.

    A preset in the overrides replaces the values that the file gives for the preset's fields.
    """
    merged = dict(values)
    for path, value in overrides.items():
        _set(merged, path, value, keys)
    return merged


def _set(values: dict[str, Any], path: KeyPath, value: object, keys: tuple[Key, ...]) -> None:
    name, rest = str(path[0]), path[1:]
    key = next(key for key in keys if key.path[-1] == name)
    if not rest and not (key.is_switch and value is True):
        values[name] = value
        for field in _preset_fields(key, value):
            values.pop(field, None)
        return
    group = values.get(name)
    if not isinstance(group, dict):
        if not (group is None or key.scalars or (key.is_switch and isinstance(group, bool))):
            return  # A mistake in the file, which validation reports.
        group = {}
    values[name] = dict(group)
    if rest:
        _set(values[name], rest, value, key.children)


def _preset_fields(key: Key, value: object) -> Iterable[str]:
    """Return the sibling keys that a value sets, if it names a preset."""
    marks = (alternative.mark(Presets) for alternative in key.alternatives)
    return next((mark.values.get(str(value), ()) for mark in marks if mark), ())


def _leaf_paths(values: Mapping[str, object], path: KeyPath = ()) -> Iterator[KeyPath]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaf_paths(value, (*path, name))
        else:
            yield (*path, name)


def _lines(
    problems: Sequence[Problem], document: Document, options: Mapping[KeyPath, object]
) -> list[str]:
    """Return a line for every mistake: those in the file in their order, then those in options."""
    unreadable = {problem.path for problem in document.problems if problem.about == "value"}
    in_file, in_options = [], []
    for problem in problems:
        names = _options_at_fault(problem, options)
        if problem.line:
            in_file.append(problem)
        elif names:
            in_options.append(f"{', '.join(names)}: {problem.message}")
        elif not any(problem.path[: len(path)] == path for path in unreadable):
            in_file.append(_placed(problem, document))
    in_file.sort(key=lambda problem: (problem.line, problem.column))
    return [problem.at(document.file) for problem in in_file] + in_options


def _options_at_fault(problem: Problem, options: Mapping[KeyPath, object]) -> list[str]:
    """Return the option that set a mistaken value, or the options that set values of a group."""
    path = tuple(part for part in problem.path if isinstance(part, str))
    if problem.about == "group" and path:
        paths = [option for option in options if option[: len(path)] == path]
    else:
        paths = [path] if path in options else []
    return [option_of(path, KEYS) for path in paths]


def _placed(problem: Problem, document: Document) -> Problem:
    """Return the problem with the place of its key or value, or of the group that contains it."""
    marks = document.key_marks if problem.about == "key" else document.marks
    for length in range(len(problem.path), 0, -1):
        mark = marks.get(problem.path[:length])
        if mark:
            return replace(problem, line=mark.line, column=mark.column)
    return problem
