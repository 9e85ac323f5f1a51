"""Networks in .keras and .h5 files, whichever Keras wrote them.

The installed Keras refuses some files although nothing is wrong with their networks. Those are
opened under another name, repaired in a copy, or given the classes that Keras fails to find.
"""

import json
import logging
import os
import re
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from igcli.errors import ModelError
from igcli.models import hashing
from igcli.models.options import ModelOptions
from igcli.models.runtime import first_line, tensorflow
from igcli.models.sources import OpenedModel, custom_objects, keras_model
from igcli.models.sources.keras_config import (
    Kind,
    SavedConfig,
    find_author_code,
    mappings,
    read_config,
)
from igcli.options import setting

tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    NotImplementedError,
    ImportError,
    EOFError,
    UserWarning,
    zipfile.BadZipFile,
)
"""What Keras raises on damaged files and on files with classes that it does not know."""

_PIP_NAMES = {"keras_hub": "keras-hub", "keras_nlp": "keras-nlp", "keras_cv": "keras-cv"}
"""Packages of layers that Keras finds by itself once they are installed, by module."""

_HOW_TO_TRUST = (
    "add --trust-model if you trust whoever made the file (it may then run any code), with "
    f"{setting('model.custom_objects', 'FILE.py')} if its code is not found; or save it with "
    "model.export(FOLDER); or pass the model to igcli.attribute in Python"
)
_HOW_TO_FIND = (
    "name the file or module that defines it with "
    f"{setting('model.custom_objects', 'FILE.py')}, or save it with model.export(FOLDER), or pass "
    "the model to igcli.attribute in Python"
)

_SUFFIXES: dict[Kind, str] = {"zip": ".keras", "folder": "", "hdf5": ".h5"}


def load(options: ModelOptions, *, trust: bool = False) -> OpenedModel:
    """Load a .keras or .h5 file; its author's code runs only if the file is trusted.

    Raises:
        ModelError: It cannot be read, or does not have the requested output.
    """
    path = options.source
    sha256 = hashing.of_path(path)
    model = read(path, trust=trust, objects=options.custom_objects)
    return keras_model.from_keras(model, keras_model.ModelFacts(path, sha256), options)


def read(path: str, *, trust: bool, objects: str | None = None) -> Any:
    """Return the network in a file: a model of `keras` or, if Keras 2 wrote it, of `tf_keras`.

    Args:
        path: The file.
        trust: Whether a Keras file may run its author's code.
        objects: A Python file or module with that code, for trusted files.

    Raises:
        ModelError: It cannot be read.
    """
    # Keras logs that the file has no training configuration, which is irrelevant here.
    logging.getLogger("absl").setLevel(logging.ERROR)
    saved = read_config(path)
    if saved.is_keras_2 and not trust:
        # Stricter than the safe mode of Keras 2.
        _refuse_author_code(path, saved)
    try:
        classes = custom_objects.collect(path, saved, objects) if trust else {}
        with _with_suffix(path, saved.kind) as file, complete_weights():
            if saved.is_keras_2:
                import tf_keras

                return _load_model(
                    tf_keras, file, {**_hidden_layers(tf_keras), **classes}, trust=trust
                )
            if saved.kind == "hdf5":
                classes = {**_hidden_layers(keras), **_operations(saved), **classes}
            with _repaired(file, saved) as copy:
                return _load_model(keras, copy, classes, trust=trust)
    except OSError as error:
        raise ModelError(f"model: {path}: {error.strerror or first_line(error)}") from None
    except UNREADABLE as error:
        raise ModelError(_explanation(path, saved, error, trust=trust)) from None


def _refuse_author_code(path: str, saved: SavedConfig) -> None:
    import tf_keras

    code = find_author_code(saved.config, tf_keras)
    if code is not None:
        raise ModelError(f"model: {path} needs code of its author's, {code}: {_HOW_TO_TRUST}")


def _load_model(package: Any, file: str, classes: Mapping[str, Any], *, trust: bool) -> Any:
    return package.models.load_model(
        file, custom_objects=dict(classes) or None, compile=False, safe_mode=not trust
    )


@contextmanager
def complete_weights() -> Iterator[None]:
    """Raise an error where Keras only warns that weights are missing; silence other warnings.

    Raises:
        UserWarning: Some weights were not in the file and would keep their random values.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", "Skipping|A total of|.*could not be loaded", UserWarning)
        yield


# What Keras raised, in our words.


def _explanation(path: str, saved: SavedConfig, error: Exception, *, trust: bool) -> str:
    text = str(error)
    packages = map(_package, mappings(saved.config))
    package = next((name for name in packages if name in _PIP_NAMES), None)
    if package is not None:
        return (
            f"model: {path} has layers of {_PIP_NAMES[package]}, which is not installed or does "
            f"not fit (pip install {_PIP_NAMES[package]}): {first_line(error)}"
        )
    if not trust and ("safe_mode" in text or "unsafe" in text):
        return f"model: {path} holds a lambda, which is code: {_HOW_TO_TRUST}"
    missing = next((line for line in text.splitlines() if _reports_missing_class(line)), None)
    if missing and not _is_of_keras(missing):
        reason = missing.split(". ")[0].removeprefix("Exception encountered: ").strip()
        reason = reason.partition(" using config=")[0]
        remedy = _HOW_TO_FIND if trust else _HOW_TO_TRUST
        return f"model: {path} needs code of its author's: {reason}: {remedy}"
    writer = f"Keras {saved.version}" if saved.version else "an early Keras"
    return f"model: {path}, written by {writer}, cannot be read: {first_line(error)}"


def _package(part: Mapping[str, Any]) -> str:
    name = part.get("module") or part.get("registered_name")
    return str(name).partition(".")[0].partition(">")[0]


def _reports_missing_class(line: str) -> bool:
    # The last is reported for a class in an .h5 file that Keras mistakes for one of its own.
    phrases = (
        "ould not locate",
        "nknown layer",
        "nknown function",
        "rror when deserializing class",
    )
    return any(phrase in line for phrase in phrases)


def _is_of_keras(line: str) -> bool:
    """Tell whether the missing class is Keras's own, so that trusting the file would not help."""
    name = quoted[1] if (quoted := re.search(r"'(\w+)'", line)) else ""
    return name == "Functional" or hasattr(keras.layers, name) or hasattr(keras, name)


# Files opened under another name, or repaired in a copy.


@contextmanager
def _with_suffix(path: str, kind: Kind) -> Iterator[str]:
    """Give the path of a file under a name with the suffix that Keras expects of its kind."""
    if path.endswith(_SUFFIXES[kind]):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"model{_SUFFIXES[kind]}"
        link.symlink_to(Path(path).resolve())
        yield str(link)


@contextmanager
def _repaired(path: str, saved: SavedConfig) -> Iterator[str]:
    """Give the path of a repaired copy, or of the file itself if nothing needs repair.

    Keras 3.8 to 3.10 wrote the only input of a network in a `Sequential` as a list of one. Later
    versions read this as a network that takes a list, which a `Sequential` never gives it.
    """
    if not _unwrap_ends(saved.config):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, f"model{_SUFFIXES[saved.kind]}")  # noqa: PTH118
        _COPIERS[saved.kind](path, copy, saved)
        yield copy


def _unwrap_ends(config: Any) -> bool:
    """Unwrap inputs and outputs of nested networks in place; tell whether any were wrapped."""
    changed = False
    for network in _networks_in_sequential(config):
        for key in ("input_layers", "output_layers"):
            ends = network.get(key)
            if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list):
                network[key] = ends[0]
                changed = True
    return changed


def _networks_in_sequential(config: Any) -> Iterator[dict[str, Any]]:
    """Yield the configurations of the networks that are layers of a `Sequential`."""
    for part in mappings(config):
        inner = part.get("config")
        if part.get("class_name") == "Sequential" and isinstance(inner, dict):
            for layer in inner.get("layers") or ():
                is_network = isinstance(layer, dict) and layer.get("class_name") == "Functional"
                if is_network and isinstance(layer.get("config"), dict):
                    yield layer["config"]


def _copy_zip(path: str, copy: str, saved: SavedConfig) -> None:
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as new:
        for member in archive.infolist():
            if member.filename == "config.json":
                new.writestr(member, json.dumps(saved.config))
            else:
                with archive.open(member) as source, new.open(member, "w") as target:
                    shutil.copyfileobj(source, target)


def _copy_folder(path: str, copy: str, saved: SavedConfig) -> None:
    Path(copy).mkdir()
    for member in Path(path).resolve().iterdir():
        if member.name == "config.json":
            (Path(copy) / member.name).write_text(json.dumps(saved.config), "utf-8")
        else:
            (Path(copy) / member.name).symlink_to(member)


def _copy_hdf5(path: str, copy: str, saved: SavedConfig) -> None:
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        file.attrs["model_config"] = json.dumps(saved.config)


_COPIERS: dict[Kind, Callable[[str, str, SavedConfig], None]] = {
    "zip": _copy_zip,
    "folder": _copy_folder,
    "hdf5": _copy_hdf5,
}


# Classes of Keras that it writes to files and fails to find when it reads them.


def _hidden_layers(package: Any) -> dict[str, Any]:
    """Return layers that files name and their package does not find, by name.

    These are layers of its applications (ConvNeXt's `LayerScale`), and those of Keras 2 that have
    moved between modules (`Functional`, `TFOpLambda`).

    Args:
        package: `keras` or `tf_keras`.
    """
    layer = package.layers.Layer
    modules = (f"{package.__name__}.src.applications.", f"{package.__name__}.src.layers.core.tf_op")
    hidden = {
        subclass.__name__: subclass
        for subclass in _subclasses(layer)
        if subclass.__module__.startswith(modules)
    }
    inputs = package.Input((1,))
    # The class of functional networks has no public name.
    return {**hidden, "Functional": type(package.Model(inputs, inputs))}


def _operations(saved: SavedConfig) -> dict[str, Any]:
    """Return the operations of `keras.ops` that a network in an .h5 file uses, by name.

    Keras 3 writes them to .h5 files, for `x / 127.5` between layers, but does not find them again.
    Some layers have the name of an operation; a key that only layers have tells them apart.
    """
    used = {part.get("class_name") for part in mappings(saved.config) if "inbound_nodes" in part}
    operations: dict[str, Any] = {}
    for operation in _subclasses(keras.Operation):
        name = operation.__name__
        if name in used and operation.__module__.startswith("keras.src.ops."):
            layer = getattr(keras.layers, name, None)
            operations[name] = operation if layer is None else _either(layer, operation)
    return operations


def _either(layer: Any, operation: Any) -> Any:
    class Either:
        """A layer or the operation of the same name."""

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Any:
            """Build the one that the configuration is of."""
            return (layer if "trainable" in config else operation).from_config(config)

    return Either


def _subclasses(base: Any) -> Iterator[Any]:
    for subclass in base.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
