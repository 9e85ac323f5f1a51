"""Batch sizes that were the fastest on this machine, kept in the cache folder."""

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
    """Return what a measurement holds for: network, input size, precision, device, TensorFlow."""
    height, width = model.size
    parts = (model.sha256, f"{height}x{width}", model.precision, _device(model.device))
    return " ".join((*parts, tf.__version__))


def recall(key: str) -> int | None:
    """Return the batch size measured before; None where there is none that can be read."""
    size = _read().get(key)
    return size if type(size) is int and size > 0 else None


def remember(key: str, size: int) -> None:
    """Keep a batch size, whole or not at all; where nothing can be written it is not kept."""
    sizes = {**_read(), key: size}
    with contextlib.suppress(OSError):
        published.home().mkdir(parents=True, exist_ok=True)
        published.write(_path(), json.dumps(sizes, indent=1).encode("ascii"))


def _read() -> Mapping[str, Any]:
    try:
        sizes = json.loads(_path().read_bytes())
    except (OSError, ValueError):
        return {}
    return sizes if isinstance(sizes, dict) else {}


def _path() -> Path:
    return published.home() / NAME


def _device(name: str) -> str:
    """Return what kind of device TensorFlow's name stands for."""
    if name.startswith("CPU"):
        return f"{_processor()}, {os.cpu_count()} cores"
    number = int(name.partition(":")[2])
    details = tf.config.experimental.get_device_details(
        tf.config.list_physical_devices("GPU")[number]
    )
    return str(details.get("device_name", name))


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
