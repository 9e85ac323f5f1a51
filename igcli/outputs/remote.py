"""An output in a store behind a URL: each file is put there in one request, whole or not at all."""

import contextlib
import copy
import io
import itertools
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

from igcli.errors import ImageError, OutputError, UsageError
from igcli.outputs.appender import PartsAppender
from igcli.outputs.files import TEMPORARY, parts
from igcli.outputs.folder import OutputFolder
from igcli.stores import Reader, Telling, reach, store
from igcli.urls import is_web, shown

BLOCK = 1 << 20
LONGEST = 1024
"""Bytes of a name in S3 and Google's storage."""


class RemoteFolder(OutputFolder):
    """A folder in a store; as `OutputFolder`, but nothing in it can be appended to or locked."""

    is_remote = True

    def __init__(self, url: str) -> None:
        """Name the folder; nothing is asked of the store yet.

        Raises:
            UsageError: There is no such kind of store, it takes no files, or it needs an extra.
        """
        if is_web(url):
            raise UsageError(f"output {shown(url)!r}: nothing can be written to the web")
        self.path = url.rstrip("/") if not url.endswith("://") else url
        self.tag = secrets.token_hex(8)
        self._store = store(url)
        self._place = self._store.place(self.path)
        if not self._place.strip("/"):
            raise UsageError(f"output {url!r} names no folder in the store")

    def below(self, name: str) -> "RemoteFolder":
        """Return the folder `name` in this one."""
        found = copy.copy(self)
        found.path, found._place = f"{self.path}/{name}", f"{self._place}/{name}"
        return found

    def check(self) -> None:
        """Make sure that the store answers and may hold the folder; touches nothing.

        Raises:
            UsageError: It is a file, there is no such bucket, or the store refuses.
        """
        reach(self.path)
        hasty = store(self.path, hasty=True)
        with hasty.telling(f"output {self.path!r} cannot be used", UsageError):
            try:
                found = hasty.files.ls(self._place, detail=True)
            except FileNotFoundError:
                return
        if any(each["name"] == self._place and each["type"] == "file" for each in found):
            raise UsageError(f"output {self.path!r} is a file, not a folder")

    def create(self) -> None:
        """Make sure that files can be put there, by one that is removed again.

        Raises:
            UsageError: The store refuses.
        """
        self.check()
        name = f"{TEMPORARY}{self.tag}-check.tmp"
        hasty = store(self.path, hasty=True)
        with hasty.telling(f"output {self.path!r} cannot be written", UsageError):
            hasty.files.pipe_file(self._key(name), b"igcli")
        self.remove(name)

    def discard(self) -> None:
        """Do nothing: a store has no empty folders."""

    def write(self, name: str, data: bytes) -> None:
        """Put a file; errors as in `OutputFolder`."""
        with self._telling(name):
            self._store.files.pipe_file(self._key(name), data)

    def write_parts(self, name: str, parts: Iterable[bytes]) -> None:
        """Put a file out of parts that need not all be in memory; errors as in `write`."""
        with tempfile.NamedTemporaryFile(prefix=TEMPORARY) as whole:
            whole.writelines(parts)
            whole.flush()
            with self._telling(name):
                self._store.files.put_file(whole.name, self._key(name))

    def write_new(self, name: str, data: bytes) -> bool:
        """Put a file unless there is one; as in `OutputFolder`."""
        with self._telling(name):
            try:
                self._store.files.pipe_file(self._key(name), data, mode="create")
            except FileExistsError:
                return False
        return True

    def remove(self, name: str) -> None:
        """Remove the file `name` where it is there; errors as in `has`."""
        with self._telling(name, "removed"), contextlib.suppress(FileNotFoundError):
            self._store.files.rm_file(self._key(name))

    def remove_empty(self, name: str) -> None:
        """Do nothing: a store has no empty folders."""

    def remove_tree(self, name: str, endings: tuple[str, ...]) -> None:
        """Remove files in and below the folder `name`; as in `OutputFolder`."""
        waiting = [name]
        while waiting:
            here = waiting.pop()
            for below, is_folder in self._entries(here):
                if is_folder:
                    waiting.append(f"{here}/{below}")
                elif below.endswith(endings):
                    self.remove(f"{here}/{below}")

    def has(self, name: str) -> bool:
        """Tell whether `name` exists as a file; errors as in `OutputFolder`."""
        return self._type(name) == "file"

    def has_folder(self, name: str) -> bool:
        """Tell whether something lies below `name`; errors as in `has`."""
        return self._type(name) == "directory"

    def has_any(self, name: str) -> bool:
        """Tell whether anything has the name `name`; errors as in `has`."""
        return self._type(name) != ""

    def exists(self) -> bool:
        """Tell whether anything lies in the folder; errors as in `has`."""
        return next(self._entries(""), None) is not None

    def names(self, name: str = "") -> list[str]:
        """Return the sorted names in the folder `name`; as in `OutputFolder`."""
        return sorted({below for below, _ in self._entries(name)})

    def open_to_read(self, name: str) -> IO[bytes]:
        """Open the file `name`, which is fetched as it is read; errors as in `OutputFolder`."""
        with self._telling(name, "read"):
            file = self._store.files.open(self._key(name), "rb")
        return io.BufferedReader(Reader(file, self._telling(name, "read")), BLOCK)

    def open_local(self, name: str) -> IO[bytes]:
        """Open a copy of the file `name` that goes with the process; errors as in `has`."""
        copied = tempfile.TemporaryFile()  # noqa: SIM115
        with self.open_to_read(name) as file:
            shutil.copyfileobj(file, copied, BLOCK)
        copied.seek(0)
        return copied

    @contextlib.contextmanager
    def local_path(self, name: str) -> Iterator[str]:
        """Give the path of a copy of the file `name`; errors as in `has`."""
        with tempfile.NamedTemporaryFile(suffix=name.rpartition("/")[2]) as copied:
            with self.open_to_read(name) as file:
                shutil.copyfileobj(file, copied, BLOCK)
            copied.flush()
            yield copied.name

    def appender(self, name: str) -> PartsAppender:
        """Begin to put lines there in files of their own, which readers join."""
        return PartsAppender(self, name)

    def extend(self, name: str, lines: Iterable[bytes]) -> None:
        """Put lines behind those of the file `name`, which is written anew; errors as in `has`."""
        with contextlib.ExitStack() as stack:
            there = stack.enter_context(self.open_to_read(name)) if self.has(name) else ()
            self.write_parts(name, itertools.chain(there, lines))

    def open_to_append(self, name: str) -> io.FileIO:
        """Refuse: what lies in a store is replaced, not changed."""
        raise OutputError(f"output {name!r} cannot be appended to in a store")

    def holds(self, name: str, file: int) -> bool:  # noqa: ARG002
        """Tell that no open file of this machine lies there."""
        return False

    def _entries(self, name: str) -> Iterator[tuple[str, bool]]:
        """Yield the names in the folder `name`, and whether each is a folder."""
        place = self._key(name) if name else self._place
        with self._telling(name or self.path, "read"):
            try:
                found = self._store.files.ls(place, detail=True)
            except FileNotFoundError:
                return
        for entry in found:
            below = entry["name"].rstrip("/")
            # The folder itself is listed where a file has its name.
            if below.startswith(f"{place}/") and below != place:
                yield below[len(place) + 1 :], entry["type"] == "directory"

    def _type(self, name: str) -> str:
        with self._telling(name):
            try:
                return str(self._store.files.info(self._key(name))["type"])
            except FileNotFoundError:
                return ""

    def _key(self, name: str) -> str:
        parts(name)
        try:
            key = f"{self._place}/{name}"
            size = len(key.encode())
        except UnicodeEncodeError:
            raise ImageError(f"output {name!r}: names in a store are UTF-8") from None
        if size > LONGEST:
            raise ImageError(f"the name of its output would have {size} bytes, more than {LONGEST}")
        return key

    def _telling(self, name: str, action: str = "written") -> Telling:
        return self._store.telling(f"output {name!r} cannot be {action}", OutputError)
