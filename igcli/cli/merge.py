"""The command `igcli merge`."""

import os

import click

from igcli.cli.completion import PathType
from igcli.cli.terminal import NOTICE, say, verbosity
from igcli.outputs.open import output_at


@click.command()
@click.argument("output", type=PathType())
@click.option("--gallery/--no-gallery", default=True, help="Build index.html, too (the default).")
@verbosity
def merge(output: str, *, gallery: bool, quiet: bool) -> None:  # noqa: ARG001 - say() knows it
    """Join the records and summaries of the shards in OUTPUT, and build its page.

    Shards that are not finished are merged as far as they have come, and the exit code is 3.
    """
    # Imported here: its help needs no NumPy.
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
    told = record | {"skipped": 0, "redone": 0}  # by one run of a shard: nothing to the whole
    say(closing_line(told, record["total"] or record["images"], folder.path), NOTICE)
    if status.array:
        say(f"not finished: --shard {status.array}; run these again, then merge again")
    bad = status.array or record["failed"] or (record["beyond_max_error"] or {}).get("count")
    click.get_current_context().exit(3 if bad else 0)
