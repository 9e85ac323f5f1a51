"""The command `igcli gallery`: write a page to browse a run, or serve it to a browser."""

import os

import click

from igcli.cli.completion import PathType
from igcli.cli.terminal import NOTICE, say, verbosity
from igcli.outputs.folder import OutputFolder
from igcli.outputs.open import output_at

MAX_PORT = 65_535


class Port(click.ParamType[int]):
    """A number of a port; 0 for any that is free."""

    name = "port"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the number."""
        digits = str(value)
        port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else None
        if port is None or port > MAX_PORT:
            self.fail(
                f"{value!r} is not a port, 0 to {MAX_PORT}; name OUTPUT before it", param, ctx
            )
        return port


@click.command()
@click.argument("output", type=PathType())
@click.option(
    "--serve",
    type=Port(),
    is_flag=False,
    flag_value=0,
    metavar="[PORT]",
    help="Serve the page at http://127.0.0.1:PORT/ to this machine's browsers until Ctrl-C. "
    "Without PORT, a free one.",
)
@verbosity
def gallery(output: str, *, serve: int | None, quiet: bool) -> None:  # noqa: ARG001 - prints a path
    """Write an HTML page to browse the run in OUTPUT.

    OUTPUT is the output folder of attribute or gif. The page is index.html in that folder; open it
    in a browser. It works offline. If the output is in a store, or its results are in tar files,
    use --serve.
    """
    # Imported here because the command's help does not need NumPy.
    from igcli.gallery.run_page import write_gallery

    folder = output_at(output)
    folder.check()
    if serve is not None:
        _serve(folder, serve)
        return
    name = write_gallery(folder)
    click.echo(os.fsencode(os.path.join(folder.path, name)))  # noqa: PTH118


def _serve(folder: OutputFolder, port: int) -> None:
    """Print the address of the page and serve it until an interrupt, which is raised on.

    Raises:
        IgcliError: The port cannot be used, or as in `served_gallery`.
    """
    from igcli.gallery.run_page import served_gallery
    from igcli.gallery.served_output import ServedOutput
    from igcli.gallery.server import GalleryServer

    with GalleryServer(port) as server, ServedOutput(folder, served_gallery(folder)) as output:
        click.echo(server.url)
        say("Ctrl-C stops the server", NOTICE)
        server.serve(output)
