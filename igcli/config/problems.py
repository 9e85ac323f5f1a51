"""Mistakes in a configuration: all at once, one line each. Imports no pydantic and no YAML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from igcli.errors import UsageError

KeyPath = tuple[str | int, ...]


class ConfigError(UsageError):
    """A configuration that cannot be used.

    Attributes:
        lines: One line per mistake: where it is, which key, what is wrong, what to do.
    """

    def __init__(self, lines: Sequence[str], exit_code: int = UsageError.exit_code) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    Attributes:
        message: What is wrong and what to do.
        path: The key, outermost group first, positions in a list as numbers; () for the whole file.
        line: Line in the YAML file, from 1; 0 for the whole file.
        column: Column in the YAML file, from 1; 0 for the whole file.
        about: Whether the key is wrong, its value, or the combination of a group's values.
    """

    message: str
    path: KeyPath = ()
    line: int = 0
    column: int = 0
    about: Literal["key", "value", "group"] = "value"

    def at(self, file: str) -> str:
        """Return the line for the user, which starts with the place in `file`."""
        place = f"{file}:{self.line}:{self.column}" if self.line else file
        return ": ".join(part for part in (place, dotted(self.path), self.message) if part)


def dotted(path: KeyPath) -> str:
    """Return the key as messages write it: `panel.columns[1]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
