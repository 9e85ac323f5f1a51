"""Registries by file name: each module of a package is an entry, and no list is maintained."""

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from types import ModuleType


def names(path: Sequence[str]) -> tuple[str, ...]:
    """Return the sorted names of the public modules in the package folders, importing nothing."""
    modules = (module.name for module in pkgutil.iter_modules(path))
    return tuple(sorted(name for name in modules if not name.startswith("_")))


def load(package: str, name: str) -> ModuleType:
    """Import and return the module `name` of `package`."""
    return importlib.import_module(f"{package}.{name}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean NAME?" with the known name nearest to an unknown one, or nothing."""
    by_lower = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), by_lower, 1)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""
