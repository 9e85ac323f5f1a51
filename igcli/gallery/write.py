"""The gallery of a run, written beside its results."""

from igcli.gallery.html import to_html
from igcli.gallery.run_page import run_page
from igcli.outputs.folder import OutputFolder
from igcli.outputs.page import NAME, write_page
from igcli.outputs.results import read_results

MOST = 10_000
"""Images that a page shows: a browser reads them all before it shows the first."""


def write_gallery(folder: OutputFolder) -> str:
    """Write the gallery of the run in `folder`, and return its name there.

    Raises:
        UsageError: There are no records, or something else has the page's name.
        OutputError: They cannot be read, or the page cannot be written.
    """
    write_page(folder, to_html(run_page(read_results(folder, most=MOST))))
    return NAME
