"""Stores of files behind URLs, through fsspec, which is imported once a URL is met."""

import functools
import importlib
import io
import logging
from dataclasses import dataclass
from typing import Any

from igcli.errors import IgcliError, UsageError
from igcli.urls import kind, shown

FURTHER_ERRORS = {
    "s3": ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError"),
    "gs": (
        "aiohttp:ClientError",
        "gcsfs.retry:HttpError",
        "google.auth.exceptions:GoogleAuthError",
    ),
    "http": ("aiohttp:ClientError",),
    "https": ("aiohttp:ClientError",),
    "memory": (),
}
"""The kinds of stores, and what their libraries raise beside the system's errors."""

EXTRAS = {"https": "http", "memory": "storage"}

# Listings are to be those of now. What the environment says of proxies holds.
OPTIONS: dict[str, dict[str, Any]] = {
    "http": {"client_kwargs": {"trust_env": True}},
    "https": {"client_kwargs": {"trust_env": True}},
}
HASTY = {"s3": {"config_kwargs": {"retries": {"total_max_attempts": 1}}}}
"""Options to ask once and take the answer."""

LOGGERS = ("fsspec", "s3fs", "gcsfs", "aiobotocore", "botocore", "aiohttp", "asyncio")
"""Those of the libraries: what they say may show whole addresses, and what they raise is told."""

WORDS = {
    "FileNotFoundError": "no such file or folder there",
    "PermissionError": "access denied",
    "NoCredentialsError": "no credentials in the environment",
    "PartialCredentialsError": "no whole credentials in the environment",
    "EndpointConnectionError": "its server cannot be reached",
    "ConnectTimeoutError": "its server does not answer",
    "ReadTimeoutError": "its server does not answer",
    "ClientConnectorError": "its server cannot be reached",
    "TimeoutError": "its server does not answer",
    "FSTimeoutError": "its server does not answer",
    "IsADirectoryError": "a folder, not a file",
    "ParamValidationError": "no name of a bucket",
    "ClientPayloadError": "the connection broke",
    "FileExpired": "it changed while it was read",
    "InvalidURL": "not a URL",
    "NonHttpUrlClientError": "not a URL",
}


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """One kind of store.

    Attributes:
        files: Its file system, as fsspec has it; safe for several threads.
        errors: What it raises.
    """

    files: Any
    errors: tuple[type[Exception], ...]

    def place(self, url: str) -> str:
        """Return what fsspec calls a URL's file: "bucket/a.jpg"."""
        return str(self.files._strip_protocol(url))

    def telling(self, what: str, error: type[IgcliError]) -> "Telling":
        """Turn what the store raises into one line, behind `what`, that holds no secret."""
        return Telling(self.errors, what, error)


@dataclass(frozen=True, slots=True, eq=False)
class Telling:
    """A context, to be used as often as needed, whose errors are one line.

    Attributes:
        errors: What may be raised in it.
        what: What goes before the reason.
        error: What is raised in place of it.
    """

    errors: tuple[type[Exception], ...]
    what: str
    error: type[IgcliError]

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, reason: BaseException | None, _trace: object) -> None:
        if isinstance(reason, self.errors):
            # Its own words may show the whole URL, so that it is not kept as the cause.
            raise self.error(f"{self.what}: {in_words(reason)}") from None


class Reader(io.RawIOBase):
    """A file in a store, open to read; what goes wrong is one line."""

    def __init__(self, file: Any, telling: Telling) -> None:
        """Take over a file.

        Args:
            file: As fsspec opens it.
            telling: How it is told.
        """
        self._file = file
        self._telling = telling

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read at any place."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        with self._telling:
            self._file.seek(offset, whence)
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; 0 at the end."""
        with self._telling:
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of the file."""
        if not self.closed:
            self._file.close()
        super().close()


def reach(url: str) -> None:
    """Make sure that the store of a URL answers and has its bucket.

    Raises:
        UsageError: It does not, or as in `store`.
    """
    found = store(url, hasty=True)
    if kind(url) != "s3":
        return
    bucket = found.place(url).partition("/")[0]
    with found.telling(f"s3://{bucket} cannot be used", UsageError):
        try:
            found.files.info(bucket)
        except PermissionError:
            return  # rights may be for a part of it alone
        except FileNotFoundError:
            raise UsageError(f"s3://{bucket} cannot be used: no such bucket") from None


def store(url: str, *, hasty: bool = False) -> Store:
    """Return the store that a URL leads to; nothing is asked of it yet.

    Args:
        url: What lies there.
        hasty: Whether a store that does not answer is asked once, not for long.

    Raises:
        UsageError: There is no such kind, or its library is not installed.
    """
    if kind(url) not in FURTHER_ERRORS:
        known = ", ".join(f"{name}://" for name in ("file", *FURTHER_ERRORS, "zip", "tar"))
        raise UsageError(f"{shown(url)!r}: no kind of URL that igcli reads: these are {known}")
    return _store(kind(url), hasty=hasty)


@functools.cache
def _store(name: str, *, hasty: bool) -> Store:
    options = OPTIONS.get(name, {}) | (HASTY.get(name, {}) if hasty else {})
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    try:
        fsspec = importlib.import_module("fsspec")
        # Not fsspec's own instances, which other code may have given other options.
        files = fsspec.filesystem(
            name, use_listings_cache=False, skip_instance_cache=True, **options
        )
        further = [each.split(":") for each in FURTHER_ERRORS[name]]
        errors = [getattr(importlib.import_module(module), error) for module, error in further]
    except ImportError:
        extra = EXTRAS.get(name, name)
        raise UsageError(
            f"{name}:// needs the extra {extra!r}: pip install 'igcli[{extra}]'"
        ) from None
    if hasty and name == "s3":
        files.retries = 1
    return Store(files, (OSError, ValueError, *errors))


def in_words(error: Exception) -> str:
    """Return why a store failed, without the addresses and keys in its own message."""
    status = getattr(error, "status", None) or getattr(error, "code", None)
    names = (each.__name__ for each in type(error).__mro__)
    words = next((WORDS[name] for name in names if name in WORDS), None)
    if words:
        return words
    if isinstance(status, int):
        return f"its server answers with status {status}"
    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    if isinstance(response, dict):
        return f"its server answers {response.get('Error', {}).get('Code', 'with an error')}"
    return getattr(error, "strerror", None) or type(error).__name__
