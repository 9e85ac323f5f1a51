"""TensorFlow: imported on first use and quietly, its devices, and its errors in our words."""

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from igcli.errors import OutOfMemoryError, UsageError


def tensorflow() -> ModuleType:
    """Return TensorFlow, imported on the first call."""
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        with quiet_stderr():
            import tensorflow as tf

            logging.getLogger("tensorflow").setLevel(logging.ERROR)
            # Native code writes its messages when it first looks for devices.
            tf.config.list_physical_devices()
    return sys.modules["tensorflow"]


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back the native code's standard error; show it only if an exception is raised."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held_back:
        stderr = os.dup(2)
        try:
            os.dup2(held_back.fileno(), 2)
            yield
        except Exception:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def choose_device(device: str) -> str:
    """Return TensorFlow's name of a device, such as "CPU:0" or "GPU:1".

    Args:
        device: "auto" (the first GPU if there is one), "cpu", "gpu" or "gpu:N".

    Raises:
        UsageError: The name is invalid, or there is no such device.
    """
    match = re.fullmatch(r"auto|cpu|gpu(?::([0-9]{1,4}))?", str(device))
    if match is None:
        raise UsageError(f"device: must be auto, cpu, gpu or gpu:N, not {device!r}")
    tf = tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # Without this, TensorFlow takes all of a GPU's memory at once.
        tf.config.experimental.set_memory_growth(gpu, True)
    if device == "cpu" or (device == "auto" and not gpus):
        return "CPU:0"
    number = int(match[1] or 0)
    if number >= len(gpus):
        available = f"{len(gpus)} GPU{'s' if len(gpus) > 1 else ''}" if gpus else "no GPU"
        raise UsageError(
            f"device: there is no {device}: TensorFlow sees {available} "
            "(use device: cpu, or install igcli[cuda] if the machine has an NVIDIA GPU)"
        )
    return f"GPU:{number}"


@contextmanager
def translate_memory_errors() -> Iterator[None]:
    """Raise `OutOfMemoryError` for the various errors of a device that runs out of memory."""
    tf = tensorflow()
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise OutOfMemoryError("model: out of memory; lower --batch-size") from error
    except (tf.errors.InternalError, tf.errors.UnknownError) as error:
        # CUDA's own libraries say so only in the text of the error.
        text = str(error).lower().replace("_", " ")
        if "out of memory" not in text and "failed to allocate" not in text:
            raise
        raise OutOfMemoryError("model: out of memory; lower --batch-size") from error


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its type if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
