"""Stores of files behind URLs, through fsspec, which is imported with the first URL."""

import functools
import importlib
import io
import logging
from dataclasses import dataclass
from typing import Any

from igcli.errors import IgcliError, UsageError
from igcli.urls import scheme, shown

ERRORS = {
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
"""The kinds of stores, and what their libraries raise besides OSError and ValueError."""

EXTRAS = {"https": "http", "memory": "storage"}
"""The extra that a kind of store needs, where its name differs."""

# Proxies come from the environment.
OPTIONS: dict[str, dict[str, Any]] = {
    "http": {"client_kwargs": {"trust_env": True}},
    "https": {"client_kwargs": {"trust_env": True}},
}
FAIL_FAST = {"s3": {"config_kwargs": {"retries": {"total_max_attempts": 1}}}}
"""Options to send a request only once."""

LOGGERS = ("fsspec", "s3fs", "gcsfs", "aiobotocore", "botocore", "aiohttp", "asyncio")
"""Loggers of the libraries, silenced: they may log whole URLs, and errors are reported anyway."""

REASONS = {
    "FileNotFoundError": "no such file or folder",
    "PermissionError": "access denied",
    "NoCredentialsError": "no credentials in the environment",
    "PartialCredentialsError": "incomplete credentials in the environment",
    "EndpointConnectionError": "cannot connect to the server",
    "ConnectTimeoutError": "the server does not respond",
    "ReadTimeoutError": "the server does not respond",
    "ClientConnectorError": "cannot connect to the server",
    "TimeoutError": "the server does not respond",
    "FSTimeoutError": "the server does not respond",
    "IsADirectoryError": "a folder, not a file",
    "ParamValidationError": "not a valid bucket name",
    "ClientPayloadError": "the connection was lost",
    "FileExpired": "the file changed while it was read",
    "InvalidURL": "not a URL",
    "NonHttpUrlClientError": "not a URL",
}
"""Messages by the names of exceptions."""


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """One kind of store.

    Attributes:
        files: Its fsspec file system; safe for several threads.
        errors: The exceptions that it raises.
    """

    files: Any
    errors: tuple[type[Exception], ...]

    def key(self, url: str) -> str:
        """Return the name that fsspec gives to the file of a URL: "bucket/a.jpg"."""
        return str(self.files._strip_protocol(url))

    def errors_as(self, error: type[IgcliError], prefix: str) -> "StoreErrors":
        """Return a context that turns the store's exceptions into `error`, free of secrets."""
        return StoreErrors(self.errors, error, prefix)


@dataclass(frozen=True, slots=True, eq=False)
class StoreErrors:
    """A reusable context that turns a store's exceptions into one line.

    Attributes:
        errors: The exceptions to be replaced.
        error: What is raised instead.
        prefix: Beginning of the message, before the reason.
    """

    errors: tuple[type[Exception], ...]
    error: type[IgcliError]
    prefix: str

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, reason: BaseException | None, _trace: object) -> None:
        if isinstance(reason, self.errors):
            # The original message may show the whole URL, so it is not kept as the cause.
            raise self.error(f"{self.prefix}: {describe(reason)}") from None


class Reader(io.RawIOBase):
    """A file in a store, open to read, whose errors are one line."""

    def __init__(self, file: Any, errors: StoreErrors) -> None:
        """Take over an open file.

        Args:
            file: As fsspec opens it.
            errors: Context of every access to it.
        """
        self._file = file
        self._errors = errors

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read at any position."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position, and return it."""
        with self._errors:
            self._file.seek(offset, whence)
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return the number of bytes, 0 at the end."""
        with self._errors:
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()


def check_reachable(url: str) -> None:
    """Make sure that the store of a URL responds and that its bucket exists.

    Raises:
        UsageError: It does not respond, the bucket is missing, or as in `store`.
    """
    fail_fast = store(url, fail_fast=True)
    if scheme(url) != "s3":
        return
    bucket = fail_fast.key(url).partition("/")[0]
    with fail_fast.errors_as(UsageError, f"s3://{bucket} cannot be used"):
        try:
            fail_fast.files.info(bucket)
        except PermissionError:
            return  # permissions may cover only a part of the bucket
        except FileNotFoundError:
            raise UsageError(f"s3://{bucket} cannot be used: no such bucket") from None


def store(url: str, *, fail_fast: bool = False) -> Store:
    """Return the store of a URL; it is not accessed yet.

    Args:
        url: URL of any file in it.
        fail_fast: Whether requests are not repeated, for checks before a run.

    Raises:
        UsageError: The kind of store is unknown, or its library is not installed.
    """
    if scheme(url) not in ERRORS:
        known = ", ".join(f"{name}://" for name in ("file", *ERRORS, "zip", "tar"))
        raise UsageError(f"{shown(url)!r}: unsupported kind of URL; igcli reads {known}")
    return _store(scheme(url), fail_fast=fail_fast)


@functools.cache
def _store(name: str, *, fail_fast: bool) -> Store:
    options = OPTIONS.get(name, {}) | (FAIL_FAST.get(name, {}) if fail_fast else {})
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    try:
        fsspec = importlib.import_module("fsspec")
        # Not fsspec's shared instances, to which other code may have given other options; listings
        # are not cached because files change.
        files = fsspec.filesystem(
            name, use_listings_cache=False, skip_instance_cache=True, **options
        )
        paths = [path.split(":") for path in ERRORS[name]]
        errors = [getattr(importlib.import_module(module), error) for module, error in paths]
    except ImportError:
        extra = EXTRAS.get(name, name)
        raise UsageError(
            f"{name}:// needs the extra {extra!r}: pip install 'igcli[{extra}]'"
        ) from None
    if fail_fast and name == "s3":
        files.retries = 1
    return Store(files, (OSError, ValueError, *errors))


def describe(error: Exception) -> str:
    """Return why a store failed, without the URLs and keys that its own message may hold."""
    names = (base.__name__ for base in type(error).__mro__)
    reason = next((REASONS[name] for name in names if name in REASONS), None)
    if reason:
        return reason
    status = getattr(error, "status", None) or getattr(error, "code", None)
    if isinstance(status, int):
        return f"the server responds with status {status}"
    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    if isinstance(response, dict):
        return f"the server responds with {response.get('Error', {}).get('Code', 'an error')}"
    return getattr(error, "strerror", None) or type(error).__name__
