"""The command `igcli merge`: merge the records of shards."""

import os

import click

from igcli.cli.completion import PathType
from igcli.cli.terminal import NOTICE, say, verbosity
from igcli.errors import FINDINGS
from igcli.outputs.open import output_at


@click.command()
@click.argument("output", type=PathType())
@click.option(
    "--gallery/--no-gallery", default=True, help="Write index.html as well.  [default: on]"
)
@verbosity
def merge(output: str, *, gallery: bool, quiet: bool) -> None:  # noqa: ARG001 - say() respects it
    """Merge the records and summaries of the shards in OUTPUT, and write its page.

    Of unfinished shards, the records so far are merged, and the exit code is 3.
    """
    # Imported here because the command's help does not need NumPy.
    from igcli.cli.attribute.report import closing_line
    from igcli.gallery.run_page import write_gallery
    from igcli.outputs.journal import NAME
    from igcli.outputs.run_files import SUMMARY, refuse_foreign_page
    from igcli.pipeline.runs.merge_shards import merge as merge_shards

    folder = output_at(output)
    folder.check()
    if gallery:
        refuse_foreign_page(folder)
    record, status = merge_shards(folder)
    names = [NAME, SUMMARY, *([write_gallery(folder)] if gallery else [])]
    for name in names:
        click.echo(os.fsencode(os.path.join(folder.path, name)))  # noqa: PTH118
    whole = record | {"skipped": 0, "redone": 0}  # These count single runs of a shard.
    say(closing_line(whole, record["total"] or record["images"], folder.path), NOTICE)
    if status.array:
        say(f"not finished: --shard {status.array}; rerun these shards, then merge again")
    is_incomplete = (
        status.array
        or record["failed"]
        or record.get("damaged")
        or (record["beyond_max_error"] or {}).get("count")
    )
    click.get_current_context().exit(FINDINGS if is_incomplete else 0)
