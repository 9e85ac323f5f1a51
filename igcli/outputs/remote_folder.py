"""An output folder in a store: each file is uploaded in one request, whole or not at all."""

import contextlib
import copy
import io
import itertools
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from typing import IO

from igcli.errors import ImageError, OutputError, UsageError
from igcli.outputs.folder import (
    PARTS,
    OutputFolder,
    split_name,
    temporary_name,
    temporary_prefix,
)
from igcli.stores import Reader, StoreErrors, check_reachable, store
from igcli.urls import is_web, shown

BLOCK = 1 << 20

MAX_NAME_BYTES = 1024
"""Limit on a file's name in S3 and Google Cloud Storage."""

MAX_LINES = 1000
MAX_SECONDS = 15.0
"""The most that a killed run loses: the lines not yet uploaded, and the age of the oldest."""


class RemoteFolder(OutputFolder):
    """A folder in a store, reached by its URL."""

    is_remote = True

    def __init__(self, url: str) -> None:
        """Set the URL; the store is not accessed yet.

        Raises:
            UsageError: The kind of store is unknown, read-only, or needs an extra.
        """
        if is_web(url):
            raise UsageError(f"output {shown(url)!r}: nothing can be written to the web")
        self.path = url.rstrip("/") if not url.endswith("://") else url
        self.tag = secrets.token_hex(8)
        self._store = store(url)
        self._root = self._store.key(self.path)
        if not self._root.strip("/"):
            raise UsageError(f"output {url!r} names no folder in the store")

    def subfolder(self, name: str) -> "RemoteFolder":
        """As in `OutputFolder`."""
        folder = copy.copy(self)
        folder.path, folder._root = f"{self.path}/{name}", f"{self._root}/{name}"
        return folder

    def check(self) -> None:
        """As in `OutputFolder`."""
        check_reachable(self.path)
        fail_fast = store(self.path, fail_fast=True)
        with fail_fast.errors_as(UsageError, f"output {self.path!r} cannot be used"):
            try:
                entries = fail_fast.files.ls(self._root, detail=True)
            except FileNotFoundError:
                return
        if any(entry["name"] == self._root and entry["type"] == "file" for entry in entries):
            raise UsageError(f"output {self.path!r} is a file, not a folder")

    def create(self) -> None:
        """Make sure that files can be uploaded, by one that is removed again."""
        self.check()
        name = temporary_name(self.tag, "check")
        fail_fast = store(self.path, fail_fast=True)
        with fail_fast.errors_as(UsageError, f"output {self.path!r} cannot be written"):
            fail_fast.files.pipe_file(self._key(name), b"igcli")
        self.remove(name)

    def discard_if_empty(self) -> None:
        """Do nothing: a store has no empty folders."""

    def write(self, name: str, data: bytes) -> None:
        """As in `OutputFolder`."""
        with self._errors_of(name):
            self._store.files.pipe_file(self._key(name), data)

    def write_parts(self, name: str, parts: Iterable[bytes]) -> None:
        """As in `OutputFolder`."""
        with tempfile.NamedTemporaryFile(prefix=temporary_prefix(self.tag)) as whole:
            whole.writelines(parts)
            whole.flush()
            with self._errors_of(name):
                self._store.files.put_file(whole.name, self._key(name))

    def write_new(self, name: str, data: bytes) -> bool:
        """As in `OutputFolder`."""
        with self._errors_of(name):
            try:
                self._store.files.pipe_file(self._key(name), data, mode="create")
            except FileExistsError:
                return False
        return True

    def appender(self, name: str) -> "ChunkedAppender":
        """As in `OutputFolder`."""
        return ChunkedAppender(self, name)

    def extend(self, name: str, lines: Iterable[bytes]) -> None:
        """As in `OutputFolder`; the whole file is uploaded again."""
        with contextlib.ExitStack() as stack:
            old_lines = stack.enter_context(self.open_to_read(name)) if self.has(name) else ()
            self.write_parts(name, itertools.chain(old_lines, lines))

    def remove(self, name: str) -> None:
        """As in `OutputFolder`."""
        with self._errors_of(name, "removed"), contextlib.suppress(FileNotFoundError):
            self._store.files.rm_file(self._key(name))

    def remove_empty(self, name: str) -> None:
        """Do nothing: a store has no empty folders."""

    def remove_tree(self, name: str, suffixes: tuple[str, ...]) -> None:
        """As in `OutputFolder`."""
        folders = [name]
        while folders:
            folder = folders.pop()
            for entry, is_folder in self._entries(folder):
                if is_folder:
                    folders.append(f"{folder}/{entry}")
                elif entry.endswith(suffixes):
                    self.remove(f"{folder}/{entry}")

    def has(self, name: str) -> bool:
        """As in `OutputFolder`."""
        return self._type(name) == "file"

    def has_folder(self, name: str) -> bool:
        """As in `OutputFolder`."""
        return self._type(name) == "directory"

    def has_any(self, name: str) -> bool:
        """As in `OutputFolder`."""
        return self._type(name) != ""

    def exists(self) -> bool:
        """Return whether anything lies in the folder; errors as in `has`."""
        return next(self._entries(""), None) is not None

    def names(self, name: str = "") -> list[str]:
        """As in `OutputFolder`."""
        return sorted({entry for entry, _ in self._entries(name)})

    def open_to_read(self, name: str) -> IO[bytes]:
        """As in `OutputFolder`; the file is downloaded as it is read."""
        with self._errors_of(name, "read"):
            file = self._store.files.open(self._key(name), "rb")
        return io.BufferedReader(Reader(file, self._errors_of(name, "read")), BLOCK)

    def open_local(self, name: str) -> IO[bytes]:
        """As in `OutputFolder`; the copy is removed once it is closed."""
        local = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        with self.open_to_read(name) as file:
            shutil.copyfileobj(file, local, BLOCK)
        local.seek(0)
        return local

    @contextlib.contextmanager
    def local_path(self, name: str) -> Iterator[str]:
        """As in `OutputFolder`."""
        with tempfile.NamedTemporaryFile(suffix=name.rpartition("/")[2]) as local:
            with self.open_to_read(name) as file:
                shutil.copyfileobj(file, local, BLOCK)
            local.flush()
            yield local.name

    def _entries(self, name: str) -> Iterator[tuple[str, bool]]:
        """Yield the names in the folder `name`, and whether each is a folder."""
        folder = self._key(name) if name else self._root
        with self._errors_of(name or self.path, "read"):
            try:
                entries = self._store.files.ls(folder, detail=True)
            except FileNotFoundError:
                return
        for entry in entries:
            key = entry["name"].rstrip("/")
            # The folder itself is listed where a file has its name.
            if key.startswith(f"{folder}/") and key != folder:
                yield key[len(folder) + 1 :], entry["type"] == "directory"

    def _type(self, name: str) -> str:
        with self._errors_of(name):
            try:
                return str(self._store.files.info(self._key(name))["type"])
            except FileNotFoundError:
                return ""

    def _key(self, name: str) -> str:
        split_name(name)
        try:
            key = f"{self._root}/{name}"
            size = len(key.encode())
        except UnicodeEncodeError:
            raise ImageError(f"output {name!r}: names in a store must be UTF-8") from None
        if size > MAX_NAME_BYTES:
            raise ImageError(
                f"the output's name in the store has {size:,} bytes; at most {MAX_NAME_BYTES:,} "
                "are allowed"
            )
        return key

    def _errors_of(self, name: str, action: str = "written") -> StoreErrors:
        return self._store.errors_as(OutputError, f"output {name!r} cannot be {action}")


class ChunkedAppender:
    """Buffers lines and uploads them in chunks, each as a new file; as in `Appender`.

    The files' names sort in the order of their lines, also across consecutive runs.
    """

    def __init__(self, folder: OutputFolder, name: str) -> None:
        """Begin; nothing is uploaded yet.

        Args:
            folder: The output.
            name: Name of the file that the lines belong to.
        """
        now = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        stem = name.rpartition("/")[2].removesuffix(".jsonl")
        self._folder = folder
        self._prefix = f"{PARTS}/{now}.{secrets.token_hex(8)}.{stem}"
        self._number = 0
        self._lines: list[bytes] = []
        self._since = time.monotonic()

    def append(self, line: bytes) -> None:
        """Buffer a line; upload the buffer if it holds many lines or old ones."""
        if not self._lines:
            self._since = time.monotonic()
        self._lines.append(line)
        if len(self._lines) >= MAX_LINES or time.monotonic() - self._since >= MAX_SECONDS:
            self._upload()

    def close(self) -> None:
        """Upload the remaining lines."""
        if self._lines:
            self._upload()

    def _upload(self) -> None:
        self._number += 1
        self._folder.write(f"{self._prefix}.{self._number:06}.jsonl", b"".join(self._lines))
        self._lines = []
