"""Settings as YAML: the resolved ones, and a commented template to start from."""

import os
import re
import textwrap
from collections.abc import Iterator

import yaml

from igcli.config.keys import Key
from igcli.config.schema import KEYS, Settings
from igcli.config.validation_messages import words
from igcli.options import Expected, Presets
from igcli.urls import is_url

_HEAD = """\
# Settings of igcli with their defaults; keys after a # are not set.
# Command-line options override this file: --batch-size overrides batch_size.
# Paths are relative to this file.
"""
_WIDTH = 92


def to_yaml(settings: Settings) -> str:
    """Return YAML that gives the same settings again; paths become absolute."""
    values = _yaml_values(settings.model_dump(), KEYS)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=10_000)


def template() -> str:
    """Return a YAML file with every key, its default and a comment that explains it."""
    return _HEAD + "\n".join(line for key in KEYS for line in ("", *_commented(key))) + "\n"


def absolute(path: str) -> str:
    """Return the absolute path of a path relative to the current folder; URLs are unchanged."""
    if is_url(path):
        return path
    folder = os.getcwd()  # noqa: PTH109 - names need not be UTF-8
    while path.startswith("../"):
        folder, path = os.path.dirname(folder), path[3:]  # noqa: PTH120
    joined = os.path.join(folder, path)  # noqa: PTH118
    # Removing a later `link/..` would name another folder if `link` is a symbolic link.
    return joined if ".." in path.split("/") else os.path.normpath(joined)


def _yaml_values(values: dict[str, object], keys: tuple[Key, ...]) -> dict[str, object]:
    """Return the values as YAML writes them; keys without a value are left out."""
    yaml_values: dict[str, object] = {}
    for key in keys:
        name = key.path[-1]
        value = values[name]
        if isinstance(value, dict) and key.children:
            yaml_values[name] = _yaml_values(value, key.children)
        elif key.is_switch and value is None:
            yaml_values[name] = False
        elif value is not None:
            yaml_values[name] = _yaml_value(value, key)
    return yaml_values


def _yaml_value(value: object, key: Key) -> object:
    if isinstance(value, tuple):
        return [_yaml_value(item, key) for item in value]
    mark = key.path_field
    if mark and isinstance(value, str) and not mark.is_name(value):
        return absolute(value)
    return value


def _commented(
    key: Key, preset: frozenset[str] = frozenset(), *, unset: str = "# "
) -> Iterator[str]:
    """Yield the lines of a key: its help, its default and its children.

    Keys in `preset` are commented out, since a given value would override the preset; those that
    are not set begin with `unset`.
    """
    if key.children and not key.scalars:
        yield from _comment(key.help)
        if key.is_switch:
            yield f"{key.path[-1]}: false"
        # A group of keys that are not set would be a key without a value.
        is_unset = all(child.default is None for child in key.children)
        is_off = key.is_switch or is_unset
        yield ("# " if is_off else "") + f"{key.path[-1]}:"
        margin = "#   " if is_off else "  "
        preset = _preset_fields(key.children)
        for child in key.children:
            lines = _commented(child, preset, unset="" if is_unset else "# ")
            yield from (margin + line for line in lines)
        return
    yield from _comment(_help(key))
    if key.path[-1] in preset:
        yield f"# {key.path[-1]}: {_inline(key.default)}"
    elif key.default is not None:
        yield f"{key.path[-1]}: {_inline(key.default)}"
    else:
        example = _inline(key.examples[0]) if key.examples else ""
        yield f"{unset}{key.path[-1]}: {example}".rstrip()


def _preset_fields(keys: tuple[Key, ...]) -> frozenset[str]:
    """Return the names of the keys that a preset among `keys` sets."""
    marks = (alternative.mark(Presets) for key in keys for alternative in key.alternatives)
    return next((mark.fields for mark in marks if mark), frozenset())


def _help(key: Key) -> str:
    """Return the help of a key, with the allowed values unless the help or the type says them."""
    allowed = words(key.alternatives)
    is_said = all(part in key.help for part in re.split(", | or ", allowed))
    is_plain = all(
        alternative.kind in (str, bool) and not alternative.mark(Expected)
        for alternative in key.alternatives
    )
    is_list = any(alternative.items is not None for alternative in key.alternatives)
    return key.help if is_said or is_plain or is_list else f"{key.help} Value: {allowed}."


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in textwrap.wrap(text, _WIDTH))


def _inline(value: object) -> str:
    value = list(value) if isinstance(value, tuple) else value
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
    )
