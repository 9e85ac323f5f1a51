"""Turning what pydantic finds into one line a mistake."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from igcli.config.keys import NUMBER, Alternative, Key, child, walk
from igcli.config.problems import KeyPath, Problem, dotted
from igcli.options import Expected, Options, PathField, Switch

_LIMIT = 60
_NOUNS = {bool: "true or false", int: "an integer", float: "a number", str: "text"}
_METAVARS = {int: "INTEGER", float: "NUMBER", str: "TEXT"}


def words(options: Iterable[Alternative]) -> str:
    """Return what a value may be: "auto or an integer of at least 1"."""
    parts = list(dict.fromkeys(part for one in options for part in _words(one)))
    return " or ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def metavar(options: Iterable[Alternative]) -> str:
    """Return the same for the help of an option: "auto|INTEGER"."""
    return "|".join(dict.fromkeys(part for one in options for part in _metavars(one)))


def plain(value: object) -> str:
    """Return a value as one writes it in YAML, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(_short_text(value))
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return _short_text(f"[{', '.join(plain(item) for item in value)}]")
    return _short_text(str(value))


def _short_text(text: str) -> str:
    return text if len(text) <= _LIMIT else f"{text[: _LIMIT - 3]}..."


def _words(option: Alternative) -> list[str]:
    expected = option.mark(Expected)
    if expected:
        return [expected.words]
    if option.choices:
        return [str(choice) for choice in option.choices]
    if option.items is not None:
        count = f" of {option.length}" if option.length else ""
        return [f"a list{count} (each {words(option.items)})"]
    if option.section:
        switch = ["true", "false"] if option.mark(Switch) else []
        return [*switch, *(["text"] if option.section.shorthand else []), "a mapping"]
    return [f"{_NOUNS[option.kind]}{_bounds(option)}"]


def _bounds(option: Alternative) -> str:
    low, above = option.mark(Ge), option.mark(Gt)
    high, below = option.mark(Le), option.mark(Lt)
    if low and high:
        return f" from {low.ge} to {high.le}"
    parts = [
        f"of at least {low.ge}" if low else "",
        f"greater than {above.gt}" if above else "",
        f"of at most {high.le}" if high else "",
        f"less than {below.lt}" if below else "",
    ]
    bounds = " and ".join(part for part in parts if part)
    return bounds and f" {bounds}"


def _metavars(option: Alternative) -> list[str]:
    if option.choices:
        return [str(choice) for choice in option.choices]
    if option.section:
        return []
    if option.items is not None:
        item = metavar(option.items)
        return [",".join([item] * option.length) if option.length else f"{item},..."]
    if option.values is not None:
        return ["NAME=VALUE,..."]
    expected = option.mark(Expected)
    if expected:
        return [expected.words.replace(", ", "|").replace(" or ", "|")]
    return ["PATH" if option.mark(PathField) else _METAVARS[option.kind]]


Group = TypeVar("Group", bound=Options)

_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def explained(errors: Sequence[ErrorDetails], keys: tuple[Key, ...]) -> list[Problem]:
    """Return the mistakes, one a key, without their places.

    Args:
        errors: What pydantic found; a value of several types has an error for each of them.
        keys: All keys.
    """
    grouped: dict[KeyPath, list[ErrorDetails]] = {}
    for error in errors:
        grouped.setdefault(_path(error, keys), []).append(error)
    return [
        Problem(_message(path, found, keys), path, about=_about(found))
        for path, found in grouped.items()
        if not _is_told_below(path, found[0]["input"], grouped)
    ]


def validated(
    group: type[Group], values: Any, keys: tuple[Key, ...], below: tuple[str, ...] = ()
) -> Group:
    """Return a group of options out of Python values.

    Args:
        group: The group.
        values: Its values by name, or what its shorthand stands for.
        keys: All keys.
        below: Where among them the group's own are.

    Raises:
        ValueError: One line for all that is wrong.
    """
    try:
        return group.model_validate(values)
    except ValidationError as error:
        found: Any = error.errors(include_url=False)
        placed: Any = [{**each, "loc": (*below, *each["loc"])} for each in found]
        problems = explained(placed, keys)
        lines = [f"{dotted(each.path)}: {each.message}" for each in problems]
        raise ValueError("; ".join(lines)) from None


def _path(error: ErrorDetails, keys: tuple[Key, ...]) -> KeyPath:
    """Return the key that an error is about, without the names of types among its parts."""
    path: list[str | int] = []
    for part in error["loc"]:
        key = child(keys, part)
        if key or isinstance(part, int):
            path.append(part)
            keys = key.children if key else ()
    if error["type"] == "missing" and isinstance(path[-1], int):
        path.pop()  # A list that is too short is a mistake of the list.
    if _is_unknown(error):
        path.append(error["loc"][-1])
    return tuple(path)


def _about(errors: Sequence[ErrorDetails]) -> Literal["key", "value", "group"]:
    if _is_unknown(errors[0]):
        return "key"
    is_group = isinstance(errors[0]["input"], dict) and errors[0]["type"] == "value_error"
    return "group" if is_group else "value"


def _is_unknown(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden"


def _is_told_below(path: KeyPath, value: object, paths: Iterable[KeyPath]) -> bool:
    """Return whether a mapping or list has mistakes of its own, which tell more."""
    return isinstance(value, dict | tuple) and any(
        len(other) > len(path) and other[: len(path)] == path for other in paths
    )


def _message(path: KeyPath, errors: Sequence[ErrorDetails], keys: tuple[Key, ...]) -> str:
    types = {error["type"]: error for error in errors}
    value = errors[0]["input"]
    if _is_unknown(errors[0]):
        return _unknown(path, keys)
    if "value_error" in types:
        return str(types["value_error"]["ctx"]["error"])
    if "missing" in types and types["missing"]["loc"][-1] == path[-1]:
        return "is missing: add it"
    if len(errors) == 1 and errors[0]["type"] in _BOUNDS:
        return f"{errors[0]['msg'].replace('Input should', 'must')}, not {plain(value)}"
    options = _options(path, keys)
    inside = ", ".join(key.path[-1] for key in _group(path, keys))
    hint = f"; its keys are {inside}" if inside else _hint(value, options)
    return f"must be {words(options)}, not {plain(value)}{hint}"


def _unknown(path: KeyPath, keys: tuple[Key, ...]) -> str:
    """Return the message for an unknown key: one elsewhere or the nearest."""
    siblings = _group(path[:-1], keys)
    names = [key.path[-1] for key in siblings]
    name = str(path[-1])
    near = [key.name for key in walk(keys) if key.path[-1] == name]
    near += difflib.get_close_matches(name.replace("-", "_").lower(), names, 1)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    return f"unknown key; known are {', '.join(names)}" if names else "unknown key"


def _group(path: KeyPath, keys: tuple[Key, ...]) -> tuple[Key, ...]:
    for part in path:
        key = child(keys, part)
        keys = key.children if key else ()
    return keys


def _options(path: KeyPath, keys: tuple[Key, ...]) -> tuple[Alternative, ...]:
    """Return what the value at a path may be, an item of a list included."""
    options: tuple[Alternative, ...] = ()
    for part in path:
        key = child(keys, part)
        if key:
            options, keys = key.options, key.children
        else:
            options = tuple(item for option in options for item in option.items or ())
    return options


def _hint(value: object, options: tuple[Alternative, ...]) -> str:
    """Return what to do about a value, where there is more to say than what it may be."""
    kinds = [option.kind for option in options]
    if not isinstance(value, str):
        return "; quote it if it is text" if str in kinds and not isinstance(value, dict) else ""
    if {int, float} & set(kinds) and NUMBER.fullmatch(value):
        number = float(value)
        return f"; write {int(number) if number.is_integer() else number}"
    if bool in kinds and value.lower() in ("true", "false"):
        return f"; write {value.lower()}"
    near = difflib.get_close_matches(value, [str(c) for one in options for c in one.choices], 1)
    return f"; did you mean {near[0]}?" if near else ""
