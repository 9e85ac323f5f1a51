"""From a YAML file and options to settings: an option beats the file, which beats the default."""

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


def anchored(values: Mapping[str, object], keys: tuple[Key, ...], folder: str) -> dict[str, Any]:
    """Return the values of a file with plain texts for groups spelled out and paths resolved.

    Args:
        values: What the file says, not validated.
        keys: The keys that may stand in it.
        folder: What its relative paths are relative to.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = child(keys, name)
        if key and key.shorthand and isinstance(value, str):
            value = {key.shorthand: value}
        if key and isinstance(value, dict):
            value = anchored(value, key.children, folder)
        found[name] = _resolved(value, key, folder) if key else value
    return found


def spelled_out(overrides: Mapping[str, object], keys: tuple[Key, ...]) -> dict[KeyPath, object]:
    """Return the overrides by path, groups first, a plain text for a group as its own key.

    Args:
        overrides: Values by name: {"steps": 20, "panel.style": "overlay"}.
        keys: All keys.

    Raises:
        ConfigError: An override needs a group that another one turns off.
    """
    found: dict[KeyPath, object] = {}
    known = {key.name: key for key in walk(keys)}
    for key in (key for name, key in known.items() if name in overrides):
        value = overrides[key.name]
        by_name = key.shorthand and isinstance(value, str)
        found[(*key.path, str(key.shorthand)) if by_name else key.path] = value
    for path in found:
        for group in (path[:length] for length in range(1, len(path))):
            if found.get(group, True) is not True:
                raise ConfigError([_contradiction(path, group, found[group], keys)])
    return found


def overridden(
    values: Mapping[str, object], overrides: Mapping[KeyPath, object], keys: tuple[Key, ...]
) -> dict[str, Any]:
    """Return the values with the overrides in their places, groups made where they are missing.

    A preset that an override names takes the places of the file's values.
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
        for field in _preset_by(key, value):
            values.pop(field, None)
        return
    group = values.get(name)
    if not isinstance(group, dict):
        if not (group is None or key.scalars or (key.is_switch and isinstance(group, bool))):
            return  # A mistake in the file, left in place for its message.
        group = {}
    values[name] = dict(group)
    if rest:
        _set(values[name], rest, value, key.children)


def _preset_by(key: Key, value: object) -> Iterable[str]:
    """Return the neighbouring keys that a value sets, where it is the name of a preset."""
    marks = (option.mark(Presets) for option in key.options)
    return next((mark.values.get(str(value), ()) for mark in marks if mark), ())


def _contradiction(path: KeyPath, group: KeyPath, value: object, keys: tuple[Key, ...]) -> str:
    other = option_of(group, keys)
    other = other.replace("--", "--no-", 1) if value is False else f"{other} {value}"
    return f"{option_of(path, keys)}: cannot be used with {other}"


def _resolved(value: object, key: Key, folder: str) -> object:
    if isinstance(value, tuple):
        return tuple(_resolved(item, key, folder) for item in value)
    mark = key.path_field
    if mark and isinstance(value, str) and value and not (mark.is_name(value) or is_url(value)):
        # pathlib would make the name demo of the path ./demo.
        return os.path.join(folder, os.path.expanduser(value))  # noqa: PTH111, PTH118
    return value


DEFAULT_FILE = "igcli.yaml"


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings, and where they come from.

    Attributes:
        settings: Everything, validated.
        document: The YAML file that was read; of an empty name where there was none.
        is_found: Whether nobody named the file: it is the one in the current folder.
        chosen: Names of the keys that the file or an option sets: "model.source".
    """

    settings: Settings
    document: Document
    is_found: bool
    chosen: frozenset[str]

    @property
    def file(self) -> str | None:
        """The name of the YAML file, None where there was none."""
        return self.document.file or None

    def told(self, key: str, message: str) -> str:
        """Return a line about the value of a key of the file, with its place."""
        problem = Problem(message, tuple(key.split(".")))
        return _placed(problem, self.document).at(self.document.file)


def load_settings(config_file: str | None, overrides: Mapping[str, object]) -> LoadedSettings:
    """Return the settings out of a YAML file and options.

    Args:
        config_file: The YAML file; `igcli.yaml` of the current folder, where there is one, if not
            given.
        overrides: What options set, by the key's name: {"steps": 20, "panel.style": "overlay"}.

    Raises:
        ConfigError: The file cannot be read, or a value is not valid; all mistakes are named.
    """
    file = config_file
    if file is None and os.path.lexists(DEFAULT_FILE):
        file = DEFAULT_FILE
    document = Document("") if file is None else read_yaml(file)
    folder = os.path.dirname(document.file)  # noqa: PTH120 - pathlib would put "./" before paths
    values = anchored(document.values, KEYS, folder)
    options = spelled_out(overrides, KEYS)
    problems = list(document.problems)
    merged = overridden(values, options, KEYS)
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        problems += explained(error.errors(include_url=False), KEYS)
    if problems:
        raise ConfigError(_lines(problems, document, options))
    chosen = {dotted(path) for path in options} | {dotted(path) for path in _paths(values)}
    is_found = config_file is None and file is not None
    return LoadedSettings(settings, document, is_found=is_found, chosen=frozenset(chosen))


def _paths(values: Mapping[str, object], path: KeyPath = ()) -> Iterator[KeyPath]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _paths(value, (*path, name))
        else:
            yield (*path, name)


def _lines(
    problems: Sequence[Problem], document: Document, options: Mapping[KeyPath, object]
) -> list[str]:
    """Return every mistake with its place: the file's in their order, then those of options."""
    unreadable = {problem.path for problem in document.problems if problem.about == "value"}
    in_file, in_options = [], []
    for problem in problems:
        named = _options_of(problem, options)
        if problem.line:
            in_file.append(problem)
        elif named:
            in_options.append(f"{', '.join(named)}: {problem.message}")
        elif not any(problem.path[: len(path)] == path for path in unreadable):
            in_file.append(_placed(problem, document))
    in_file.sort(key=lambda problem: (problem.line, problem.column))
    return [problem.at(document.file) for problem in in_file] + in_options


def _options_of(problem: Problem, options: Mapping[KeyPath, object]) -> list[str]:
    """Return the option that gave a value, or those that gave values of a group."""
    path = tuple(part for part in problem.path if isinstance(part, str))
    if problem.about == "group" and path:
        inside = [option for option in options if option[: len(path)] == path]
    else:
        inside = [path] if path in options else []
    return [option_of(option, KEYS) for option in inside]


def _placed(problem: Problem, document: Document) -> Problem:
    """Return the problem with the place of its key or value, or of the group they belong to."""
    marks = document.key_marks if problem.about == "key" else document.marks
    for length in range(len(problem.path), 0, -1):
        mark = marks.get(problem.path[:length])
        if mark:
            return replace(problem, line=mark.line, column=mark.column)
    return problem
