"""Registries by file name: one file a method or style, no list to keep."""

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType


def names(path: Sequence[str]) -> tuple[str, ...]:
    """Return the public module names in the package folders `path`, sorted, importing nothing."""
    found = (module.name for module in pkgutil.iter_modules(path))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def load(package: str, name: str) -> ModuleType:
    """Import and return the module `name` of `package`."""
    return importlib.import_module(f"{package}.{name}")
