"""Messages to the user: standard error, one line each, without terminal control characters."""

import functools
import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import click

from igcli.cli.completion import PathType
from igcli.errors import UsageError
from igcli.printable import printable

NOTICE = 25
"""Log level of messages below warnings that everybody sees, except with --quiet."""

logging.addLevelName(NOTICE, "NOTICE")


class LogFile(logging.FileHandler):
    """A debug log: every message with its time and level."""

    def __init__(self, path: str) -> None:
        """Open the file for appending.

        Raises:
            UsageError: The file cannot be written.
        """
        try:
            super().__init__(path, encoding="utf-8", errors="backslashreplace")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"--log-file {path}: {reason}") from None
        line_format = "%(asctime)s.%(msecs)03d %(levelname)s %(message)s"
        self.setFormatter(logging.Formatter(line_format, "%Y-%m-%dT%H:%M:%S"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Let the run continue if the log cannot be written."""


class _Verbosity:
    """The lowest level that is printed, and the debug log if there is one."""

    level = NOTICE
    file: LogFile | None = None


def say(message: str, level: int = logging.ERROR) -> None:
    """Print "igcli: " and a message; arguments as in `print_line`."""
    print_line(f"igcli: {message}", level)


def print_line(line: str, level: int = logging.ERROR) -> None:
    """Print one line to standard error, above a progress bar if there is one, and log it.

    Args:
        line: The text; control characters are escaped.
        level: Log level; lines below the chosen verbosity are logged but not printed.
    """
    line = printable(line)
    if _Verbosity.file is not None:
        fields = {"levelno": level, "levelname": logging.getLevelName(level), "msg": line}
        _Verbosity.file.handle(logging.makeLogRecord(fields))
    if level < _Verbosity.level:
        return
    # tqdm is imported only if a bar is shown.
    progress = sys.modules.get("tqdm")
    if progress:
        progress.tqdm.write(line, file=sys.stderr)
    else:
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def print_traceback(error: BaseException) -> None:
    """Print where an error was raised, at debug level."""
    for line in "".join(traceback.format_exception(error)).splitlines():
        print_line(line, logging.DEBUG)


class TerminalHandler(logging.Handler):
    """Prints what library code logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        say(record.getMessage(), record.levelno)
        if record.exc_info and record.exc_info[1]:
            print_traceback(record.exc_info[1])


def open_terminal() -> None:
    """Print errors, warnings and notices from here on, and close the debug log."""
    if _Verbosity.file is not None:
        _Verbosity.file.close()
    _Verbosity.level, _Verbosity.file = NOTICE, None
    log = logging.getLogger("igcli")
    log.handlers = [TerminalHandler()]
    log.propagate = False  # TensorFlow's own handler would print everything again.


def verbosity(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options --quiet, --verbose and --log-file to a command, which gets `quiet`."""

    @click.option(
        "-q",
        "--quiet",
        is_flag=True,
        help="Print only errors that end the run: no progress, warnings or summary.",
    )
    @click.option(
        "-v", "--verbose", is_flag=True, help="Print more detail, and the traceback of errors."
    )
    @click.option(
        "--log-file",
        type=PathType(home=True),
        metavar="FILE",
        help="Append a debug log to FILE.",
    )
    @functools.wraps(command)
    def wrapped(
        *arguments: Any, quiet: bool, verbose: bool, log_file: str | None, **options: Any
    ) -> Any:
        _Verbosity.level = logging.DEBUG if verbose else logging.ERROR if quiet else NOTICE
        _Verbosity.file = None if log_file is None else LogFile(log_file)
        logging.getLogger("igcli").setLevel(logging.DEBUG if log_file else _Verbosity.level)
        return command(*arguments, quiet=quiet, **options)

    return wrapped


LINES_PER_RUN = 10
MAX_SILENCE = 30.0
"""Seconds."""


class ProgressLines:
    """Progress as lines, where there is no bar: one each tenth of a run or 30 seconds."""

    def __init__(self, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with no image done.

        Args:
            total: Number of images; None if unknown.
            clock: Returns the time in seconds.
        """
        self._total = total
        self._clock = clock
        self._start = self._last_line = clock()
        self._done = 0

    def tick(self) -> None:
        """Count one image as finished."""
        self._done += 1
        now = self._clock()
        if now - self._last_line < MAX_SILENCE and not self._completes_a_tenth():
            return
        self._last_line = now
        of_total = f" of {self._total:,}" if self._total else ""
        say(f"{self._done:,}{of_total} images, {now - self._start:,.0f} s", logging.INFO)

    def _completes_a_tenth(self) -> bool:
        if not self._total:
            return False
        tenths = self._done * LINES_PER_RUN // self._total
        return tenths > (self._done - 1) * LINES_PER_RUN // self._total
