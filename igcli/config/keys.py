"""The keys of the YAML schema and their types, read from the option models."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from igcli.config.problems import KeyPath
from igcli.options import Options, PathField, Switch, flag

MarkType = TypeVar("MarkType")
NUMBER = re.compile(r"[-+]?([0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(e[-+]?[0-9]{1,4})?", re.I)
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_PAIRS = re.compile("[^=,]+=[^=,]+(,[^=,]+=[^=,]+)*")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the schema.

    Attributes:
        path: Its name, after the names of the groups that contain it.
        alternatives: The types that its value may have.
        help: What it sets, in one sentence.
        default: Its value if nobody sets it.
        examples: Values to show if the default is None.
        children: The keys of the group that its value may be.
        is_shorthand: Whether a plain text in place of the whole group is the value of this key.
    """

    path: tuple[str, ...]
    alternatives: tuple["Alternative", ...]
    help: str
    default: object
    examples: tuple[object, ...]
    children: tuple["Key", ...]
    is_shorthand: bool

    @property
    def name(self) -> str:
        """The key as messages write it: "panel.style"."""
        return ".".join(self.path)

    @property
    def flags(self) -> tuple[str, ...]:
        """The command-line options: `--panel-style`; `--model` and `--model-source`."""
        paths = (self.path[:-1], self.path) if self.is_shorthand else (self.path,)
        return tuple(map(flag, paths))

    @property
    def shorthand(self) -> str | None:
        """The name of the child that a plain text sets."""
        return next((child.path[-1] for child in self.children if child.is_shorthand), None)

    @property
    def is_switch(self) -> bool:
        """Whether it is a group that false and true turn off and on."""
        return any(alternative.mark(Switch) for alternative in self.alternatives)

    @property
    def scalars(self) -> tuple["Alternative", ...]:
        """The types that its value may have, groups left out."""
        return tuple(alternative for alternative in self.alternatives if not alternative.section)

    @property
    def path_field(self) -> PathField | None:
        """The mark of a path if its value, or an item of it, is one."""
        leaves = (
            leaf
            for alternative in self.alternatives
            for leaf in (alternative, *(alternative.items or ()))
        )
        marks = (leaf.mark(PathField) for leaf in leaves)
        return next((mark for mark in marks if mark), None)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the types that a value may have.

    Attributes:
        kind: A scalar type, a Literal, a tuple, a dict or a subclass of Options.
        marks: The annotations of the type.
    """

    kind: Any
    marks: tuple[object, ...]

    @property
    def section(self) -> type[Options] | None:
        """The group of options, if it is one."""
        is_class = isinstance(self.kind, type) and get_origin(self.kind) is None
        return self.kind if is_class and issubclass(self.kind, Options) else None

    @property
    def choices(self) -> tuple[object, ...]:
        """The values of a Literal."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def items(self) -> tuple["Alternative", ...] | None:
        """The types of a list's items; None if it is not a list."""
        if get_origin(self.kind) is not tuple:
            return None
        return alternatives_of(get_args(self.kind)[0])

    @property
    def values(self) -> tuple["Alternative", ...] | None:
        """The types of the values of a mapping with any keys; None if it is not one."""
        return alternatives_of(get_args(self.kind)[1]) if get_origin(self.kind) is dict else None

    @property
    def length(self) -> int | None:
        """Number of items of a list of fixed length."""
        items = get_args(self.kind) if get_origin(self.kind) is tuple else ()
        return None if Ellipsis in items or not items else len(items)

    @property
    def is_free_text(self) -> bool:
        """Whether it is a text that no pattern confines."""
        return self.kind is str and not any(getattr(mark, "pattern", None) for mark in self.marks)

    def mark(self, kind: type[MarkType]) -> MarkType | None:
        """Return the first mark of a kind, else None."""
        return next((mark for mark in self.marks if isinstance(mark, kind)), None)


def keys_of(group: type[Options], path: tuple[str, ...] = ()) -> tuple[Key, ...]:
    """Return the keys of a group of options, in order, each with its children.

    Args:
        group: The model.
        path: The names of the groups that contain it.
    """
    return tuple(
        _key(group, name, field, (*path, name)) for name, field in group.model_fields.items()
    )


def _key(group: type[Options], name: str, field: FieldInfo, path: tuple[str, ...]) -> Key:
    alternatives = alternatives_of(field.annotation, field.metadata)
    sections = (alternative.section for alternative in alternatives)
    section = next((section for section in sections if section), None)
    return Key(
        path=path,
        alternatives=alternatives,
        help=" ".join((field.description or "").split()),
        default=field.get_default(call_default_factory=True),
        examples=tuple(field.examples or ()),
        children=keys_of(section, path) if section else (),
        is_shorthand=group.shorthand == name,
    )


def alternatives_of(annotation: Any, marks: Iterable[object] = ()) -> tuple[Alternative, ...]:
    """Return the types that an annotation allows, None left out."""
    marks = tuple(marks)
    if get_origin(annotation) is Annotated:
        base, *inner = get_args(annotation)
        return alternatives_of(base, (*marks, *_unpack(inner)))
    if get_origin(annotation) in (Union, UnionType):
        members = get_args(annotation)
        return tuple(
            alternative for member in members for alternative in alternatives_of(member, marks)
        )
    return () if annotation is NoneType else (Alternative(annotation, marks),)


def _unpack(marks: Iterable[object]) -> Iterator[object]:
    """Yield the marks, those inside a pydantic Field one by one."""
    for mark in marks:
        yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)


def walk(keys: tuple[Key, ...]) -> Iterator[Key]:
    """Yield every key, a group before its children."""
    for key in keys:
        yield key
        yield from walk(key.children)


def child(keys: tuple[Key, ...], name: object) -> Key | None:
    """Return the key called `name` among `keys`, if there is one."""
    return next((key for key in keys if key.path[-1] == name), None)


def option_of(path: KeyPath, keys: tuple[Key, ...]) -> str:
    """Return the command-line option of the key at a path."""
    return next(key.flags[0] for key in walk(keys) if key.path == path)


def convert(text: str, alternatives: Iterable[Alternative]) -> object:
    """Return the value of a command-line text; the text itself if it has none of the types."""
    alternatives = tuple(alternatives)
    kinds = [alternative.kind for alternative in alternatives]
    choices = (choice for alternative in alternatives for choice in alternative.choices)
    choices_by_name = {str(choice): choice for choice in choices}
    if text in choices_by_name:
        return choices_by_name[text]
    if bool in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if int in kinds and _INTEGER.fullmatch(text):
        return int(text)
    if float in kinds and NUMBER.fullmatch(text):
        return float(text)
    values = next((kind.values for kind in alternatives if kind.values is not None), None)
    if values is not None and _PAIRS.fullmatch(text):
        pairs = (pair.split("=") for pair in text.split(","))
        return {name.strip(): convert(value.strip(), values) for name, value in pairs}
    items = next((kind.items for kind in alternatives if kind.items is not None), None)
    if items is not None and str not in kinds:
        parts = text.split(",") if text else []
        return tuple(convert(part.strip(), items) for part in parts)
    return text
