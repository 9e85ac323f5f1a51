"""What all groups of options share: frozen, strictly typed, no unknown names."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from igcli.urls import has_credentials

# Those from DC80 to DCFF are the bytes of names that are not UTF-8.
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


@dataclass(frozen=True, slots=True)
class PathField:
    """Marks a text as a path: `labels: Annotated[str, PathField()]`.

    In a YAML file it is relative to that file, on the command line to the current folder.

    Attributes:
        is_name: Says which texts are known names and no paths.
    """

    is_name: Callable[[str], bool] = lambda _: False

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Refuse what no file can be called, and expand `~`."""
        return core_schema.no_info_after_validator_function(_path, handler(source))


@dataclass(frozen=True, slots=True)
class Expected:
    """Marks a value with the words for what it may be, for messages: "auto, cpu or gpu:N"."""

    words: str


@dataclass(frozen=True, slots=True)
class Switch:
    """Marks a group that is off by default: `gif: Annotated[GifOptions | None, Switch()] = None`.

    False means none, true the group's defaults.
    """

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Read false and true before the group itself is validated."""
        return core_schema.no_info_before_validator_function(_switched, handler(source))


@dataclass(frozen=True, slots=True)
class Presets:
    """Marks a text as the name of values that fields of its group have where they are not given.

    Attributes:
        values: The fields' values by name of the preset.
    """

    values: Mapping[str, Mapping[str, Any]]

    @property
    def fields(self) -> frozenset[str]:
        """Names of all fields that some preset sets."""
        return frozenset(name for preset in self.values.values() for name in preset)


class Options(BaseModel):
    """A group of options for one concern, validated once and passed whole.

    Types are strict: `steps: true` and `steps: '50'` are errors. A field's docstring is the help
    of its command-line option; its `examples` stand in the generated YAML where it has no default.

    Attributes:
        shorthand: The field that a plain text in place of the whole group stands for.
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
        raise ValueError("has a character that no file name may have")
    if isinstance(path, str) and has_credentials(path):
        raise ValueError("is a URL with a user name or password: give them in the environment")
    return os.path.expanduser(path) if isinstance(path, str) else path  # noqa: PTH111


def _switched(value: object) -> object:
    if value is False:
        return None
    return {} if value is True else value
