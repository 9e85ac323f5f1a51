"""The keys of the YAML schema, read off the option models."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic.fields import FieldInfo

from igcli.config.problems import KeyPath
from igcli.config.types import Alternative, alternatives
from igcli.options import Options, PathField, Switch


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
