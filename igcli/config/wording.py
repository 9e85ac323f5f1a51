"""Values and types in words."""

from collections.abc import Iterable

from annotated_types import Ge, Gt, Le, Lt

from igcli.config.types import Alternative
from igcli.options import Expected, PathField, Switch

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
