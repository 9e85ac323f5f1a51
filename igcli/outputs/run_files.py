"""What is written once a run: the summary and the resolved configuration."""

import json
import os
from collections.abc import Mapping

from igcli.errors import UsageError
from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import plain

SUMMARY, CONFIG = "summary.json", "config.yaml"
HEADER = "# Written by igcli: the resolved configuration of this run, for -c to read again.\n"


def write_summary(folder: OutputFolder, summary: Mapping[str, object]) -> None:
    """Write the summary; what is not a finite number is null. Errors as in `folder.write`."""
    text = json.dumps(plain(summary), allow_nan=False, indent=2)
    folder.write(SUMMARY, text.encode("ascii") + b"\n")


def write_config(folder: OutputFolder, text: str) -> None:
    """Write the configuration, given as YAML. Errors as in `folder.write`."""
    folder.write(CONFIG, (HEADER + text).encode("utf-8", "surrogateescape"))


def write_new_config(folder: OutputFolder, text: str) -> bool:
    """Write the configuration unless there is one; as in `folder.write_new`."""
    return folder.write_new(CONFIG, (HEADER + text).encode("utf-8", "surrogateescape"))


# ruff: noqa: PTH118


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
