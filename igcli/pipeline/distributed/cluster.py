"""Ray: a cluster of our own on this machine or one that is there, and no word of its own."""

import logging
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from igcli.errors import IgcliError, UsageError
from igcli.models.runtime import quiet_stderr

OWN_MEMORY = 128 << 20
"""Bytes of Ray's store of objects, which only holds a few names of images."""

SECONDS = 10
"""Time for a cluster to answer."""

CORES = 4
"""Cores for a worker where nobody says how many workers there are to be."""

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    # What still runs when the cluster is left must not start another.
    "RAY_ENABLE_AUTO_CONNECT": "0",
    # Workers without a GPU do not look at those of the machine, and Ray need not hide them.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


NOT_REACHED = "--ray-address {}: not reached (is it up, with the same RAY_AUTH_MODE as here?)"


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of a fleet.

    Attributes:
        workers: How many.
        cpus: Cores of each.
        gpus: GPUs of each.
    """

    workers: int
    cpus: int
    gpus: int


def require_ray() -> None:
    """Refuse to run without Ray, which is not imported yet.

    Raises:
        UsageError: It is not installed.
    """
    if any(find_spec(name) is None for name in ("ray", "pyarrow")):
        raise UsageError("--engine ray needs the extra 'ray': pip install 'igcli[ray]'")


@contextmanager
def cluster(address: str | None, workers: int | None) -> Iterator[Any]:
    """Join a cluster, or start one that ends with this process; yields Ray.

    Args:
        address: Of a cluster; None for our own.
        workers: That ours is to have room for.

    Raises:
        IgcliError: It cannot be reached or started.
    """
    for name, value in (QUIET if address else QUIET | _own_access()).items():
        os.environ.setdefault(name, value)
    own = {} if address else _own_resources(workers)
    with quiet_stderr():
        import ray
        import ray.data

        _silence(ray)
        error = _init(ray, address or "local", own)
    if error is not None:
        where = NOT_REACHED.format(address) if address else "Ray cannot be started"
        raise IgcliError(f"{where}: {' '.join(str(error).split())}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _init(ray: Any, address: str, own: dict[str, Any]) -> Exception | None:
    """Return why Ray cannot be had: what it writes itself meanwhile is for nobody."""
    try:
        _knock(address)
        with _our_signals():
            ray.init(address, logging_level=logging.CRITICAL, log_to_driver=False, **own)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        return error
    return None


def _knock(address: str) -> None:
    """Raise OSError where nobody answers at HOST:PORT; Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS).close()


def _own_access() -> dict[str, str]:
    """Return settings by which nobody else can use our cluster, and that leave no file."""
    if "RAY_AUTH_MODE" in os.environ:
        return {}
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def crew_of(nodes: list[dict[str, Any]], workers: int | None, device: str) -> Crew:
    """Return how many workers a cluster is to have, and what each has.

    Args:
        nodes: What `ray.nodes` says.
        workers: How many somebody wants.
        device: "cpu", "gpu", or "auto": a GPU for each worker where there are GPUs.

    Raises:
        UsageError: There are no GPUs, or less than workers.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = sum(int(node.get("GPU", 0)) for node in alive)
    cores = [int(node.get("CPU", 0)) for node in alive]
    if device == "cpu" or (device == "auto" and not gpus):
        wanted = workers or sum(max(1, each // CORES) for each in cores if each)
        return Crew(wanted, _share(cores, wanted), 0)
    wanted = workers or gpus
    if not 0 < wanted <= gpus:
        raise UsageError(
            f"--workers {wanted}: a GPU for each is wanted, and the cluster has {gpus}"
        )
    return Crew(wanted, _share(cores, wanted), 1)


def _share(cores: list[int], workers: int) -> int:
    """Return the most cores that each worker can have, none of them on two machines."""
    for each in range(max(cores, default=0), 1, -1):
        if sum(count // each for count in cores) >= workers:
            return each
    return 1


def _own_resources(workers: int | None) -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "num_cpus": max(cores or 1, workers or 1),
        "include_dashboard": False,
        "object_store_memory": OWN_MEMORY,
    }


def _silence(ray: Any) -> None:
    # It would tell of dead workers on standard output, which carries results alone.
    ray._private.worker._worker_logs_enabled = False
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for handler in logging.getLogger("ray.data").handlers:
        if type(handler).__name__ == "PlainRayHandler":
            handler.setLevel(logging.CRITICAL + 1)


@contextmanager
def _our_signals() -> Iterator[None]:
    """Keep our own ways to stop; Ray would end the process where it stands."""
    ours = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as stop:
        if stop.code == signal.SIGTERM and callable(ours):
            ours(signal.SIGTERM, None)
        raise
    finally:
        signal.signal(signal.SIGTERM, ours)
