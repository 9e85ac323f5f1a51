"""The command `igcli status`: show what is done, failed and missing."""

import json
from typing import TYPE_CHECKING, Any

import click

from igcli.cli.completion import PathType
from igcli.cli.terminal import verbosity
from igcli.errors import FINDINGS
from igcli.outputs.open import output_at

if TYPE_CHECKING:
    from igcli.outputs.status import Progress, Status

COLUMNS = ("done", "failed", "missing")


@click.command()
@click.argument("output", type=PathType())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, not a table.")
@click.option("--array", is_flag=True, help="Print only the shards to rerun: 3,5-6.")
@verbosity
def status(output: str, *, as_json: bool, array: bool, quiet: bool) -> None:  # noqa: ARG001
    """Show what is done, failed and missing in OUTPUT, shard by shard.

    OUTPUT is the output folder of attribute or gif. The exit code is 3 if something is missing or
    failed.
    """
    # Imported here because the command's help does not need NumPy.
    from igcli.outputs.status import read_status

    progress = read_status(output_at(output))
    if array:
        # Prints nothing if there is no shard to rerun, so that scripts can test for it.
        click.echo(progress.array, nl=bool(progress.array))
    elif as_json:
        click.echo(json.dumps(_values(progress)))
    else:
        for line in table(progress):
            click.echo(line)
    click.get_current_context().exit(0 if progress.is_done else FINDINGS)


def table(progress: "Status") -> list[str]:
    """Return the lines of a table: one for each shard, the total, and what to rerun."""
    shards, is_split = progress.shards, progress.is_split
    names = [f"{shard.number}-of-{len(shards)}" for shard in shards] if is_split else ["run"]
    rows: list[tuple[str, ...]] = [("shard" if is_split else "", *COLUMNS, "state")]
    rows += [(name, *_cells(shard)) for name, shard in zip(names, shards, strict=True)]
    if is_split:
        rows.append(("total", *(_cell(value) for value in total(progress).values()), ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if 0 < column <= len(COLUMNS) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    if is_split and progress.array:
        lines.append(f"shards to rerun: {progress.array}")
    if any(shard.failed for shard in shards):
        lines.append("--retry-failed retries failed images")
    return lines


def total(progress: "Status") -> dict[str, int | None]:
    """Return the sums over all shards, in the order of the columns.

    The number of missing images is None if it is unknown for a shard.
    """
    missing = [shard.missing for shard in progress.shards]
    return {
        "done": sum(shard.done for shard in progress.shards),
        "failed": sum(shard.failed for shard in progress.shards),
        "missing": None if None in missing else sum(filter(None, missing)),
    }


def _values(progress: "Status") -> dict[str, Any]:
    shards = [
        {
            "shard": shard.number,
            "done": shard.done,
            "failed": shard.failed,
            "missing": shard.missing,
            "state": shard.state,
        }
        for shard in progress.shards
    ]
    return {"shards": shards, "total": total(progress), "array": progress.array}


def _cells(shard: "Progress") -> tuple[str, ...]:
    numbers = (shard.done, shard.failed, shard.missing)
    return (*map(_cell, numbers), shard.state)


def _cell(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
