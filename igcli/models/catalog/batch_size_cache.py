"""The fastest batch sizes measured on this machine, kept in the cache folder."""

import contextlib
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from igcli.models.catalog import published
from igcli.models.load import Model
from igcli.models.runtime import tensorflow

tf = tensorflow()

NAME = "batch-sizes.json"


def key(model: Model) -> str:
    """Return what a measurement depends on: network, input size, precision, device, TensorFlow."""
    height, width = model.size
    device = _device_model(model.network.devices[0])
    parts = (model.sha256, f"{height}x{width}", model.precision, device, tf.__version__)
    return " ".join(parts)


def recall(key: str) -> int | None:
    """Return the batch size measured earlier, or None if there is none or it cannot be read."""
    size = _read().get(key)
    return size if type(size) is int and size > 0 else None


def remember(key: str, size: int) -> None:
    """Keep a batch size; a cache that cannot be written is ignored."""
    sizes = {**_read(), key: size}
    with contextlib.suppress(OSError):
        published.cache_folder().mkdir(parents=True, exist_ok=True)
        published.write(_path(), json.dumps(sizes, indent=1).encode("ascii"))


def _read() -> Mapping[str, Any]:
    try:
        sizes = json.loads(_path().read_bytes())
    except (OSError, ValueError):
        return {}
    return sizes if isinstance(sizes, dict) else {}


def _path() -> Path:
    return published.cache_folder() / NAME


def _device_model(name: str) -> str:
    """Return the model of processor or GPU that TensorFlow's name of a device stands for."""
    if name.startswith("CPU"):
        return f"{_processor()}, {os.cpu_count()} cores"
    gpus = tf.config.list_physical_devices("GPU")
    # A program may have divided GPUs, so that there are more names than GPUs.
    number = min(int(name.partition(":")[2]), len(gpus) - 1)
    details = tf.config.experimental.get_device_details(gpus[number])
    return str(details.get("device_name", name))


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
