"""Networks in .keras and .h5 files."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from igcli.errors import ModelError
from igcli.models import digest
from igcli.models.options import ModelOptions
from igcli.models.runtime import tensorflow
from igcli.models.sources import Loaded, custom_objects, keras_model

tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    EOFError,
    UserWarning,
    BadZipFile,
)
"""What Keras raises on damaged and foreign files."""

_BEGINNINGS = {".keras": b"PK\x03\x04", ".h5": b"\x89HDF\r\n", ".hdf5": b"\x89HDF\r\n"}
_TRUST = "add --trust-model if you trust whoever made the file: it may then run any code"


def load(options: ModelOptions, *, trust: bool = False) -> Loaded:
    """Load a .keras or .h5 file, in safe mode unless it is trusted.

    Raises:
        ModelError: It cannot be read, or the output wanted is not there.
    """
    path = options.source
    sha256 = digest.of_file(path)
    _check_beginning(path)
    model = read(path, trust=trust)
    return keras_model.loaded(model, keras_model.Known(path, sha256), output=options.output)


def read(path: str, *, trust: bool) -> Any:
    """Return the Keras network in a file.

    Raises:
        ModelError: It cannot be read.
    """
    # Keras logs that a file has no training configuration, which nobody asked for.
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        objects = custom_objects.imported(path) if trust else None
        with whole_weights():
            return keras.saving.load_model(
                path, custom_objects=objects, compile=False, safe_mode=not trust
            )
    except OSError as error:
        raise ModelError(f"model: {path}: {error.strerror or first_line(error)}") from None
    except UNREADABLE as error:
        raise ModelError(_reason(path, error, trust=trust)) from None


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


def _check_beginning(path: str) -> None:
    """Refuse an empty file and one whose name lies, before Keras says something obscure."""
    wanted = _BEGINNINGS[Path(path).suffix.lower()]
    with Path(path).open("rb") as file:
        found = file.read(len(wanted))
    if not found:
        raise ModelError(f"model: {path} is empty")
    if found != wanted:
        other = next((kind for kind, start in _BEGINNINGS.items() if found == start), None)
        hint = f"it looks like a {other} file: rename it" if other else "it is something else"
        raise ModelError(f"model: {path} is not a Keras file that can be read: {hint}")


def _reason(path: str, error: Exception, *, trust: bool) -> str:
    text = str(error)
    if not trust and ("safe_mode" in text or "unsafe" in text):
        return f"model: {path} holds a lambda, which is code: {_TRUST}"
    missing = next((line for line in text.splitlines() if _is_missing(line)), None)
    if missing:
        hint = "import it in Python and pass the network to igcli.attribute" if trust else _TRUST
        return (
            f"model: {path} needs code of its author's: {missing.split('. ')[0].strip()} ({hint})"
        )
    hint = " (a file of Keras 2? open it there and save it again, or export a SavedModel)"
    return (
        f"model: {path} is not a Keras file that can be read: {first_line(error)}"
        f"{hint if _is_legacy(text) else ''}"
    )


def _is_missing(line: str) -> bool:
    return any(words in line for words in ("ould not locate", "nknown layer", "nknown function"))


def _is_legacy(text: str) -> bool:
    return any(word in text for word in ("deserializ", "Unrecognized keyword", "batch_input_shape"))
