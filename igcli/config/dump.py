"""Settings as YAML: resolved, to be fed back, or commented, to start from."""

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
# Settings of igcli, with their defaults; keys after a # are not set.
# An option of the command line beats this file: --batch-size for batch_size.
# Paths are relative to this file.
"""
_WIDTH = 92


def to_yaml(settings: Settings) -> str:
    """Return settings as YAML that gives the same settings again, paths absolute."""
    values = _written(settings.model_dump(), KEYS)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=10_000)


def template() -> str:
    """Return a YAML file with every key, its default and what it is."""
    return _HEAD + "\n".join(line for key in KEYS for line in ("", *_explained(key))) + "\n"


def absolute(path: str) -> str:
    """Return the absolute path of a path relative to the current folder; a URL stays."""
    if is_url(path):
        return path
    folder = os.getcwd()  # noqa: PTH109 - names need not be UTF-8
    while path.startswith("../"):
        folder, path = os.path.dirname(folder), path[3:]  # noqa: PTH120
    joined = os.path.join(folder, path)  # noqa: PTH118
    # Leaving out a later `link/..` would name another folder where `link` is a link.
    return joined if ".." in path.split("/") else os.path.normpath(joined)


def _written(values: dict[str, object], keys: tuple[Key, ...]) -> dict[str, object]:
    """Return the values as YAML has them; a key that has none is left out."""
    found: dict[str, object] = {}
    for key in keys:
        value = values[key.path[-1]]
        if isinstance(value, dict) and key.children:
            found[key.path[-1]] = _written(value, key.children)
        elif key.is_switch and value is None:
            found[key.path[-1]] = False
        elif value is not None:
            found[key.path[-1]] = _leaf(value, key)
    return found


def _leaf(value: object, key: Key) -> object:
    if isinstance(value, tuple):
        return [_leaf(item, key) for item in value]
    mark = key.path_field
    if mark and isinstance(value, str) and not mark.is_name(value):
        return absolute(value)
    return value


def _explained(key: Key, preset: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the lines of a key: what it is, its default, and the keys below it.

    Those in `preset` are commented out: given, they would go before what the preset says.
    """
    if key.children and not key.scalars:
        yield from _comment(key.help)
        if key.is_switch:
            yield f"{key.path[-1]}: false"
        yield ("# " if key.is_switch else "") + f"{key.path[-1]}:"
        margin = "#   " if key.is_switch else "  "
        preset = _preset(key.children)
        for child in key.children:
            yield from (margin + line for line in _explained(child, preset))
        return
    yield from _comment(_help(key))
    if key.path[-1] in preset:
        yield f"# {key.path[-1]}: {_inline(key.default)}"
    elif key.default is not None:
        yield f"{key.path[-1]}: {_inline(key.default)}"
    else:
        yield f"# {key.path[-1]}: {_inline(key.examples[0]) if key.examples else ''}".rstrip()


def _preset(keys: tuple[Key, ...]) -> frozenset[str]:
    """Return the names of those keys that one of the others sets by the name of a preset."""
    marks = (option.mark(Presets) for key in keys for option in key.options)
    return next((mark.fields for mark in marks if mark), frozenset())


def _help(key: Key) -> str:
    """Return what a key is, and what it may be where that is not said."""
    allowed = words(key.options)
    is_said = all(part in key.help for part in re.split(", | or ", allowed))
    is_plain = all(
        option.kind in (str, bool) and not option.mark(Expected) for option in key.options
    )
    is_list = any(option.items is not None for option in key.options)
    if is_said or is_plain or is_list:
        return key.help
    return f"{key.help} Value: {allowed}."


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in textwrap.wrap(text, _WIDTH))


def _inline(value: object) -> str:
    value = list(value) if isinstance(value, tuple) else value
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
    )
