"""Classes and functions of a trusted file's author. Everything here runs that author's code."""

import importlib
import importlib.util
import inspect
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from igcli.errors import ModelError
from igcli.models.runtime import tensorflow
from igcli.models.sources.keras_config import SavedConfig, mappings
from igcli.options import setting

tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

log = logging.getLogger(__name__)

_FOUND_BY_KERAS = ("keras", "tf_keras", "builtins", "tensorflow", "__main__")
_PREPROCESSING = "preprocess_input"
_DEFAULT_APPLICATION = "mobilenet_v2"
_APPLICATIONS = {
    "mobilenet_v3": "mobilenet_?v3",
    "mobilenet_v2": "mobilenet_?v2",
    "mobilenet": "mobilenet",
    "inception_resnet_v2": "inception_?resnet",
    "inception_v3": "inception_?v3",
    "resnet_rs": "resnet_?rs",
    "resnet_v2": r"resnet_?\d*_?v2",
    "resnet": r"resnet_?\d",
    "efficientnet_v2": "efficientnet_?v2",
    "efficientnet": "efficientnet",
    "convnext": "convnext",
    "vgg16": "vgg_?16",
    "vgg19": "vgg_?19",
    "densenet": "densenet",
    "nasnet": "nasnet",
    "regnet": "regnet",
    "xception": "xception",
}
"""Modules of `keras.applications` and patterns of their networks' names, narrower ones first."""


def collect(path: str, saved: SavedConfig, objects: str | None) -> dict[str, Any]:
    """Return the author's classes and functions that a trusted file needs, by name for Keras.

    The module that the user names contributes what it registers with Keras, every Layer class and
    every public function. Modules that the file names contribute what the file names of them. They
    are searched for beside the file, in the current folder and on Python's path. Whatever is not
    found is left to Keras, whose message names it.

    Args:
        path: The file.
        saved: Its configuration.
        objects: A Python file or an importable module, if the user names one.

    Raises:
        ModelError: The module named by the user cannot be imported.
    """
    collected: dict[str, Any] = _preprocessing(path, saved)
    references = {pair for part in mappings(saved.config) if (pair := _reference(part))}
    modules = {module for module, _ in references if _package(module) not in _FOUND_BY_KERAS}
    with _importable(path):
        for module in filter(None, map(_import_if_found, sorted(modules))):
            # Keras does not record a function's module: assume that it is that of a class.
            members = vars(module)
            collected |= {name: members[name] for _, name in references if name in members}
        if objects is not None:
            collected |= _public(_import(objects))
    return collected


def _preprocessing(path: str, saved: SavedConfig) -> dict[str, Any]:
    """Return the `preprocess_input` that a Lambda names, of which each application has its own.

    The file does not say whose it is. The names of its layers tell which application the network is
    built on, and that one's is taken.
    """
    parts = list(mappings(saved.config))
    if not any(_PREPROCESSING in (part.get("function"), part.get("config")) for part in parts):
        return {}
    names = [str(part.get(key)).rpartition(".")[2] for part in parts for key in ("module", "name")]
    application = next(
        (module for module, pattern in _APPLICATIONS.items() if _matches_any(pattern, names)), None
    )
    log.warning(
        "%s does not say whose preprocess_input its Lambda is: using that of keras.applications.%s"
        "%s",
        path,
        application or _DEFAULT_APPLICATION,
        ""
        if application
        else " (to -1...1); for another one, import it in a file and set "
        f"{setting('model.custom_objects')} to that file",
    )
    module = getattr(keras.applications, application or _DEFAULT_APPLICATION)
    return {_PREPROCESSING: getattr(module, _PREPROCESSING)}


def _matches_any(pattern: str, names: list[str]) -> bool:
    return any(re.match(pattern, name.lower()) for name in names)


def _reference(part: Any) -> tuple[str, str] | None:
    """Return the module and name of the class or function that a part of a configuration names."""
    module, name = part.get("module"), part.get("class_name")
    name = part.get("config") if name == "function" else name
    return (module, name) if isinstance(module, str) and isinstance(name, str) else None


def _package(module: str) -> str:
    return module.partition(".")[0]


@contextmanager
def _importable(path: str) -> Iterator[None]:
    """Search for modules in a file's folder and the current one first."""
    folders = [str(Path(path).resolve().parent), str(Path.cwd())]
    sys.path[:0] = folders
    try:
        yield
    finally:
        for folder in folders:
            sys.path.remove(folder)


def _import_if_found(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _import(objects: str) -> ModuleType:
    """Import what the user names; the author's code may fail in any way."""
    file = Path(objects)
    try:
        if not objects.endswith(".py"):
            return importlib.import_module(objects)
        name = f"igcli_custom_{file.stem}"
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError("it is not a Python file")
        module = importlib.util.module_from_spec(spec)
        # Decorators of Keras look up a class's module by name.
        sys.modules[name] = module
        with _importable(objects):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"model.custom_objects: {objects} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return module


def _public(module: ModuleType) -> dict[str, Any]:
    """Return the Layer classes and public functions of a module by their own names."""
    return {
        name: value
        for name, value in vars(module).items()
        if (inspect.isclass(value) and _is_layer(value))
        or (inspect.isfunction(value) and not name.startswith("_"))
    }


def _is_layer(value: type) -> bool:
    return any(base.__name__ == "Layer" for base in value.__mro__)
