"""Networks in .keras and .h5 files, whichever Keras wrote them."""

import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from zipfile import BadZipFile

from igcli.errors import ModelError
from igcli.models import hashing
from igcli.models.options import ModelOptions
from igcli.models.runtime import tensorflow
from igcli.models.sources import OpenedModel, custom_objects, keras_mend, keras_model
from igcli.models.sources.keras_config import SavedConfig, foreign, parts, read_config

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
    BadZipFile,
)
"""What Keras raises on damaged and foreign files."""

HUBS = {"keras_hub": "keras-hub", "keras_nlp": "keras-nlp", "keras_cv": "keras-cv"}
"""Packages of layers that Keras finds by itself once they are installed, by module."""

TRUST = (
    "add --trust-model if you trust whoever made the file (it may then run any code), with "
    "model.custom_objects: FILE.py if its code is not found; or save it with model.export(FOLDER); "
    "or pass the model to igcli.attribute in Python"
)
_TRUSTED = (
    "name the file or module that has it with model.custom_objects: FILE.py, or save it with "
    "model.export(FOLDER), or pass the model to igcli.attribute in Python"
)


def load(options: ModelOptions, *, trust: bool = False) -> OpenedModel:
    """Load a .keras or .h5 file; code of its author's runs only if it is trusted.

    Raises:
        ModelError: It cannot be read, or the output wanted is not there.
    """
    path = options.source
    sha256 = hashing.of_path(path)
    model = read(path, trust=trust, objects=options.custom_objects)
    return keras_model.loaded(model, keras_model.Known(path, sha256), options)


def read(path: str, *, trust: bool, objects: str | None = None) -> Any:
    """Return the network in a file, a model of `keras` or, if Keras 2 wrote it, of `tf_keras`.

    Args:
        path: The file.
        trust: Whether it may bring code of its author's.
        objects: A Python file or module with that code, for trusted files.

    Raises:
        ModelError: It cannot be read.
    """
    # Keras logs that a file has no training configuration, which nobody asked for.
    logging.getLogger("absl").setLevel(logging.ERROR)
    saved = read_config(path)
    if saved.is_keras_2 and not trust:
        # More than its own safe mode does.
        _refuse_foreign(path, saved)
    try:
        found = custom_objects.gathered(path, saved, objects) if trust else {}
        with keras_mend.readable(path, saved.kind) as file, whole_weights():
            if saved.is_keras_2:
                import tf_keras

                found = {**keras_mend.unnamed(tf_keras), **found}
                return _loaded(tf_keras, file, found, trust=trust)
            if saved.kind == "hdf5":
                found = {**keras_mend.unnamed(keras), **keras_mend.operations(saved), **found}
            with keras_mend.mended(file, saved) as copy:
                return _loaded(keras, copy, found, trust=trust)
    except OSError as error:
        raise ModelError(f"model: {path}: {error.strerror or first_line(error)}") from None
    except UNREADABLE as error:
        raise ModelError(_reason(path, saved, error, trust=trust)) from None


def _refuse_foreign(path: str, saved: SavedConfig) -> None:
    import tf_keras

    code = foreign(saved.config, tf_keras)
    if code is not None:
        raise ModelError(f"model: {path} needs code of its author's, {code}: {TRUST}")


def _loaded(package: Any, file: str, objects: Mapping[str, Any], *, trust: bool) -> Any:
    return package.models.load_model(
        file, custom_objects=dict(objects) or None, compile=False, safe_mode=not trust
    )


@contextmanager
def whole_weights() -> Iterator[None]:
    """Raise where Keras only warns that weights stay as they were drawn; other warnings are hushed.

    Raises:
        UserWarning: Some weights were not in the file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", "Skipping|A total of|.*could not be loaded", UserWarning)
        yield


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its kind where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _reason(path: str, saved: SavedConfig, error: Exception, *, trust: bool) -> str:
    text = str(error)
    package = next((name for name in map(_package, parts(saved.config)) if name in HUBS), None)
    if package is not None:
        return (
            f"model: {path} has layers of {HUBS[package]}, which is not installed or does not fit "
            f"(pip install {HUBS[package]}): {first_line(error)}"
        )
    if not trust and ("safe_mode" in text or "unsafe" in text):
        return f"model: {path} holds a lambda, which is code: {TRUST}"
    missing = next((line for line in text.splitlines() if _is_missing(line)), None)
    if missing and not _is_of_keras(missing):
        what = missing.split(". ")[0].removeprefix("Exception encountered: ").strip()
        what = what.partition(" using config=")[0]
        return f"model: {path} needs code of its author's: {what}: {_TRUSTED if trust else TRUST}"
    wrote = f"Keras {saved.version}" if saved.version else "an early Keras"
    return f"model: {path}, written by {wrote}, cannot be read: {first_line(error)}"


def _package(part: Mapping[str, Any]) -> str:
    named = part.get("module") or part.get("registered_name")
    return str(named).partition(".")[0].partition(">")[0]


def _is_of_keras(line: str) -> bool:
    """Tell whether what is missing is no code of an author's, so that trust would not help."""
    name = quoted[1] if (quoted := re.search(r"'(\w+)'", line)) else ""
    return name == "Functional" or hasattr(keras.layers, name) or hasattr(keras, name)


def _is_missing(line: str) -> bool:
    # The last is what a class comes to that Keras guesses at in an .h5 file.
    words = ("ould not locate", "nknown layer", "nknown function", "rror when deserializing class")
    return any(each in line for each in words)
