"""An actor of the fleet: holds a ticket, and lives as long as its network."""

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import ray

from igcli.errors import IgcliError
from igcli.pipeline.distributed.messages import WorkerConfig

Rows = dict[str, npt.NDArray[np.int64]]


class Calls:
    """The ledger, for the holder of one ticket.

    Attributes:
        ticket: Its number.
    """

    def __init__(self, ledger: Any, ticket: int) -> None:
        self.ticket = ticket
        self._ledger = ledger

    def begin(self, method: str, *arguments: Any) -> Any:
        """Call a method; `ray.get` waits for its answer."""
        return getattr(self._ledger, method).remote(*arguments)

    def __call__(self, method: str, *arguments: Any) -> Any:
        """Call a method and return its answer."""
        return ray.get(self.begin(method, *arguments))


class Worker:
    """Loads the network once, and takes images until none is left."""

    def __init__(self, ledger: Any, order: WorkerConfig, *, cpus: int, gpus: int) -> None:
        """Go where the driver is.

        Args:
            ledger: The actor that hands out images.
            order: What is to be done.
            cpus: Threads for the network.
            gpus: Number of GPUs; where it is 0, those of the machine are left alone.
        """
        # TensorFlow reads it when it is imported; else each worker would use all cores.
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(cpus))
        with contextlib.suppress(OSError):  # On a machine without it paths have to be absolute.
            os.chdir(order.current)
        device = {"device": "gpu" if gpus else "cpu"}
        self._order = replace(order, settings=order.settings.model_copy(update=device))
        self._ledger = ledger

    def __call__(self, rows: Rows) -> Rows:
        """Work until nothing is left, for the ticket in `rows`."""
        [ticket] = rows["ticket"].tolist()
        calls = Calls(self._ledger, ticket)
        lost = calls("begin", ticket)
        if lost is not None:
            try:
                with _logs_to(calls, self._order.level):
                    from igcli.pipeline.distributed.shift import work  # This imports TensorFlow.

                    work(calls, self._order, lost)
            except IgcliError as error:
                calls("fail", error)
        return rows


class _Handler(logging.Handler):
    """Sends what is logged to the driver."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls

    def emit(self, record: logging.LogRecord) -> None:
        self._calls.begin("tell", record.levelno, record.getMessage())


@contextlib.contextmanager
def _logs_to(calls: Calls, level: int) -> Iterator[None]:
    log = logging.getLogger("igcli")
    log.setLevel(level)
    log.propagate = False
    handler = _Handler(calls)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
