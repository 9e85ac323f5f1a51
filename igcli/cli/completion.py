"""Values of options that the shell completes: paths, the choices of settings, lists of names."""

import os
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from igcli.errors import UsageError
from igcli.registry import unknown_name


class PathType(click.ParamType[str]):
    """A path that the shell completes."""

    name = "path"

    def __init__(self, *, home: bool = False) -> None:
        """Choose whether to expand `~` where the shell does not: in `--log-file=~/log`."""
        self._home = home

    def convert(
        self, value: str, _param: click.Parameter | None, _ctx: click.Context | None
    ) -> str:
        """Return the path."""
        return os.path.expanduser(value) if self._home else value  # noqa: PTH111 - need not be UTF-8

    def shell_complete(
        self, _ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Let the shell complete files."""
        return [CompletionItem(incomplete, type="file")]


class Names(click.ParamType[str]):
    """A value with completions; which values are valid is checked elsewhere."""

    name = "text"

    def __init__(self, names: tuple[str, ...], *, files: bool) -> None:
        """Set the names to complete, and whether to complete files as well."""
        self._names = names
        self._files = files

    def shell_complete(
        self, _ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that start with the typed text."""
        names = [CompletionItem(name) for name in self._names if name.startswith(incomplete)]
        return names or ([CompletionItem(incomplete, type="file")] if self._files else [])


class Choice(click.Choice[str]):
    """One of a few names, with the same message as a setting about any other."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name.

        Raises:
            UsageError: It is unknown.
        """
        if value not in self.choices and param is not None:
            raise UsageError(f"{param.opts[0]}: {unknown_name(value, self.choices)}")
        return super().convert(value, param, ctx)


def names_in(text: str | None, known: Sequence[str], option: str) -> tuple[str, ...]:
    """Return the names in a list separated by commas, each once; none for None.

    Args:
        text: The list.
        known: All names.
        option: The option that it is the value of.

    Raises:
        UsageError: One is unknown.
    """
    names = [] if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise UsageError(f"{option}: {unknown_name(name, known)}")
    return tuple(dict.fromkeys(names))
