"""A Ray cluster: start one or join one, keep Ray silent, and divide its cores among workers."""

import logging
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from igcli.errors import IgcliError, UsageError
from igcli.models.runtime import quiet_stderr, warn_without_gpu

OBJECT_STORE_BYTES = 128 << 20
"""Size of the object store of a cluster that we start; it only holds a few image names."""

CONNECT_SECONDS = 10
"""Time for an existing cluster to answer."""

CORES_PER_WORKER = 4
"""Cores for each worker if the number of workers is not given."""

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    # A call after the run has left the cluster must not start another one.
    "RAY_ENABLE_AUTO_CONNECT": "0",
    # Workers without a GPU ignore GPUs by themselves; Ray need not hide them.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Environment variables for Ray, unless the user has set them."""

NO_MESSAGES = {"RAY_DEDUP_LOGS": "1", "RAY_DEDUP_LOGS_SKIP_REGEX": "^"}
"""Drops all messages of Ray: `log_to_driver=False` lets those about dead workers through, and Ray
prints them to standard output, which carries results alone. The pattern matches every line."""

NOT_REACHED = (
    "--ray-address {}: could not be reached (is it running, with the same RAY_AUTH_MODE as here?)"
)
NOT_STARTED = "--engine ray: Ray could not be started"
ENDED = "igcli: --engine ray: the run ended abruptly; run the same command again to continue"


@dataclass(frozen=True, slots=True)
class WorkerResources:
    """The workers of a cluster.

    Attributes:
        workers: Number of workers.
        cpus: Number of cores for each.
        gpus: Number of GPUs for each.
    """

    workers: int
    cpus: int
    gpus: int


def require_ray() -> None:
    """Refuse to run without Ray, without importing it.

    Raises:
        UsageError: Ray is not installed.
    """
    if find_spec("ray") is None:
        raise UsageError("--engine ray needs the extra 'ray': pip install 'igcli[ray]'")


@contextmanager
def cluster(address: str | None, workers: int | None) -> Iterator[Any]:
    """Join a cluster, or start one that ends with this process; yields the module `ray`.

    Args:
        address: Address of an existing cluster; None to start one.
        workers: Number of workers that a new cluster must have room for.

    Raises:
        IgcliError: The cluster could not be reached or started.
    """
    for name, value in (ENVIRONMENT if address else ENVIRONMENT | _access_token()).items():
        os.environ.setdefault(name, value)
    os.environ.update(NO_MESSAGES)
    with abrupt_end_reported():
        with quiet_stderr():
            import ray

            error = _init(ray, address or "local", {} if address else _local_resources(workers))
        try:
            if error is not None:
                message = NOT_REACHED.format(address) if address else NOT_STARTED
                raise IgcliError(f"{message}: {' '.join(str(error).split())}") from error
            yield ray
        finally:
            ray.shutdown()


@contextmanager
def abrupt_end_reported() -> Iterator[None]:
    """Report it if this process ends without an exception.

    Native code of Ray calls `_Exit(1)` if it loses its connection, as on a busy machine. No handler
    runs then, so a shell waits for a line from this process, and prints the message if its standard
    input ends without one.
    """
    script = 'read -r _ || echo "$1" >&2'
    with subprocess.Popen(  # noqa: S603 - a fixed command
        ["/bin/sh", "-c", script, "sh", ENDED],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for this process.
    ) as reporter:
        try:
            yield
        finally:
            reporter.communicate(b"\n")


def _init(ray: Any, address: str, resources: dict[str, Any]) -> BaseException | None:
    """Connect to Ray; return why that failed."""
    try:
        _check_port(address)
        with _igcli_signal_handler():
            ray.init(address, logging_level=logging.CRITICAL, log_to_driver=False, **resources)
    except (OSError, OverflowError, RuntimeError, ValueError, SystemExit) as error:
        return error
    return None


def _check_port(address: str) -> None:
    """Raise OSError if nothing listens at HOST:PORT; Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        endpoint = host.strip("[]"), int(port)
        socket.create_connection(endpoint, timeout=CONNECT_SECONDS).close()


@contextmanager
def _igcli_signal_handler() -> Iterator[None]:
    """Restore our SIGTERM handler after `ray.init`, which installs one that calls `sys.exit`."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as stop:
        if stop.code == signal.SIGTERM and callable(handler):
            handler(signal.SIGTERM, None)
        raise
    finally:
        signal.signal(signal.SIGTERM, handler)


def _access_token() -> dict[str, str]:
    """Return settings that keep others out of a cluster that we start, without writing a file."""
    if "RAY_AUTH_MODE" in os.environ:
        return {}
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _local_resources(workers: int | None) -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "num_cpus": max(cores or 1, workers or 1),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }


def worker_resources(
    nodes: list[dict[str, Any]], workers: int | None, device: str
) -> WorkerResources:
    """Return the number of workers for a cluster, and the resources of each.

    Args:
        nodes: The nodes, as `ray.nodes` returns them.
        workers: Number of workers; None for as many as the cluster has room for.
        device: "cpu", "gpu", or "auto" or "all": one GPU for each worker if there are GPUs; without
            any, "all" gets a warning.

    Raises:
        UsageError: There are no GPUs, or fewer than workers.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = sum(int(node.get("GPU", 0)) for node in alive)
    cores = [int(node.get("CPU", 0)) for node in alive]
    if device == "all" and not gpus:
        warn_without_gpu()
    if device == "cpu" or (device != "gpu" and not gpus):
        count = workers or sum(max(1, cpus // CORES_PER_WORKER) for cpus in cores if cpus)
        return WorkerResources(count, _cores_per_worker(cores, count), 0)
    count = workers or gpus
    if not 0 < count <= gpus:
        raise UsageError(f"--workers {count}: each worker needs a GPU, and the cluster has {gpus}")
    return WorkerResources(count, _cores_per_worker(cores, count), 1)


def _cores_per_worker(cores: list[int], workers: int) -> int:
    """Return the largest number of cores that all workers can have, each on a single machine."""
    for share in range(max(cores, default=0), 1, -1):
        if sum(count // share for count in cores) >= workers:
            return share
    return 1
