"""TensorFlow: imported on first use and quietly, its devices, and its errors in our words."""

import functools
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

from igcli.errors import DeviceError, OutOfMemoryError, UsageError
from igcli.models.devices import parse_devices

CUDA = "install igcli[cuda] if the machine has an NVIDIA GPU"

log = logging.getLogger(__name__)


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


def choose_devices(device: str) -> tuple[str, ...]:
    """Return TensorFlow's names of devices, such as "CPU:0" or "GPU:1".

    Args:
        device: "auto" (the first GPU if there is one), "all" (every GPU; without one, with a
            warning, every part that a program has divided the CPU into, which is usually one),
            "cpu", "gpu", or the numbers of some devices, such as "gpu:0,2".

    Raises:
        UsageError: The name is invalid, or there is no such device.
    """
    try:
        chosen = parse_devices(device)
    except ValueError as error:
        raise UsageError(f"device: {error}") from None
    tf = tensorflow()
    for gpu in tf.config.list_physical_devices("GPU"):
        # Without this, TensorFlow takes all of a GPU's memory at once. It refuses if a program has
        # divided the GPU, or has used it before.
        with suppress(ValueError, RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    counts = {kind: len(tf.config.list_logical_devices(kind)) for kind in ("CPU", "GPU")}
    kind = chosen.kind or ("GPU" if counts["GPU"] else "CPU")
    if device == "all" and kind == "CPU":
        warn_without_gpu()
    numbers = range(counts[kind]) if chosen.numbers is None else chosen.numbers
    for number in numbers:
        if number >= counts[kind]:
            raise UsageError(_missing(kind, number, counts[kind]))
    return tuple(f"{kind}:{number}" for number in numbers)


@functools.cache  # Once a process: a command may load a network twice.
def warn_without_gpu() -> None:
    """Warn that there is no GPU, where all of them were asked for."""
    log.warning("device all: there is no GPU, so the CPU is used; %s", CUDA)


def _missing(kind: str, number: int, count: int) -> str:
    """Return the message about a device that does not exist, of `count` that do."""
    names = ", ".join(f"{kind.lower()}:{existing}" for existing in range(count))
    seen = f"TensorFlow sees {names or f'no GPU; use cpu, or {CUDA}'}"
    return f"device: there is no {kind.lower()}:{number}: {seen}"


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


@contextmanager
def translate_device_errors(device: str) -> Iterator[None]:
    """Raise `DeviceError` or `OutOfMemoryError` for errors of a device, rather than of a network.

    Args:
        device: TensorFlow's name of the device.
    """
    errors = tensorflow().errors
    try:
        with translate_memory_errors():
            yield
    except (
        *(errors.InternalError, errors.UnknownError, errors.UnavailableError),
        *(errors.AbortedError, errors.DataLossError),
    ) as error:
        raise DeviceError(f"model: failed on {device}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its type if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
