"""What is said to the user: standard error, one line a message, nothing that steers a terminal."""

import functools
import logging
import sys
from collections.abc import Callable
from typing import Any

import click

from igcli.printable import printable


def say(message: str) -> None:
    """Print one line to standard error, after the name of the program."""
    tell(f"igcli: {message}")


def tell(line: str) -> None:
    """Print one line to standard error, above a progress bar if there is one."""
    line = printable(line)
    # Only whoever shows a bar has imported tqdm.
    progress = sys.modules.get("tqdm")
    if progress:
        progress.tqdm.write(line, file=sys.stderr)
    else:
        print(line, file=sys.stderr, flush=True)  # noqa: T201


class TerminalHandler(logging.Handler):
    """Says what library code logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say one record."""
        say(record.getMessage())


def verbosity(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options -q, its argument `quiet`, and -v, the level of the log."""

    @click.option("-q", "--quiet", is_flag=True, help="No progress, warnings or summary.")
    @click.option("-v", "--verbose", is_flag=True, help="More detail, and tracebacks of bugs.")
    @functools.wraps(command)
    def wrapped(*arguments: Any, quiet: bool, verbose: bool, **options: Any) -> Any:
        level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
        logging.getLogger("igcli").setLevel(level)
        return command(*arguments, quiet=quiet, **options)

    return wrapped
