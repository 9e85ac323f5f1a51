"""The command `igcli compare`: compare the attributions of two runs."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from igcli.cli.bounded_numbers import Similarity
from igcli.cli.completion import PathType
from igcli.cli.page_file import checked_page
from igcli.cli.terminal import NOTICE, say, verbosity
from igcli.errors import FINDINGS, UsageError
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.open import output_at
from igcli.printable import printable

if TYPE_CHECKING:  # Not imported for the command's help, which does not need NumPy.
    from igcli.compare.comparison import Agreement, Comparison
    from igcli.outputs.results import Results

MAX_NAMES = 5
HEADINGS = ("correlation", "top-5%", "score A", "score B", "change", "image")


@click.command()
@click.argument("run_a", type=PathType())
@click.argument("run_b", type=PathType())
@click.option(
    "--gallery",
    type=PathType(home=True),
    metavar="FILE",
    help="Write both runs side by side to FILE, an HTML page, and what it shows to a folder beside "
    "it: FILE without its suffix, and -files.",
)
@click.option(
    "--min-correlation",
    type=Similarity(),
    metavar="NUMBER",
    help="Exit with code 3 if the rank correlation of an image is lower.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print records to standard output, not a table."
)
@verbosity
def compare(run_a: str, run_b: str, **options: Any) -> None:
    """Compare the attributions of two runs, image by image, the worst agreement first.

    RUN_A and RUN_B are output folders written with --arrays. The table has, for each image that
    is in both, the rank correlation of the attributions' channel means with their signs
    (-1 to 1), the overlap of the 5% of pixels with the largest magnitudes, and the score in B
    minus the score in A.
    """
    from igcli.compare.comparison import compare as compare_runs
    from igcli.compare.comparison import summarize
    from igcli.outputs.results import read_results

    runs = read_results(output_at(run_a)), read_results(output_at(run_b))
    gallery: str | None = options["gallery"]
    page = None if gallery is None else checked_page("--gallery", gallery)
    if page and any(run.folder.is_remote for run in runs):
        raise UsageError("--gallery: the pictures are in a store; copy the runs to this machine")
    agreement = summarize(compare_runs(*runs), *runs)
    if page:  # Before the table, which may be piped to a reader that stops after the first line.
        _write_page(agreement, runs, page)
    if options["as_json"]:
        _print_json(agreement)
    else:
        for line in _table(agreement):
            click.echo(line)
    if not options["quiet"]:
        _print_summary(agreement)
        if page:
            say(f"the page is {options['gallery']}", NOTICE)
    exit_code = _exit_code(agreement, options["min_correlation"])
    click.get_current_context().exit(exit_code)


def _write_page(
    agreement: "Agreement", runs: "tuple[Results, Results]", page: tuple[LocalFolder, str]
) -> None:
    from igcli.compare.page import comparison_page
    from igcli.compare.page_files import write_comparison_files
    from igcli.gallery.html import to_html
    from igcli.outputs.run_files import write_page

    folder, name = page
    root = f"{os.path.splitext(name)[0]}-files"
    files = write_comparison_files(agreement, runs, folder, root)
    write_page(folder, to_html(comparison_page(agreement, runs, folder.path, files)), name)


def _print_json(agreement: "Agreement") -> None:
    from igcli.outputs.journal import to_json

    for comparison in agreement.comparisons:
        click.echo(to_json(comparison.record()))
    click.echo(to_json(agreement.record()))


def _table(agreement: "Agreement") -> Iterator[str]:
    """Yield the lines of the table; names are last because they may have any length."""
    yield _line(HEADINGS)
    for pair in agreement.comparisons:
        if not pair.reason:
            cells = (
                _cell(pair.correlation, ".4f"),
                _cell(pair.overlap, ".1%"),
                _cell(pair.first.get("score"), ".6g"),
                _cell(pair.second.get("score"), ".6g"),
                _cell(pair.change, "+.3g"),
            )
            yield _line((*cells, printable(pair.image)))


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(f"{cell:>11}" for cell in cells[:-1]) + f"  {cells[-1]}"


def _cell(value: Any, format_spec: str) -> str:
    return format(value, format_spec) if isinstance(value, int | float) else "-"


def _print_summary(agreement: "Agreement") -> None:
    for comparison in agreement.failed:
        say(f"{comparison.image}: not compared: {comparison.reason}")
    for comparison in agreement.comparisons:
        for warning in comparison.warnings:
            say(f"{comparison.image}: warning: {warning}")
    summary: Any = agreement.record()
    correlation, overlap = summary["rank_correlation"], summary["top_overlap"]
    parts = [f"{summary['compared']:,} images compared"]
    parts += [f"{summary['failed']:,} not compared"] if summary["failed"] else []
    parts += [f"{summary['only_a']:,} only in A"] if summary["only_a"] else []
    parts += [f"{summary['only_b']:,} only in B"] if summary["only_b"] else []
    parts.append(
        f"rank correlation {_cell(correlation['median'], '.4f')} (median), "
        f"{_cell(correlation['worst'], '.4f')} (worst)"
    )
    parts.append(f"top-5% overlap {_cell(overlap['median'], '.1%')} (median)")
    say("; ".join(parts))


def _exit_code(agreement: "Agreement", min_correlation: float | None) -> int:
    low: list[Comparison] = [] if min_correlation is None else agreement.below(min_correlation)
    if low:
        worst = ", ".join(f"{pair.image} ({pair.correlation:.4f})" for pair in low[:MAX_NAMES])
        more = f" and {len(low) - MAX_NAMES:,} more" if len(low) > MAX_NAMES else ""
        say(f"rank correlation below {min_correlation:g}: {worst}{more}")
    return FINDINGS if low or agreement.failed else 0
