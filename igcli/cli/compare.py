"""The command `igcli compare`."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from igcli.cli.completion import PathType
from igcli.cli.terminal import say, verbosity
from igcli.errors import UsageError
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.open import output_at
from igcli.printable import printable

if TYPE_CHECKING:  # Its help needs no NumPy.
    from igcli.compare.comparison import Agreement, Comparison
    from igcli.outputs.results import Results

FAILED = 3
NAMED = 5
HEADINGS = ("correlation", "top-5%", "score A", "score B", "change", "image")


@click.command()
@click.argument("run_a", type=PathType())
@click.argument("run_b", type=PathType())
@click.option(
    "--gallery",
    type=PathType(home=True),
    metavar="FILE",
    help="Write the two side by side, as a page.",
)
@click.option(
    "--min-correlation",
    type=click.FloatRange(-1, 1),
    metavar="NUMBER",
    help="Exit with 3 where the rank correlation of an image is lower.",
)
@click.option("--json", "as_json", is_flag=True, help="Records on standard output, not a table.")
@verbosity
def compare(run_a: str, run_b: str, **options: Any) -> None:
    """Tell how far the attributions of two runs agree, image by image, worst first.

    RUN_A and RUN_B are output folders written with --arrays. Three figures for each image of both:
    the rank correlation of the attributions' channel means, signs included (1 to -1); which share
    of the 5% of the pixels with the largest magnitudes is the same; the score in B less that in A.
    """
    from igcli.compare.comparison import compare as compare_runs
    from igcli.compare.comparison import summarize
    from igcli.outputs.results import read_results

    runs = read_results(output_at(run_a)), read_results(output_at(run_b))
    page = _page(options["gallery"])
    if page and any(run.folder.is_remote for run in runs):
        raise UsageError("--gallery: its pictures lie in a store; copy the runs to this machine")
    agreement = summarize(compare_runs(*runs), *runs)
    if page:  # Before the table, which may be piped to a reader that stops at its first line.
        _write(agreement, runs, page)
    if options["as_json"]:
        _print_json(agreement)
    else:
        for line in _table(agreement):
            click.echo(line)
    if not options["quiet"]:
        _tell(agreement)
    code = _gate(agreement, options["min_correlation"])
    click.get_current_context().exit(code)


def _page(path: str | None) -> tuple[LocalFolder, str] | None:
    """Return the folder and the name of the page, checked."""
    from igcli.outputs.run_files import refuse_foreign_page

    if path is None:
        return None
    parent, name = os.path.split(path)
    folder = LocalFolder(parent or ".")
    if not name or not os.path.isdir(folder.path):  # noqa: PTH112
        raise UsageError(f"--gallery {path!r}: name a file in a folder that is there")
    folder.check()
    refuse_foreign_page(folder, name)
    return folder, name


def _write(
    agreement: "Agreement", runs: "tuple[Results, Results]", page: tuple[LocalFolder, str]
) -> None:
    from igcli.compare.page import comparison_page
    from igcli.gallery.html import to_html
    from igcli.outputs.run_files import write_page

    folder, name = page
    write_page(folder, to_html(comparison_page(agreement, runs, folder.path)), name)


def _print_json(agreement: "Agreement") -> None:
    from igcli.outputs.journal import to_json

    for each in agreement.comparisons:
        click.echo(to_json(each.record()))
    click.echo(to_json(agreement.record()))


def _table(agreement: "Agreement") -> Iterator[str]:
    """Yield the lines of the table; names stand last, for they may be of any length."""
    yield _line(HEADINGS)
    for each in agreement.comparisons:
        if not each.reason:
            first, second = each.first.get("score"), each.second.get("score")
            figures = (each.correlation, each.overlap, first, second, each.change)
            forms = (".4f", ".1%", ".6g", ".6g", "+.3g")
            cells = (_cell(*pair) for pair in zip(figures, forms, strict=True))
            yield _line((*cells, printable(each.image)))


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(f"{cell:>11}" for cell in cells[:-1]) + f"  {cells[-1]}"


def _cell(value: Any, form: str) -> str:
    return format(value, form) if isinstance(value, int | float) else "-"


def _tell(agreement: "Agreement") -> None:
    for each in agreement.failed:
        say(f"{each.image}: not compared: {each.reason}")
    for each in agreement.comparisons:
        for warning in each.warnings:
            say(f"{each.image}: warning: {warning}")
    found: Any = agreement.record()
    correlation, overlap = found["rank_correlation"], found["top_overlap"]
    parts = [f"{found['compared']:,} images compared"]
    parts += [f"{found['failed']:,} not compared"] if found["failed"] else []
    parts += [f"{found['only_a']:,} only in A"] if found["only_a"] else []
    parts += [f"{found['only_b']:,} only in B"] if found["only_b"] else []
    parts.append(
        f"rank correlation {_cell(correlation['median'], '.4f')} (median), "
        f"{_cell(correlation['worst'], '.4f')} (worst)"
    )
    parts.append(f"top-5% overlap {_cell(overlap['median'], '.1%')} (median)")
    say("; ".join(parts))


def _gate(agreement: "Agreement", least: float | None) -> int:
    low: list[Comparison] = [] if least is None else agreement.below(least)
    if low:
        worst = ", ".join(f"{each.image} ({each.correlation:.4f})" for each in low[:NAMED])
        more = f" and {len(low) - NAMED:,} more" if len(low) > NAMED else ""
        say(f"rank correlation below {least:g}: {worst}{more}")
    return FAILED if low or agreement.failed else 0
