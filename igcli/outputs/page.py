"""The page to look at results with; one that igcli did not write is left alone."""

# ruff: noqa: PTH118

import os

from igcli.errors import UsageError
from igcli.outputs.folder import OutputFolder

NAME = "index.html"
MARK = b"<!doctype html>\n<!-- Written by igcli. -->\n"


def is_page(folder: OutputFolder, name: str = NAME) -> bool:
    """Tell whether `name` is a page that igcli wrote. Errors as in `folder.has`."""
    if not folder.has(name):
        return False
    with folder.open_to_read(name) as file:
        return file.read(len(MARK)) == MARK


def refuse_foreign(folder: OutputFolder, name: str = NAME) -> None:
    """Refuse to replace what igcli did not write; touches nothing.

    Raises:
        UsageError: There is something else called `name`.
    """
    if folder.has_any(name) and not is_page(folder, name):
        path = os.path.join(folder.path, name)
        raise UsageError(f"{path!r} was not written by igcli and is not overwritten; move it away")


def write_page(folder: OutputFolder, page: str, name: str = NAME) -> None:
    """Write a page.

    Args:
        folder: Where to.
        page: HTML from its element <html> on.
        name: Its name.

    Raises:
        UsageError: There is something else called `name`.
        OutputError: As in `folder.write`.
    """
    refuse_foreign(folder, name)
    folder.write(name, MARK + page.encode("utf-8"))
