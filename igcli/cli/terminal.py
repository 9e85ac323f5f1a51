"""What is said to the user: standard error, one line a message, nothing that steers a terminal."""

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
"""Level of what is worth a line, below warnings, unless somebody wants quiet."""

logging.addLevelName(NOTICE, "NOTICE")


class LogFile(logging.FileHandler):
    """Keeps what is said, and what more detail would say, with time and level."""

    def __init__(self, path: str) -> None:
        """Open the file to append to.

        Raises:
            UsageError: It cannot be written.
        """
        try:
            super().__init__(path, encoding="utf-8", errors="backslashreplace")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"--log-file {path}: {reason}") from None
        form = "%(asctime)s.%(msecs)03d %(levelname)s %(message)s"
        self.setFormatter(logging.Formatter(form, "%Y-%m-%dT%H:%M:%S"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Let the run go on where the log cannot be written."""


class _Voice:
    """How much is said, and where it is kept."""

    level = NOTICE
    file: LogFile | None = None


def say(message: str, level: int = logging.ERROR) -> None:
    """Say one line after the name of the program; arguments as in `tell`."""
    tell(f"igcli: {message}", level)


def tell(line: str, level: int = logging.ERROR) -> None:
    """Print one line to standard error, above a progress bar if there is one, and keep it.

    Args:
        line: What is to be said.
        level: As of logs; what is below the level wanted is not printed.
    """
    line = printable(line)
    if _Voice.file is not None:
        names = {"levelno": level, "levelname": logging.getLevelName(level), "msg": line}
        _Voice.file.handle(logging.makeLogRecord(names))
    if level < _Voice.level:
        return
    # Only whoever shows a bar has imported tqdm.
    progress = sys.modules.get("tqdm")
    if progress:
        progress.tqdm.write(line, file=sys.stderr)
    else:
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def tell_traceback(error: BaseException) -> None:
    """Tell where an error arose, to whoever wants detail."""
    for line in "".join(traceback.format_exception(error)).splitlines():
        tell(line, logging.DEBUG)


class TerminalHandler(logging.Handler):
    """Says what library code logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say one record."""
        say(record.getMessage(), record.levelno)
        if record.exc_info and record.exc_info[1]:
            tell_traceback(record.exc_info[1])


def open_terminal() -> None:
    """Begin to say errors, warnings and notices, and to keep nothing."""
    if _Voice.file is not None:
        _Voice.file.close()
    _Voice.level, _Voice.file = NOTICE, None
    log = logging.getLogger("igcli")
    log.handlers = [TerminalHandler()]
    log.propagate = False  # TensorFlow's own handler would say everything again.


def verbosity(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options -q, its argument `quiet`, and -v and --log-file."""

    @click.option("-q", "--quiet", is_flag=True, help="No progress, warnings or summary.")
    @click.option("-v", "--verbose", is_flag=True, help="More detail, and tracebacks of bugs.")
    @click.option(
        "--log-file",
        type=PathType(home=True),
        metavar="FILE",
        help="Append to it all that -v would say.",
    )
    @functools.wraps(command)
    def wrapped(
        *arguments: Any, quiet: bool, verbose: bool, log_file: str | None, **options: Any
    ) -> Any:
        _Voice.level = logging.DEBUG if verbose else logging.ERROR if quiet else NOTICE
        _Voice.file = None if log_file is None else LogFile(log_file)
        logging.getLogger("igcli").setLevel(logging.DEBUG if log_file else _Voice.level)
        return command(*arguments, quiet=quiet, **options)

    return wrapped


PARTS = 10
SECONDS = 30.0


class Lines:
    """Says how far a run is at each tenth of it, and after 30 seconds without a line."""

    def __init__(self, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at no image.

        Args:
            total: Number of images; None if it is unknown.
            clock: Returns the time in seconds.
        """
        self._total = total
        self._clock = clock
        self._begun = self._last = clock()
        self._done = 0

    def tick(self) -> None:
        """Count an image as finished."""
        self._done += 1
        now = self._clock()
        if now - self._last < SECONDS and not self._is_at_a_tenth():
            return
        self._last = now
        of = f" of {self._total:,}" if self._total else ""
        say(f"{self._done:,}{of} images, {now - self._begun:,.0f} s", logging.INFO)

    def _is_at_a_tenth(self) -> bool:
        if not self._total:
            return False
        return self._done * PARTS // self._total > (self._done - 1) * PARTS // self._total
