"""The device a network runs on."""

import re

from igcli.errors import UsageError
from igcli.models.runtime import tensorflow


def choose(device: str, precision: str = "float32") -> str:
    """Return TensorFlow's name of a device, "CPU:0" or "GPU:1".

    Args:
        device: "auto" (the first GPU if there is one), "cpu", "gpu" or "gpu:N".
        precision: What it will compute in; bfloat16 is for CPUs.

    Raises:
        UsageError: The device is not there, is none for the precision, or has no such name.
    """
    if not re.fullmatch(r"auto|cpu|gpu(:[0-9]{1,4})?", str(device)):
        raise UsageError(f"device: must be auto, cpu, gpu or gpu:N, not {device!r}")
    tf = tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # Without this TensorFlow takes all of a GPU's memory at once.
        tf.config.experimental.set_memory_growth(gpu, True)
    if device == "cpu" or (device == "auto" and not gpus):
        return "CPU:0"
    number = int(match[1]) if (match := re.fullmatch(r"gpu:(\d+)", device)) else 0
    if number >= len(gpus):
        seen = f"{len(gpus)} GPU{'s' if len(gpus) > 1 else ''}" if gpus else "no GPU"
        raise UsageError(
            f"device: {device} is not there: TensorFlow sees {seen} "
            "(use device: cpu, or install igcli[cuda] where there is an NVIDIA GPU)"
        )
    if precision == "bfloat16":
        raise UsageError(
            f"precision: bfloat16 is for CPUs, the run is on GPU:{number}: use float32"
        )
    return f"GPU:{number}"
