"""From a file to YAML nodes, safely: limited in size, depth and number, and plain data only."""

from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from igcli.config.problems import ConfigError, Problem

MAX_BYTES = 1 << 20
MAX_LEVELS = 20
MAX_VALUES = 10_000


def read_nodes(file: str) -> tuple[yaml.Node | None, str]:
    """Return the root of a YAML file, None for an empty one, and the file's text.

    Raises:
        ConfigError: The file cannot be read, or not as plain YAML.
    """
    text = _text(file)
    try:
        return _Loader(text).get_single_node(), text
    except (yaml.MarkedYAMLError, ReaderError) as error:
        raise ConfigError([_syntax_problem(error, text).at(file)]) from None


class _Loader(yaml.SafeLoader):
    """Builds nodes out of plain YAML only: at most `MAX_LEVELS` deep and `MAX_VALUES` in all."""

    level = 0
    count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse what is not plain before a node is built of it."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        # An alias is an event with the anchor it refers to.
        if getattr(event, "anchor", None) is not None:
            raise _refusal("anchors (&) and aliases (*) are not allowed: repeat the value", event)
        if getattr(event, "tag", None) is not None:
            raise _refusal("tags (!) are not allowed: write the plain value", event)
        if self.level > MAX_LEVELS:
            raise _refusal(f"more than {MAX_LEVELS} levels: nest less", event)
        if self.count > MAX_VALUES:
            raise _refusal(f"more than {MAX_VALUES:,} values: no igcli configuration has", event)
        self.level += 1
        self.count += 1
        node = super().compose_node(parent, index)
        self.level -= 1
        return node


def _text(file: str) -> str:
    try:
        with Path(file).open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(f"cannot be read: {error.strerror}").at(file)]) from None
    if len(content) > MAX_BYTES:
        raise ConfigError([Problem("larger than 1 MiB: no igcli configuration is").at(file)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text at byte {error.start + 1}: save it as UTF-8"
        raise ConfigError([Problem(message).at(file)]) from None


def _refusal(message: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    mark: Any = event.start_mark
    return yaml.MarkedYAMLError(problem=message, problem_mark=mark)


def _syntax_problem(error: yaml.MarkedYAMLError | ReaderError, text: str) -> Problem:
    if isinstance(error, ReaderError):
        before = text[: error.position]
        column = error.position - before.rfind("\n")
        message = f"the character {error.character:#04x} is not allowed: remove it"
        return Problem(message, (), before.count("\n") + 1, column)
    message = error.problem or "is not YAML"
    if "\\t" in message:
        message = "a tab cannot indent YAML: use spaces"
    elif "another document" in message:
        message = "a second document: keep one"
    mark = error.problem_mark or error.context_mark
    return Problem(message, (), mark.line + 1, mark.column + 1) if mark else Problem(message)
