"""The command `igcli status`."""

import json
from typing import TYPE_CHECKING, Any

import click

from igcli.cli.completion import PathType
from igcli.cli.terminal import verbosity
from igcli.outputs.open import output_at

if TYPE_CHECKING:
    from igcli.outputs.status import Progress, Status

COLUMNS = ("done", "failed", "missing")


@click.command()
@click.argument("output", type=PathType())
@click.option("--json", "as_json", is_flag=True, help="The same as one JSON object.")
@click.option("--array", is_flag=True, help="Only the shards to run again: 3,5-6.")
@verbosity
def status(output: str, *, as_json: bool, array: bool, quiet: bool) -> None:  # noqa: ARG001
    """Tell what is done, failed and missing in OUTPUT, shard by shard.

    The exit code is 3 where something is missing or failed.
    """
    # Imported here: its help needs no NumPy.
    from igcli.outputs.status import read_status

    found = read_status(output_at(output))
    if array:
        # Nothing at all where there is none, for the shell to test.
        click.echo(found.array, nl=bool(found.array))
    elif as_json:
        click.echo(json.dumps(_values(found)))
    else:
        for line in table(found):
            click.echo(line)
    click.get_current_context().exit(0 if found.is_done else 3)


def table(found: "Status") -> list[str]:
    """Return the table for people: a line each, the total, and what to run again."""
    count = len(found.shards)
    names = [f"{each.number}-of-{count}" for each in found.shards] if found.is_split else ["run"]
    rows: list[tuple[str, ...]] = [("shard" if found.is_split else "", *COLUMNS, "state")]
    rows += [(name, *_cells(each)) for name, each in zip(names, found.shards, strict=True)]
    if found.is_split:
        rows.append(("total", *(_cell(value) for value in total(found).values()), ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if 0 < at <= len(COLUMNS) else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    if found.is_split and found.array:
        lines.append(f"run again: {found.array}")
    if any(each.failed for each in found.shards):
        lines.append("failed images are tried again with --retry-failed")
    return lines


def total(found: "Status") -> dict[str, int | None]:
    """Return the sums over all shards; what is missing is unknown where one of them does not know.

    Their order is that of the columns.
    """
    missing = [each.missing for each in found.shards]
    return {
        "done": sum(each.done for each in found.shards),
        "failed": sum(each.failed for each in found.shards),
        "missing": None if None in missing else sum(filter(None, missing)),
    }


def _values(found: "Status") -> dict[str, Any]:
    shards = [
        {
            "shard": each.number,
            "done": each.done,
            "failed": each.failed,
            "missing": each.missing,
            "state": each.state,
        }
        for each in found.shards
    ]
    return {"shards": shards, "total": total(found), "array": found.array}


def _cells(progress: "Progress") -> tuple[str, ...]:
    numbers = (progress.done, progress.failed, progress.missing)
    return (*map(_cell, numbers), progress.state)


def _cell(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
