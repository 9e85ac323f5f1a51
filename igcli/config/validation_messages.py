"""Messages about values: pydantic's errors as one line per mistake, and the values allowed."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from igcli.config.keys import NUMBER, Alternative, Key, child, walk
from igcli.config.problems import KeyPath, Problem, dotted
from igcli.metrics import METRICS
from igcli.options import Expected, Options, PathField, Switch
from igcli.registry import either, shortened, unknown_name

Group = TypeVar("Group", bound=Options)

_OF_EVALUATIONS = (*METRICS, "evaluation", "metrics", "masks", "controls")
"""What users look for among the keys, and are options of `igcli evaluate`."""

_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def explained(errors: Sequence[ErrorDetails], keys: tuple[Key, ...]) -> list[Problem]:
    """Return the mistakes, one per key, without their places.

    Args:
        errors: Pydantic's errors; a value of several types has one for each of them.
        keys: All keys.
    """
    errors_by_path: dict[KeyPath, list[ErrorDetails]] = {}
    for error in errors:
        errors_by_path.setdefault(_path(error, keys), []).append(error)
    return [
        Problem(_message(path, group, keys), path, about=_about(group))
        for path, group in errors_by_path.items()
        if not _is_explained_below(path, group[0]["input"], errors_by_path)
    ]


def validated(
    group: type[Group], values: Any, keys: tuple[Key, ...], parents: tuple[str, ...] = ()
) -> Group:
    """Return a group of options from Python values.

    Args:
        group: The group.
        values: Its values by name, or the value of its shorthand.
        keys: All keys.
        parents: The path of the group among them.

    Raises:
        ValueError: One line for all mistakes.
    """
    try:
        return group.model_validate(values)
    except ValidationError as error:
        details: Any = error.errors(include_url=False)
        placed: Any = [{**detail, "loc": (*parents, *detail["loc"])} for detail in details]
        problems = explained(placed, keys)
        lines = [f"{dotted(problem.path)}: {problem.message}" for problem in problems]
        raise ValueError("; ".join(lines)) from None


def _path(error: ErrorDetails, keys: tuple[Key, ...]) -> KeyPath:
    """Return the key that an error is about; the error's location has names of types as well."""
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


def _is_explained_below(path: KeyPath, value: object, paths: Iterable[KeyPath]) -> bool:
    """Return whether a mapping or list has mistakes inside, which are more specific."""
    return isinstance(value, dict | tuple) and any(
        len(other) > len(path) and other[: len(path)] == path for other in paths
    )


def _message(path: KeyPath, errors: Sequence[ErrorDetails], keys: tuple[Key, ...]) -> str:
    errors_by_type = {error["type"]: error for error in errors}
    value = errors[0]["input"]
    if _is_unknown(errors[0]):
        return _unknown_key(path, keys)
    if "value_error" in errors_by_type:
        return str(errors_by_type["value_error"]["ctx"]["error"])
    if "missing" in errors_by_type and errors_by_type["missing"]["loc"][-1] == path[-1]:
        return "is missing: add it"
    if len(errors) == 1 and errors[0]["type"] in _BOUNDS:
        return f"{errors[0]['msg'].replace('Input should', 'must')}, not {plain(value)}"
    alternatives = _alternatives_at(path, keys)
    children = ", ".join(key.path[-1] for key in _children_at(path, keys))
    choices = [str(choice) for alternative in alternatives for choice in alternative.choices]
    show_keys = children and not choices
    hint = f"; its keys are {children}" if show_keys else _hint(value, alternatives)
    if choices and isinstance(value, str) and not hint:
        return unknown_name(value, choices, words(alternatives))
    return f"must be {words(alternatives)}, not {plain(value)}{hint}"


def _unknown_key(path: KeyPath, keys: tuple[Key, ...]) -> str:
    """Return the message for an unknown key: a key of this name elsewhere, or the nearest one."""
    names = [key.path[-1] for key in _children_at(path[:-1], keys)]
    name = str(path[-1])
    if len(path) == 1 and name in _OF_EVALUATIONS:
        return "unknown key; what is evaluated is set by options alone: see igcli evaluate -h"
    candidates = [key.name for key in walk(keys) if key.path[-1] == name]
    candidates += difflib.get_close_matches(name.replace("-", "_").lower(), names, 1)
    if candidates:
        return f"unknown key; did you mean {candidates[0]}?"
    return f"unknown key; known are {', '.join(names)}" if names else "unknown key"


def _children_at(path: KeyPath, keys: tuple[Key, ...]) -> tuple[Key, ...]:
    for part in path:
        key = child(keys, part)
        keys = key.children if key else ()
    return keys


def _alternatives_at(path: KeyPath, keys: tuple[Key, ...]) -> tuple[Alternative, ...]:
    """Return the types that the value, or the item of a list, at a path may have."""
    alternatives: tuple[Alternative, ...] = ()
    for part in path:
        key = child(keys, part)
        if key:
            alternatives, keys = key.alternatives, key.children
        else:
            alternatives = tuple(
                item for alternative in alternatives for item in alternative.items or ()
            )
    return alternatives


def _hint(value: object, alternatives: tuple[Alternative, ...]) -> str:
    """Return how to correct a value, where that takes more than the types it may have."""
    kinds = [alternative.kind for alternative in alternatives]
    if not isinstance(value, str):
        may_be_text = any(alternative.is_free_text for alternative in alternatives)
        return "; quote it if it is text" if may_be_text and not isinstance(value, dict) else ""
    if {int, float} & set(kinds) and NUMBER.fullmatch(value):
        number = float(value)
        return f"; write {int(number) if number.is_integer() else number}"
    if bool in kinds and value.lower() in ("true", "false"):
        return f"; write {value.lower()}"
    return ""


_NOUNS = {bool: "true or false", int: "an integer", float: "a number", str: "text"}
_METAVARS = {int: "INTEGER", float: "NUMBER", str: "TEXT"}


def words(alternatives: Iterable[Alternative]) -> str:
    """Return the values allowed, in words: "auto or an integer of at least 1"."""
    return either(part for alternative in alternatives for part in _words(alternative))


def _words(alternative: Alternative) -> list[str]:
    expected = alternative.mark(Expected)
    if expected:
        return [expected.words]
    if alternative.choices:
        return [str(choice) for choice in alternative.choices]
    if alternative.items is not None:
        count = f" of {alternative.length}" if alternative.length else ""
        return [f"a list{count} (each {words(alternative.items)})"]
    if alternative.section:
        switch = ["true", "false"] if alternative.mark(Switch) else []
        return [*switch, *(["text"] if alternative.section.shorthand else []), "a mapping"]
    return [f"{_NOUNS[alternative.kind]}{_bounds(alternative)}"]


def _bounds(alternative: Alternative) -> str:
    low, above = alternative.mark(Ge), alternative.mark(Gt)
    high, below = alternative.mark(Le), alternative.mark(Lt)
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


def metavar(alternatives: Iterable[Alternative]) -> str:
    """Return the values allowed as the placeholder of an option: "auto|INTEGER"."""
    parts = (part for alternative in alternatives for part in _metavars(alternative))
    return "|".join(dict.fromkeys(parts))


def _metavars(alternative: Alternative) -> list[str]:
    if alternative.choices:
        return [str(choice) for choice in alternative.choices]
    if alternative.section:
        return []
    if alternative.items is not None:
        item = metavar(alternative.items)
        length = alternative.length
        return [",".join([item] * length) if length else f"{item},..."]
    if alternative.values is not None:
        return ["NAME=VALUE,..."]
    expected = alternative.mark(Expected)
    if expected:
        return [expected.metavar or expected.words.replace(", ", "|").replace(" or ", "|")]
    return ["PATH" if alternative.mark(PathField) else _METAVARS[alternative.kind]]


def plain(value: object) -> str:
    """Return a value as YAML writes it, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(shortened(value))
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return shortened(f"[{', '.join(plain(item) for item in value)}]")
    return shortened(str(value))
