"""Registries by file name: each module of a package is an entry, and no list is maintained."""

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from types import ModuleType

_MAX_LENGTH = 60
"""Characters of a value in a message."""


def names(path: Sequence[str]) -> tuple[str, ...]:
    """Return the sorted names of the public modules in the package folders, importing nothing."""
    modules = (module.name for module in pkgutil.iter_modules(path))
    return tuple(sorted(name for name in modules if not name.startswith("_")))


def load(package: str, name: str) -> ModuleType:
    """Import and return the module `name` of `package`."""
    return importlib.import_module(f"{package}.{name}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean NAME?" with the known name nearest to an unknown one, or nothing.

    Without one, the only name that begins with what was written is the nearest.
    """
    by_lower = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), by_lower, 1)
    if not close:
        begun = [other for other in by_lower if name and other.startswith(name.lower())]
        close = begun if len(begun) == 1 else []
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def unknown_name(name: str, known: Iterable[str], expected: str = "") -> str:
    """Return the message about an unknown name; if one is near, it comes before the others.

    Args:
        name: The name.
        known: All names.
        expected: What may be given, if that is more than the names: "auto or an integer".
    """
    known, written = tuple(known), repr(shortened(name))
    hint, expected = suggestion(name, known), expected or either(known)
    if hint:
        return f"unknown name {written}{hint} (expected {expected})"
    return f"must be {expected}, not {written}"


def either(names: Iterable[str]) -> str:
    """Return names as a sentence lists them: "a, b or c"."""
    *others, last = dict.fromkeys(names)
    return " or ".join(part for part in (", ".join(others), last) if part)


def shortened(text: str) -> str:
    """Return a text that is short enough for a message."""
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 3]}..."
