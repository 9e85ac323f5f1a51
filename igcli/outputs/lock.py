"""The lock of an output, so that one run at a time writes there; it dies with its process."""

import contextlib
import fcntl
import io
import json
import logging
import os
import time
from typing import IO, Any, Self

from igcli.errors import OutputError, UsageError
from igcli.outputs.cleanup import sweep
from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import to_line
from igcli.outputs.local_folder import LocalFolder

NAME = ".igcli-lock"
PATIENCE = 0.3
"""Seconds to wait for the holder to write its identity, or to end."""

UNAVAILABLE = "output %r: file locking is unavailable (%s), so concurrent runs go undetected"

log = logging.getLogger(__name__)


class Lock:
    """The exclusive right to write to an output, which the system revokes when a process dies.

    The file has a line for each run that took the lock and did not end regularly; the last one
    holds it. On network file systems it is as reliable as their `flock`; in a store there is none.
    """

    def __init__(self, folder: OutputFolder, name: str = NAME) -> None:
        """Name the lock; nothing is accessed yet.

        Args:
            folder: The output.
            name: Name of the file; shards that share a folder have one each.
        """
        self._folder = folder
        self._name = name
        self._file: io.FileIO | None = None

    def __enter__(self) -> Self:
        """Take the lock, and remove the temporary files of killed runs.

        Raises:
            UsageError: The folder cannot be written to.
            OutputError: Another run holds the lock; the message names its process and host.
        """
        folder = self._folder
        if not isinstance(folder, LocalFolder):
            log.warning(UNAVAILABLE, folder.path, "a store")
            return self
        deadline = time.monotonic() + PATIENCE
        while not self._take(folder):
            if time.monotonic() > deadline:
                shard = self._name.rpartition("/")[0]
                path = folder.path + (f"/{shard}" if shard else "")
                raise OutputError(f"output {path!r} is in use by {self._holder()}")
            time.sleep(PATIENCE / 10)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the lock, and the folder if it was created for nothing."""
        if self._file is not None and isinstance(self._folder, LocalFolder):
            if self._folder.is_current(self._name, self._file.fileno()):
                self._folder.remove(self._name)
            self._file.close()
        self._folder.discard_if_empty()

    def _take(self, folder: LocalFolder) -> bool:
        with contextlib.ExitStack() as cleanup:
            file = cleanup.enter_context(self._open(folder))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError as error:
                log.warning(UNAVAILABLE, folder.path, error.strerror)
            if not folder.is_current(self._name, file.fileno()):
                return False  # its holder removed the file between the two calls
            self._sign(file)
            cleanup.pop_all()
        self._file = file
        return True

    def _open(self, folder: LocalFolder) -> io.FileIO:
        try:
            return folder.open_to_append(self._name)
        except OutputError as error:
            raise UsageError(f"output {folder.path!r}: {error}") from error

    def _sign(self, file: io.FileIO) -> None:
        """Write whose lock it is; dead holders stay listed until their files are removed."""
        dead = [run["tag"] for run in _runs(file) if isinstance(run.get("tag"), str)]
        own = {"process": os.getpid(), "host": os.uname().nodename, "tag": self._folder.tag}
        line = to_line(own)
        file.write(b"\n" + line)  # the last line may be torn
        if dead:
            sweep(self._folder, dead)
            file.truncate(0)
            file.write(line)

    def _holder(self) -> str:
        try:
            with self._folder.open_to_read(self._name) as file:
                run = _runs(file)[-1]
            return (
                f"process {run['process']} on {run['host']}; wait for it or choose another output"
            )
        except (OutputError, LookupError):
            return "another run; wait for it or choose another output"


def is_held(folder: OutputFolder, name: str = NAME) -> bool:
    """Return whether a live run holds a lock, without disturbing it.

    A run that starts at this moment retries: see `PATIENCE`.

    Raises:
        OutputError: The lock cannot be read.
    """
    if not isinstance(folder, LocalFolder) or not folder.has(name):
        return False
    with contextlib.suppress(OutputError), folder.open_to_read(name) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return folder.is_current(name, file.fileno())
        except OSError:
            return False  # no locks on this file system
    return False


def any_held(folder: OutputFolder, name: str) -> bool:
    """Return whether a lock in the folder `name` is held; errors as in `is_held`."""
    locks = [f"{name}/{file}" for file in folder.names(name) if file.endswith(".lock")]
    return any(is_held(folder, file) for file in locks)


def _runs(file: IO[bytes] | io.FileIO) -> list[dict[str, Any]]:
    """Return the runs that a lock lists, oldest first."""
    file.seek(0)
    runs = []
    for line in file.read().splitlines():
        try:
            run = json.loads(line)
        except ValueError:
            continue
        if isinstance(run, dict):
            runs.append(run)
    return runs
