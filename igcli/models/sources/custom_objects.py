"""Classes of a trusted file's author, found by the modules that the file names."""

import importlib
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
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
    found = {}
    with_folders = [str(Path(path).resolve().parent), str(Path.cwd())]
    sys.path[:0] = with_folders
    try:
        for module, name in _named(config):
            try:
                found[name] = getattr(importlib.import_module(module), name)
            except (ImportError, AttributeError):
                continue
    finally:
        del sys.path[: len(with_folders)]
    return found


def _named(config: Any) -> Iterator[tuple[str, str]]:
    """Yield the module and name of each class and function that is not Keras's own."""
    if isinstance(config, list):
        for item in config:
            yield from _named(item)
    if not isinstance(config, dict):
        return
    module, name = config.get("module"), config.get("class_name")
    name = config.get("config") if name == "function" else name
    if isinstance(module, str) and isinstance(name, str) and module.split(".")[0] not in _OWN:
        yield module, name
    for value in config.values():
        yield from _named(value)
