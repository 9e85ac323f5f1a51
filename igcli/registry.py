"""Registries by file name: each module of a package is an entry, and no list is maintained."""

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType


def names(path: Sequence[str]) -> tuple[str, ...]:
    """Return the sorted names of the public modules in the package folders, importing nothing."""
    modules = (module.name for module in pkgutil.iter_modules(path))
    return tuple(sorted(name for name in modules if not name.startswith("_")))


def load(package: str, name: str) -> ModuleType:
    """Import and return the module `name` of `package`."""
    return importlib.import_module(f"{package}.{name}")
