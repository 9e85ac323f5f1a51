"""How the shell goes on with the values of options: names of files, and what a setting may be."""

import os

import click
from click.shell_completion import CompletionItem


class PathType(click.ParamType[str]):
    """A path that the shell completes."""

    name = "path"

    def __init__(self, *, home: bool = False) -> None:
        """Say whether `~` is expanded where the shell does not: in `--log-file=~/log`."""
        self._home = home

    def convert(
        self, value: str, _param: click.Parameter | None, _ctx: click.Context | None
    ) -> str:
        """Return the path."""
        return os.path.expanduser(value) if self._home else value  # noqa: PTH111 - need not be UTF-8

    def shell_complete(
        self, _ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Leave it to the shell."""
        return [CompletionItem(incomplete, type="file")]


class Names(click.ParamType[str]):
    """A value that may be one of some names, and is checked elsewhere; files are offered too."""

    name = "text"

    def __init__(self, names: tuple[str, ...], *, files: bool) -> None:
        """Take the names, and say whether paths are values, too."""
        self._names = names
        self._files = files

    def shell_complete(
        self, _ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that go on from what is typed."""
        found = [CompletionItem(name) for name in self._names if name.startswith(incomplete)]
        return found or ([CompletionItem(incomplete, type="file")] if self._files else [])
