"""The keys of the YAML schema, read off the option models."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from igcli.config.problems import KeyPath
from igcli.options import Options, PathField, Switch

MarkType = TypeVar("MarkType")
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_PAIRS = re.compile("[^=,]+=[^=,]+(,[^=,]+=[^=,]+)*")
NUMBER = re.compile(r"[-+]?([0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(e[-+]?[0-9]{1,4})?", re.I)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the types that a setting may have.

    Attributes:
        kind: A scalar type, a Literal, a tuple or a subclass of Options.
        marks: Everything that is annotated on it.
    """

    kind: Any
    marks: tuple[object, ...]

    @property
    def section(self) -> type[Options] | None:
        """The group of options that it is, if any."""
        is_class = isinstance(self.kind, type) and get_origin(self.kind) is None
        return self.kind if is_class and issubclass(self.kind, Options) else None

    @property
    def choices(self) -> tuple[object, ...]:
        """The values it allows by name."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def items(self) -> tuple["Alternative", ...] | None:
        """What each item of a list may be; None for what is no list."""
        if get_origin(self.kind) is not tuple:
            return None
        return alternatives(get_args(self.kind)[0])

    @property
    def values(self) -> tuple["Alternative", ...] | None:
        """What each value of a mapping of free names may be; None for what is no such mapping."""
        return alternatives(get_args(self.kind)[1]) if get_origin(self.kind) is dict else None

    @property
    def length(self) -> int | None:
        """Number of items of a list where it is fixed."""
        items = get_args(self.kind) if get_origin(self.kind) is tuple else ()
        return None if Ellipsis in items or not items else len(items)

    def mark(self, wanted: type[MarkType]) -> MarkType | None:
        """Return the first mark of a kind, else None."""
        return next((mark for mark in self.marks if isinstance(mark, wanted)), None)


def alternatives(annotation: Any, marks: Iterable[object] = ()) -> tuple[Alternative, ...]:
    """Return the types that a declared type allows, None left out."""
    marks = tuple(marks)
    if get_origin(annotation) is Annotated:
        base, *inner = get_args(annotation)
        return alternatives(base, (*marks, *_flat(inner)))
    if get_origin(annotation) in (Union, UnionType):
        return tuple(one for part in get_args(annotation) for one in alternatives(part, marks))
    return () if annotation is NoneType else (Alternative(annotation, marks),)


def convert(text: str, options: Iterable[Alternative]) -> object:
    """Return the value that a command-line text stands for; the text itself where none fits."""
    options = tuple(options)
    types = [one.kind for one in options]
    named = {str(choice): choice for one in options for choice in one.choices}
    if text in named:
        return named[text]
    if bool in types and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if int in types and _INTEGER.fullmatch(text):
        return int(text)
    if float in types and NUMBER.fullmatch(text):
        return float(text)
    values = next((one.values for one in options if one.values is not None), None)
    if values is not None and _PAIRS.fullmatch(text):
        pairs = (pair.split("=") for pair in text.split(","))
        return {name.strip(): convert(value.strip(), values) for name, value in pairs}
    items = next((one.items for one in options if one.items is not None), None)
    if items is not None and str not in types:
        parts = text.split(",") if text else []
        return tuple(convert(part.strip(), items) for part in parts)
    return text


def _flat(marks: Iterable[object]) -> Iterator[object]:
    for mark in marks:
        yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the schema.

    Attributes:
        path: Its name, after the names of the groups it stands in.
        options: The types its value may have.
        help: What it is, in one line.
        default: Its value where nobody sets it.
        examples: Values to show where the default is none.
        children: The keys below it, where its value may be a group.
        is_shorthand: Whether a plain text in place of the whole group stands for this key.
    """

    path: tuple[str, ...]
    options: tuple[Alternative, ...]
    help: str
    default: object
    examples: tuple[object, ...]
    children: tuple["Key", ...]
    is_shorthand: bool

    @property
    def name(self) -> str:
        """The key as it is written in messages: "panel.style"."""
        return ".".join(self.path)

    @property
    def flags(self) -> tuple[str, ...]:
        """The command-line options: `--panel-style`; `--model` and `--model-source`."""
        paths = (self.path[:-1], self.path) if self.is_shorthand else (self.path,)
        return tuple("--" + "-".join(path).replace("_", "-") for path in paths)

    @property
    def shorthand(self) -> str | None:
        """The name of the child that a plain text stands for."""
        return next((child.path[-1] for child in self.children if child.is_shorthand), None)

    @property
    def is_switch(self) -> bool:
        """Whether it is a group that false and true turn off and on."""
        return any(option.mark(Switch) for option in self.options)

    @property
    def scalars(self) -> tuple[Alternative, ...]:
        """The types its value may have other than a group."""
        return tuple(option for option in self.options if not option.section)

    @property
    def path_field(self) -> PathField | None:
        """The mark of a path, where its value is one."""
        leaves = (leaf for one in self.options for leaf in (one, *(one.items or ())))
        marks = (leaf.mark(PathField) for leaf in leaves)
        return next((mark for mark in marks if mark), None)


def keys_of(group: type[Options], path: tuple[str, ...] = ()) -> tuple[Key, ...]:
    """Return the keys of a group of options, in order, each with the keys below it.

    Args:
        group: The model.
        path: The names of the groups it stands in.
    """
    return tuple(
        _key(group, name, field, (*path, name)) for name, field in group.model_fields.items()
    )


def walk(keys: tuple[Key, ...]) -> Iterator[Key]:
    """Yield every key, a group before the keys below it."""
    for key in keys:
        yield key
        yield from walk(key.children)


def child(keys: tuple[Key, ...], name: object) -> Key | None:
    """Return the key called `name` among `keys`, if there is one."""
    return next((key for key in keys if key.path[-1] == name), None)


def option_of(path: KeyPath, keys: tuple[Key, ...]) -> str:
    """Return the command-line option of the key at a path."""
    return next(key.flags[0] for key in walk(keys) if key.path == path)


def _key(group: type[Options], name: str, field: FieldInfo, path: tuple[str, ...]) -> Key:
    options = alternatives(field.annotation, field.metadata)
    inner = next((option.section for option in options if option.section), None)
    return Key(
        path=path,
        options=options,
        help=" ".join((field.description or "").split()),
        default=field.get_default(call_default_factory=True),
        examples=tuple(field.examples or ()),
        children=keys_of(inner, path) if inner else (),
        is_shorthand=group.shorthand == name,
    )
