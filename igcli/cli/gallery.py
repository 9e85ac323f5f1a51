"""The command `igcli gallery`: write a page to browse a run."""

import os

import click

from igcli.cli.completion import PathType
from igcli.cli.terminal import verbosity
from igcli.outputs.open import output_at


@click.command()
@click.argument("output", type=PathType())
@verbosity
def gallery(output: str, *, quiet: bool) -> None:  # noqa: ARG001 - it prints only the path
    """Write an HTML page to browse the run in OUTPUT.

    OUTPUT is the output folder of attribute or gif. The page is index.html in that folder; open it
    in a browser. It works offline.
    """
    # Imported here because the command's help does not need NumPy.
    from igcli.gallery.run_page import write_gallery

    folder = output_at(output)
    folder.check()
    name = write_gallery(folder)
    click.echo(os.fsencode(os.path.join(folder.path, name)))  # noqa: PTH118
