"""What is said to the user: standard error, one line a message, nothing that steers a terminal."""

import functools
import logging
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import click

_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_ESCAPED = ("Cc", "Cs", "Zl", "Zp")


def printable(text: str) -> str:
    r"""Return `text` with what a terminal would act on, or cannot show, as escapes: `\x1b`."""
    return "".join(_escape(character) for character in text)


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


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if unicodedata.category(character) in _ESCAPED or character in _BIDIRECTIONAL:
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character
