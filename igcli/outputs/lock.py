"""One run at a time in an output folder: a lock that dies with its process."""

import contextlib
import fcntl
import io
import json
import logging
import os
import time
from typing import Any, Self

from igcli.errors import OutputError, UsageError
from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import to_json
from igcli.outputs.temp_cleanup import sweep

NAME = ".igcli-lock"
PATIENCE = 0.3
"""Seconds to wait for the holder to write who it is, or to be gone."""

UNPROTECTED = "output %r: no locks there (%s), so nothing keeps a second run away"

log = logging.getLogger(__name__)


class Lock:
    """The right to write to an output folder, which the system takes back from a dead process.

    The file has a line for each run that held it and did not end by itself; the last is the
    holder's. On network file systems it holds as far as their `flock` does.
    """

    def __init__(self, folder: OutputFolder, name: str = NAME) -> None:
        """Name the lock; nothing is touched yet.

        Args:
            folder: The output.
            name: Of the file, for several runs that share a folder by agreement.
        """
        self._folder = folder
        self._name = name
        self._file: io.FileIO | None = None

    def __enter__(self) -> Self:
        """Take the lock, and remove what killed runs left.

        Raises:
            UsageError: The folder cannot be written to.
            OutputError: Another run holds it; the message names its process and host.
        """
        if self._folder.is_remote:
            log.warning(UNPROTECTED, self._folder.path, "a store has none")
            return self
        end = time.monotonic() + PATIENCE
        while not self._take():
            if time.monotonic() > end:
                shard = self._name.rpartition("/")[0]
                place = self._folder.path + (f"/{shard}" if shard else "")
                raise OutputError(f"output {place!r} is in use by {self._holder()}")
            time.sleep(PATIENCE / 10)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the lock, and the folder where nothing was put into it."""
        if self._file is not None:
            if self._folder.holds(self._name, self._file.fileno()):
                self._folder.remove(self._name)
            self._file.close()
        self._folder.discard()

    def _take(self) -> bool:
        with contextlib.ExitStack() as undo:
            file = undo.enter_context(self._open())
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError as error:
                log.warning(UNPROTECTED, self._folder.path, error.strerror)
            if not self._folder.holds(self._name, file.fileno()):
                return False  # its holder removed it between the two calls
            self._begin(file)
            undo.pop_all()
        self._file = file
        return True

    def _open(self) -> io.FileIO:
        try:
            return self._folder.open_to_append(self._name)
        except OutputError as error:
            raise UsageError(f"output {self._folder.path!r}: {error}") from error

    def _begin(self, file: io.FileIO) -> None:
        """Say whose it is; forget dead holders only once their leftovers are gone."""
        dead = [run["tag"] for run in _runs(file) if isinstance(run.get("tag"), str)]
        own = {"process": os.getpid(), "host": os.uname().nodename, "tag": self._folder.tag}
        line = to_json(own).encode("ascii") + b"\n"
        file.write(b"\n" + line)  # what was there may be torn
        if dead:
            sweep(self._folder, dead)
            file.truncate(0)
            file.write(line)

    def _holder(self) -> str:
        try:
            with self._folder.open_to_read(self._name) as file:
                run = _runs(file)[-1]
            return f"process {run['process']} on {run['host']}; wait for it or choose another"
        except (OutputError, LookupError):
            return "another run; wait for it or choose another output"


def is_held(folder: OutputFolder, name: str = NAME) -> bool:
    """Tell whether a run that is alive holds a lock; it is not disturbed.

    A run that begins at this moment tries again: see `PATIENCE`.

    Raises:
        OutputError: The lock cannot be read.
    """
    if folder.is_remote or not folder.has(name):
        return False
    with contextlib.suppress(OutputError), folder.open_to_read(name) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return folder.holds(name, file.fileno())
        except OSError:
            return False  # no locks on this file system
    return False


def _runs(file: Any) -> list[dict[str, Any]]:
    file.seek(0)
    found = []
    for line in file.read().splitlines():
        try:
            run = json.loads(line)
        except ValueError:
            continue
        if isinstance(run, dict):
            found.append(run)
    return found
