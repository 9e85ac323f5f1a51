"""What is written once a run: the summary and the resolved configuration."""

import json
from collections.abc import Mapping

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
