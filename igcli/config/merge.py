"""Joining what the YAML file and the options say, before anything is validated."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from igcli.config.keys import Key, child, option_of, walk
from igcli.config.problems import ConfigError, KeyPath
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
