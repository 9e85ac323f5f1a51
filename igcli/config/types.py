"""What a setting may be, read off its declared type."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from igcli.options import Options

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
