"""The base of all option groups, and the marks that describe a field.

Groups are frozen, strictly typed and refuse unknown names.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from igcli.urls import has_credentials

# Surrogates DC80 to DCFF stand for bytes of file names that are not UTF-8.
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def flag(path: Iterable[str]) -> str:
    """Return the command-line option of a key: --panel-style for panel, style."""
    return "--" + "-".join(path).replace("_", "-")


def setting(key: str, value: str = "", *, typed: str | None = None) -> str:
    """Return a setting as advice states it, as a key and as an option.

    Args:
        key: The key: "model.fit" gives "model.fit (--model-fit)".
        value: Its value in YAML: "squash" gives "model.fit: squash (--model-fit squash)".
        typed: Its value on the command line, if that is written in another way.
    """
    option = f"{flag(key.split('.'))} {value if typed is None else typed}".rstrip()
    return f"{key}: {value} ({option})" if value else f"{key} ({option})"


@dataclass(frozen=True, slots=True)
class PathField:
    """Marks a text as a path: `labels: Annotated[str, PathField()]`.

    In a YAML file it is relative to that file, on the command line to the current folder.

    Attributes:
        is_name: Tells whether a text is a known name rather than a path.
    """

    is_name: Callable[[str], bool] = lambda _: False

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Refuse text that no file name can have, and expand `~`."""
        return core_schema.no_info_after_validator_function(_path, handler(source))


@dataclass(frozen=True, slots=True)
class Expected:
    """Marks a value with a description of the values it may have.

    Attributes:
        words: For messages: "top, top:N or a class index".
        metavar: For the help of its option, if it differs from the words: "top|top:N|INDEX".
    """

    words: str
    metavar: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """Marks a group that is off by default: `gif: Annotated[GifOptions | None, Switch()] = None`.

    False means None, true means the group's defaults.
    """

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Read false and true before the group itself is validated."""
        return core_schema.no_info_before_validator_function(_switched, handler(source))


@dataclass(frozen=True, slots=True)
class Presets:
    """Marks a text as the name of a preset: values of the other fields that are not given.

    Attributes:
        values: The fields' values by name of the preset.
    """

    values: Mapping[str, Mapping[str, Any]]

    @property
    def fields(self) -> frozenset[str]:
        """Names of all fields that some preset sets."""
        return frozenset(name for preset in self.values.values() for name in preset)


class Options(BaseModel):
    """A group of options for one concern, validated once and passed as a whole.

    Types are strict: `steps: true` and `steps: '50'` are errors. A field's docstring is the help
    of its command-line option. The first of its `examples` is shown in the generated YAML file if
    it has no default.

    Attributes:
        shorthand: The field whose value a plain text in place of the whole group is.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        use_attribute_docstrings=True,
    )

    shorthand: ClassVar[str | None] = None

    @model_validator(mode="before")
    @classmethod
    def _from_shorthand(cls, value: object) -> object:
        if isinstance(value, str) and cls.shorthand:
            return {cls.shorthand: value}
        return value


def _path(path: object) -> object:
    if path == "":
        raise ValueError("must not be empty")
    if isinstance(path, str) and ("\0" in path or _LONE_SURROGATE.search(path)):
        raise ValueError("has a character that file names cannot have")
    if isinstance(path, str) and has_credentials(path):
        raise ValueError(
            "is a URL with a user name or password: set these in environment variables"
        )
    return os.path.expanduser(path) if isinstance(path, str) else path  # noqa: PTH111


def _switched(value: object) -> object:
    if value is False:
        return None
    return {} if value is True else value
