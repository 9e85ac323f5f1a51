"""What is wrong with a configuration: every mistake at once, a line each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from igcli.errors import UsageError

KeyPath = tuple[str | int, ...]


class ConfigError(UsageError):
    """A configuration that cannot be used.

    Attributes:
        lines: One line for every mistake: where, which key, what is wrong, what to do.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    Attributes:
        message: What is wrong with the value and what to do.
        path: The key, outermost first, positions in a list as numbers; () for the file itself.
        line: Where it stands in the YAML file, from 1; 0 for the file itself.
        column: The same.
        about: Whether the key is wrong, its value, or how the values of a group go together.
    """

    message: str
    path: KeyPath = ()
    line: int = 0
    column: int = 0
    about: Literal["key", "value", "group"] = "value"

    def at(self, file: str) -> str:
        """Return the line for the user, with the place in `file` in front."""
        place = f"{file}:{self.line}:{self.column}" if self.line else file
        return ": ".join(part for part in (place, dotted(self.path), self.message) if part)


def dotted(path: KeyPath) -> str:
    """Return the key as it is written in messages: `panel.columns[1]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
