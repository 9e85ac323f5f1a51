"""Networks in Keras 3 files."""

import hashlib
from pathlib import Path
from zipfile import BadZipFile

from igcli.errors import ModelError
from igcli.models.runtime import tensorflow
from igcli.models.sources import Loaded

tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RuntimeError, BadZipFile)
"""What Keras raises on damaged and foreign files."""


def load(path: str) -> Loaded:
    """Load a .keras file, in safe mode.

    Raises:
        ModelError: It cannot be read, or has not one input and one output.
    """
    try:
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except OSError as error:
        raise ModelError(f"model: {path}: {error.strerror or first_line(error)}") from None
    except UNREADABLE as error:
        reason = first_line(error)
        raise ModelError(f"model: {path} is not a Keras file that can be read: {reason}") from None
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(
            f"model: {path} has {len(model.inputs)} inputs and {len(model.outputs)} outputs, "
            "expected one of each"
        )
    return Loaded(
        function=lambda inputs: model(inputs, training=False),
        input_shape=tuple(model.inputs[0].shape[1:]),
        preprocess="none",
        labels=None,
        sha256=digest,
    )


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its kind where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
