"""Shell completion of option values: file names and the choices of settings."""

import os

import click
from click.shell_completion import CompletionItem


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
