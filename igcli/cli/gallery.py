"""The command `igcli gallery`: write a page to browse a run, or serve it to a browser."""

import math
import os
from typing import Any

import click

from igcli.cli.bounded_numbers import PositiveInteger
from igcli.cli.completion import PathType
from igcli.cli.page_file import checked_page
from igcli.cli.terminal import NOTICE, say, verbosity
from igcli.errors import UsageError
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
@click.option(
    "--single",
    type=PathType(home=True),
    metavar="FILE",
    help="Write a page with up to 200 images to FILE, which holds all that it shows, to send it to "
    "others.",
)
@click.option(
    "--limit",
    type=PositiveInteger(),
    metavar="N",
    help="With --single: show the first N images.",
)
@verbosity
def gallery(output: str, **options: Any) -> None:
    """Write an HTML page to browse the run in OUTPUT.

    OUTPUT is the output folder of attribute or gif. The page is index.html in that folder; open it
    in a browser. It works offline. If the output is in a store, or its results are in tar files,
    use --serve.
    """
    # Imported here because the command's help does not need NumPy.
    from igcli.gallery.run_page import write_gallery

    folder = output_at(output)
    serve, single, limit = options["serve"], options["single"], options["limit"]
    if serve is not None and single is not None:
        raise UsageError("--serve and --single exclude each other; use one of them")
    if limit is not None and single is None:
        raise UsageError("--limit is for --single; a page shows the first 10,000 images")
    if folder.is_remote or (serve is None and single is None):
        folder.check()  # A local output that is only read need not be writable.
    if single is not None:
        _write_single(folder, single, limit)
        return
    if serve is not None:
        _serve(folder, serve)
        return
    name = write_gallery(folder)
    click.echo(os.fsencode(os.path.join(folder.path, name)))  # noqa: PTH118


def _write_single(output: OutputFolder, path: str, limit: int | None) -> None:
    """Write a page in a single file; nothing in the output is changed.

    Raises:
        UsageError: There are no records or too many images, or the file may not be written.
        OutputError: They cannot be read, or the file cannot be written.
    """
    from igcli.gallery.single_file import MAX_IMAGES, single_html
    from igcli.outputs.results import read_results
    from igcli.outputs.run_files import write_page

    page, name = checked_page("--single", path)
    _refuse_own(output, os.path.join(page.path, name))  # noqa: PTH118
    results = read_results(output, max_images=limit or MAX_IMAGES)
    [done], [failed] = results.counts.counts(1)
    images = min(limit or math.inf, int(done + failed))
    if images > MAX_IMAGES:
        raise UsageError(
            f"--single: {images:,} images are too many for one file; --limit {MAX_IMAGES} shows "
            "the first ones"
        )
    write_page(page, single_html(results), name)
    click.echo(os.fsencode(os.path.join(page.path, name)))  # noqa: PTH118


def _refuse_own(output: OutputFolder, path: str) -> None:
    """Refuse to write a file where an output has files of its own.

    Raises:
        UsageError: The file would lie there.
    """
    from igcli.outputs.cleanup import is_own

    root, file = map(os.path.realpath, (output.path, path))
    if not output.is_remote and is_own(os.path.relpath(file, root)):
        raise UsageError(f"--single {path!r} is a file of the output itself; choose another name")


def _serve(folder: OutputFolder, port: int) -> None:
    """Print the address of the page and serve it until an interrupt, which is raised on.

    Raises:
        IgcliError: The port cannot be used, or there are no records, or they cannot be read.
    """
    from igcli.gallery.run_page import MAX_IMAGES
    from igcli.gallery.served_output import ServedOutput
    from igcli.gallery.server import GalleryServer
    from igcli.outputs.results import read_results

    results = read_results(folder, max_images=MAX_IMAGES)
    with GalleryServer(port) as server, ServedOutput(results) as output:
        click.echo(server.url)
        say("Ctrl-C stops the server", NOTICE)
        server.serve(output)
