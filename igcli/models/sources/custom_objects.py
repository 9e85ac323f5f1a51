"""Classes and functions of a trusted file's author, found by the modules that the file names."""

import importlib
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_OWN = ("keras", "builtins", "tensorflow", "__main__")


def imported(path: str) -> dict[str, Any]:
    """Import the modules that a .keras file names, and return what it needs of them.

    Modules are looked for beside the file, in the current folder and where Python looks. What is
    not found is left to Keras, whose message names it. Runs whatever the modules hold: for trusted
    files only.

    Args:
        path: The file; one of another kind names no modules.
    """
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    wanted = set(_named(config))
    modules = _imported({module for module, _ in wanted if module.split(".")[0] not in _OWN}, path)
    # Of a function Keras does not write down the module: it is taken to be with the classes.
    return {
        name: getattr(module, name)
        for module in modules
        for _, name in sorted(wanted)
        if hasattr(module, name)
    }


def _imported(names: set[str], path: str) -> list[ModuleType]:
    folders = [str(Path(path).resolve().parent), str(Path.cwd())]
    found = []
    sys.path[:0] = folders
    try:
        for name in sorted(names):
            try:
                found.append(importlib.import_module(name))
            except ImportError:
                continue
    finally:
        del sys.path[: len(folders)]
    return found


def _named(config: Any) -> Iterator[tuple[str, str]]:
    """Yield module and name of each class and function in a configuration."""
    if isinstance(config, list):
        for item in config:
            yield from _named(item)
    if not isinstance(config, dict):
        return
    module, name = config.get("module"), config.get("class_name")
    name = config.get("config") if name == "function" else name
    if isinstance(module, str) and isinstance(name, str):
        yield module, name
    for value in config.values():
        yield from _named(value)
