"""A peer's process, as the one that measures sees it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Any

TESTS = Path(__file__).parents[2]
PATIENCE = 1200
"""Seconds after which a process that does not answer is ended."""

_PATHS = os.pathsep.join(map(str, (TESTS, TESTS.parent)))
_ENVIRONMENT = os.environ | {"PYTHONPATH": _PATHS, "TF_CPP_MIN_LOG_LEVEL": "3"}


def prepare(network: str, folder: Path) -> None:
    """Write a network's files."""
    command = _command(Path(sys.executable), "networks", network, str(folder))
    subprocess.run(command, check=True, cwd=folder, env=_ENVIRONMENT)


def _command(python: Path, module: str, *arguments: str) -> list[str]:
    return [str(python), "-m", f"benchmarks.peer_workers.{module}", *arguments]


class WorkerError(Exception):
    """A process that ended; the message is the last that it said."""


@dataclass(frozen=True)
class Measured:
    """One call: gradients, how many of them a second, and the process's highest memory in MiB."""

    evaluations: int
    rate: float
    peak: float


class Worker:
    """A process that has loaded one network with one peer; it waits between calls."""

    def __init__(self, python: Path, arguments: Sequence[str], folder: Path) -> None:
        """Start it.

        Args:
            python: The interpreter of its environment.
            arguments: Module of the peer, network and precision.
            folder: Where networks and images are.
        """
        module, network, precision = arguments
        self._log = folder / f"{module}-{network}-{precision}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                _command(python, module, network, precision, str(folder)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                env=_ENVIRONMENT,
                text=True,
            )

    def __enter__(self) -> "Worker":
        """Wait until the network is loaded."""
        self.versions: dict[str, str] = self._answer()["versions"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def run(
        self, count: int, *, steps: int | str, batch_size: int, save: Path | None = None
    ) -> Measured:
        """Attribute the first images, and write attributions and scores to `save`.

        Raises:
            WorkerError: It ended before it was done.
        """
        command = {"count": count, "steps": steps, "batch_size": batch_size}
        line = json.dumps(command | {"save": None if save is None else str(save)})
        assert self._process.stdin is not None
        try:
            print(line, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise WorkerError(self._last_words()) from None
        found = self._answer()
        gradients = found["evaluations"]
        return Measured(gradients, gradients / found["seconds"], found["peak"])

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        timer = Timer(PATIENCE, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise WorkerError(self._last_words())
        return json.loads(line)

    def _last_words(self) -> str:
        code = self._process.wait()
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'ended'} (exit code {code})"
