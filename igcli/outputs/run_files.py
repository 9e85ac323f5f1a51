"""Files that a run writes once: its summary, resolved configuration and page."""

# ruff: noqa: PTH118

import json
import os
from collections.abc import Mapping
from typing import Any

from igcli.errors import UsageError
from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import to_jsonable

SUMMARY, CONFIG, PAGE = "summary.json", "config.yaml", "index.html"
EVALUATION, EVALUATION_LINES = "evaluation.json", "evaluation.jsonl"
EVALUATION_PARTS = "evaluation"
"""Folder of the lines of an evaluation's shards."""

CONFIG_HEADER = (
    "# Written by igcli: the resolved configuration of this run, for -c to read again.\n"
)
PAGE_HEADER = b"<!doctype html>\n<!-- Written by igcli. -->\n"

MAX_BYTES = 1 << 22
"""Number of bytes of a summary or a configuration that are read at most."""


def write_summary(folder: OutputFolder, summary: Mapping[str, object]) -> None:
    """Write the summary; numbers that are not finite become null. Errors as in `folder.write`."""
    text = json.dumps(to_jsonable(summary), allow_nan=False, indent=2)
    folder.write(SUMMARY, text.encode("ascii") + b"\n")


def read_summary(folder: OutputFolder) -> Mapping[str, Any]:
    """Return the summary; empty if it is missing or damaged. Errors as in `folder.has`."""
    try:
        summary = json.loads(_read(folder, SUMMARY))
    except (ValueError, RecursionError):
        return {}
    return summary if isinstance(summary, dict) else {}


def write_config(folder: OutputFolder, text: str) -> None:
    """Write the configuration, given as YAML. Errors as in `folder.write`."""
    folder.write(CONFIG, _config_bytes(text))


def write_new_config(folder: OutputFolder, text: str) -> bool:
    """Write the configuration unless there is one; as in `folder.write_new`."""
    return folder.write_new(CONFIG, _config_bytes(text))


def _config_bytes(text: str) -> bytes:
    return (CONFIG_HEADER + text).encode("utf-8", "surrogateescape")


def read_config(folder: OutputFolder) -> str:
    """Return the text of the configuration; empty if it is missing. Errors as in `folder.has`.

    Bytes that are not UTF-8 are surrogate escapes.
    """
    return _read(folder, CONFIG).decode("utf-8", "surrogateescape")


def _read(folder: OutputFolder, name: str) -> bytes:
    if not folder.has(name):
        return b""
    with folder.open_to_read(name) as file:
        return file.read(MAX_BYTES)


def is_page(folder: OutputFolder, name: str = PAGE) -> bool:
    """Return whether `name` is a page that igcli wrote. Errors as in `folder.has`."""
    if not folder.has(name):
        return False
    with folder.open_to_read(name) as file:
        return file.read(len(PAGE_HEADER)) == PAGE_HEADER


def refuse_foreign_page(folder: OutputFolder, name: str = PAGE) -> None:
    """Refuse to replace a file that igcli did not write; changes nothing.

    Raises:
        UsageError: Something else is called `name`.
    """
    if folder.has_any(name) and not is_page(folder, name):
        path = os.path.join(folder.path, name)
        raise UsageError(
            f"{path!r} was not written by igcli and is not overwritten; move it elsewhere"
        )


def write_page(folder: OutputFolder, page: str, name: str = PAGE) -> None:
    """Write a page.

    Args:
        folder: Where to write it.
        page: HTML from its element <html> on.
        name: Its name.

    Raises:
        UsageError: Something else is called `name`.
        OutputError: As in `folder.write`.
    """
    refuse_foreign_page(folder, name)
    folder.write(name, PAGE_HEADER + page.encode("utf-8"))
