"""TensorFlow, imported late and without its chatter."""

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from igcli.errors import OutOfMemoryError, UsageError


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what native code writes to standard error, and show it only if something is raised."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        real = os.dup(2)
        try:
            os.dup2(kept.fileno(), 2)
            yield
        except Exception:
            kept.seek(0)
            os.write(real, kept.read())
            raise
        finally:
            os.dup2(real, 2)
            os.close(real)


def tensorflow() -> ModuleType:
    """Return TensorFlow, imported at the first call."""
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        with quiet_stderr():
            import tensorflow as tf

            logging.getLogger("tensorflow").setLevel(logging.ERROR)
            # Looking for devices is what makes the native side talk.
            tf.config.list_physical_devices()
    return sys.modules["tensorflow"]


def choose(device: str) -> str:
    """Return TensorFlow's name of a device, "CPU:0" or "GPU:1".

    Args:
        device: "auto" (the first GPU if there is one), "cpu", "gpu" or "gpu:N".

    Raises:
        UsageError: There is no such kind of device, or the device is not there.
    """
    match = re.fullmatch(r"auto|cpu|gpu(?::([0-9]{1,4}))?", str(device))
    if match is None:
        raise UsageError(f"device: must be auto, cpu, gpu or gpu:N, not {device!r}")
    tf = tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # Without this TensorFlow takes all of a GPU's memory at once.
        tf.config.experimental.set_memory_growth(gpu, True)
    if device == "cpu" or (device == "auto" and not gpus):
        return "CPU:0"
    number = int(match[1] or 0)
    if number >= len(gpus):
        seen = f"{len(gpus)} GPU{'s' if len(gpus) > 1 else ''}" if gpus else "no GPU"
        raise UsageError(
            f"device: {device} is not there: TensorFlow sees {seen} "
            "(use device: cpu, or install igcli[cuda] where there is an NVIDIA GPU)"
        )
    return f"GPU:{number}"


@contextmanager
def out_of_memory() -> Iterator[None]:
    """Turn the errors of a device without memory into `OutOfMemoryError`."""
    tf = tensorflow()
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise OutOfMemoryError("model: out of memory; lower --batch-size") from error
    except (tf.errors.InternalError, tf.errors.UnknownError) as error:
        # CUDA's own libraries say it in words alone.
        text = str(error).lower().replace("_", " ")
        if "out of memory" not in text and "failed to allocate" not in text:
            raise
        raise OutOfMemoryError("model: out of memory; lower --batch-size") from error
