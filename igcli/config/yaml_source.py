"""A YAML file: its values, and the line and column of every key and value.

Only plain YAML is read, within limits: no tags, anchors or aliases.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from yaml.constructor import SafeConstructor
from yaml.reader import ReaderError

from igcli.config.problems import ConfigError, KeyPath, Problem

MAX_BYTES = 1 << 20
MAX_LEVELS = 20
MAX_VALUES = 10_000
MAX_DIGITS = 400
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Mark:
    """The place of a key or a value, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """The contents of a YAML file.

    Attributes:
        file: Its name as it was given.
        values: Mappings as dict, lists as tuple, and scalars.
        marks: The place of each value.
        key_marks: The place of each key.
        problems: Mistakes in the YAML itself. Their keys are left out of the values; items of a
            list become None.
    """

    file: str
    values: dict[str, object] = field(default_factory=dict)
    marks: dict[KeyPath, Mark] = field(default_factory=dict)
    key_marks: dict[KeyPath, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_yaml(file: str) -> Document:
    """Return the contents of a YAML file, which may be empty.

    Raises:
        ConfigError: The file cannot be read, or is not a mapping in plain YAML.
    """
    text = _text(file)
    try:
        root = _Loader(text).get_single_node()
    except (yaml.MarkedYAMLError, ReaderError) as error:
        raise ConfigError([_syntax_problem(error, text).at(file)]) from None
    document = Document(file)
    if isinstance(root, yaml.MappingNode):
        document.values.update(_Reader(text, document).mapping(root, ()))
    elif root is not None and root.tag != f"{_TAG}null":
        raise ConfigError([Problem("must be a mapping of keys, such as 'steps: 50'").at(file)])
    return document


def _text(file: str) -> str:
    try:
        with Path(file).open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(f"cannot be read: {error.strerror}").at(file)]) from None
    if len(content) > MAX_BYTES:
        raise ConfigError([Problem("is larger than 1 MiB: name an igcli configuration").at(file)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text at byte {error.start + 1}: save it as UTF-8"
        raise ConfigError([Problem(message).at(file)]) from None


class _Loader(yaml.SafeLoader):
    """Builds nodes from plain YAML, at most `MAX_LEVELS` deep and `MAX_VALUES` in number."""

    level = 0
    count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse what is not plain YAML before building a node of it."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        # The event of an alias has the anchor that it refers to.
        if getattr(event, "anchor", None) is not None:
            raise _refusal("anchors (&) and aliases (*) are not allowed: repeat the value", event)
        if getattr(event, "tag", None) is not None:
            raise _refusal("tags (!) are not allowed: write the plain value", event)
        if self.level > MAX_LEVELS:
            raise _refusal(f"more than {MAX_LEVELS} levels: use fewer", event)
        if self.count > MAX_VALUES:
            raise _refusal(f"more than {MAX_VALUES:,} values: name an igcli configuration", event)
        self.level += 1
        self.count += 1
        node = super().compose_node(parent, index)
        self.level -= 1
        return node


def _refusal(message: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    mark: Any = event.start_mark
    return yaml.MarkedYAMLError(problem=message, problem_mark=mark)


def _syntax_problem(error: yaml.MarkedYAMLError | ReaderError, text: str) -> Problem:
    if isinstance(error, ReaderError):
        before = text[: error.position]
        column = error.position - before.rfind("\n")
        message = f"the character {error.character:#04x} is not allowed: remove it"
        return Problem(message, (), before.count("\n") + 1, column)
    message = error.problem or "not YAML"
    if "\\t" in message:
        message = "a tab cannot indent YAML: use spaces"
    elif "another document" in message:
        message = "a second YAML document: keep only one"
    mark = error.problem_mark or error.context_mark
    return Problem(message, (), mark.line + 1, mark.column + 1) if mark else Problem(message)


class _Reader:
    """Turns nodes into values and records their places."""

    def __init__(self, text: str, document: Document) -> None:
        self._lines = text.splitlines()
        self._document = document

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        """Return the values by key; of a key that occurs twice, the first."""
        values: dict[str, object] = {}
        for key, child in self._pairs(node, path):
            child_path = (*path, key)
            self._document.marks[child_path] = _mark(child)
            value = self._value(child, child_path)
            if value is not None:
                values[key] = value
        return values

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, yaml.Node]]:
        for key, child in node.value:
            mark = _mark(key)
            if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_TAG}str":
                self._note("a key must be text", path, mark, is_about_key=True)
                continue
            first = self._document.key_marks.setdefault((*path, key.value), mark)
            if first is mark:
                yield key.value, child
            else:
                message = f"occurs twice, first at {first.line}:{first.column}: remove one"
                self._note(message, (*path, key.value), mark, is_about_key=True)

    def _value(self, node: yaml.Node, path: KeyPath) -> object:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self._items(node, path))
        kind = node.tag.removeprefix(_TAG)
        mistake = self._no_value(node, path) if kind == "null" else _mistake(kind, node.value)
        if mistake:
            self._note(mistake, path, _mark(node))
            return None
        # Dates and 1:30 (90 in YAML 1.1) stay the text that they look like.
        is_plain = kind not in ("bool", "int", "float") or (kind == "int" and ":" in node.value)
        return node.value if is_plain else SafeConstructor().construct_object(node)

    def _items(self, node: yaml.SequenceNode, path: KeyPath) -> Iterator[object]:
        for index, child in enumerate(node.value):
            self._document.marks[(*path, index)] = _mark(child)
            yield self._value(child, (*path, index))

    def _no_value(self, node: yaml.Node, path: KeyPath) -> str:
        """Return the message for a key without a value, which an unquoted # may have hidden."""
        message = "has no value: give one or remove the key"
        line = "".join(self._lines[node.start_mark.line : node.start_mark.line + 1])
        comment = line[node.start_mark.column :].strip()
        if comment.startswith("#"):
            return f"{message}; # starts a comment, so quote the value: {path[-1]}: '{comment}'"
        return f"{message}; a value that starts with # must be quoted"

    def _note(self, message: str, path: KeyPath, mark: Mark, *, is_about_key: bool = False) -> None:
        about: Literal["key", "value"] = "key" if is_about_key else "value"
        self._document.problems.append(Problem(message, path, mark.line, mark.column, about))


def _mistake(kind: str, written: str) -> str | None:
    """Return what is wrong with a number, if anything."""
    if kind not in ("int", "float"):
        return None
    if len(written) > MAX_DIGITS:
        return "has too many digits"
    if kind == "int" and re.fullmatch(r"[-+]?0[0-7_]+", written):
        octal = int(written.replace("_", ""), 8)
        return f"{written} means the octal number {octal}: write {octal} or, for text, '{written}'"
    if kind == "int" and re.fullmatch(r"[-+]?0[bx]_+", written):
        return f"{written} is not a number: quote it if it is text"
    return None


def _mark(node: yaml.Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)
