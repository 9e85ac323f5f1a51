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
from igcli.models.sources.keras_config import SavedConfig, parts

tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

log = logging.getLogger(__name__)

_OWN = ("keras", "tf_keras", "builtins", "tensorflow", "__main__")
_PREPROCESSING = "preprocess_input"
_USUAL = "mobilenet_v2"
_FAMILIES = {
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
"""Modules of `keras.applications` and what their networks are called, the narrower names first."""


def gathered(path: str, saved: SavedConfig, objects: str | None) -> dict[str, Any]:
    """Return what a trusted file needs of its author's, by the names that Keras looks for.

    Of the module that the user names: what it registers with Keras, every Layer class and every
    public function. Of modules that the file names: what it names of them. Modules are looked for
    beside the file, in the current folder and where Python looks; what is not found is left to
    Keras, whose message names it.

    Args:
        path: The file.
        saved: Its configuration.
        objects: A Python file or an importable module, if the user names one.

    Raises:
        ModelError: The module named by the user cannot be imported.
    """
    found: dict[str, Any] = _preprocessing(path, saved)
    named = {pair for part in parts(saved.config) if (pair := _named(part))}
    modules = {module for module, _ in named if module.partition(".")[0] not in _OWN}
    with _importable(path):
        for module in filter(None, map(_imported, sorted(modules))):
            # Of a function Keras does not write down the module: it is taken to be with a class.
            found |= {name: vars(module)[name] for _, name in named if name in vars(module)}
        if objects is not None:
            found |= _public(_module(objects))
    return found


@contextmanager
def _importable(path: str) -> Iterator[None]:
    folders = [str(Path(path).resolve().parent), str(Path.cwd())]
    sys.path[:0] = folders
    try:
        yield
    finally:
        for folder in folders:
            sys.path.remove(folder)


def _imported(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _module(objects: str) -> ModuleType:
    """Import what the user names; whatever goes wrong in it is the author's."""
    file = Path(objects)
    try:
        if not objects.endswith(".py"):
            return importlib.import_module(objects)
        name = f"igcli_custom_{file.stem}"
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError("it is no Python file")
        module = importlib.util.module_from_spec(spec)
        # Classes find their module by its name when they are decorated.
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


def _named(part: Any) -> tuple[str, str] | None:
    """Return module and name of the class or function that a part of a configuration is."""
    module, name = part.get("module"), part.get("class_name")
    name = part.get("config") if name == "function" else name
    return (module, name) if isinstance(module, str) and isinstance(name, str) else None


def _preprocessing(path: str, saved: SavedConfig) -> dict[str, Any]:
    """Return the `preprocess_input` that a Lambda names, of which each application has its own.

    The file does not say whose it is: it is taken from the application that the network is built
    on, told by the name of its layers.
    """
    found = list(parts(saved.config))
    if not any(_PREPROCESSING in (part.get("function"), part.get("config")) for part in found):
        return {}
    names = [str(part.get(key)).rpartition(".")[2] for part in found for key in ("module", "name")]
    family = next((each for each, name in _FAMILIES.items() if _is_any(name, names)), None)
    log.warning(
        "%s does not say whose preprocess_input its Lambda is: keras.applications.%s's is taken%s",
        path,
        family or _USUAL,
        "" if family else " (to -1...1); import another one in a file for model.custom_objects",
    )
    module = getattr(keras.applications, family or _USUAL)
    return {_PREPROCESSING: getattr(module, _PREPROCESSING)}


def _is_any(pattern: str, names: list[str]) -> bool:
    return any(re.match(pattern, name.lower()) for name in names)
