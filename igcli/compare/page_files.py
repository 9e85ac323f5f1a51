"""The files beside the page of a comparison: the values of both runs, and thumbnails."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from igcli.compare.comparison import Agreement, Comparison
from igcli.gallery.image_scripts import THREADS, run_facts, values_of, views_content
from igcli.gallery.scripts import ScriptFolder, fingerprint
from igcli.gallery.thumbnails import Thumbnails, write_thumbnails
from igcli.outputs.folder import OutputFolder
from igcli.outputs.result_files import ResultFiles
from igcli.outputs.results import Results


@dataclass(frozen=True, slots=True)
class ComparisonFiles:
    """What is written beside the page, by image.

    Attributes:
        scripts: Names of the scripts with the values of both runs, relative to the page's folder.
        thumbnails: Thumbnails of run A and of run B.
    """

    scripts: Mapping[str, str | None] = field(default_factory=dict)
    thumbnails: tuple[Mapping[str, Thumbnails], Mapping[str, Thumbnails]] = ({}, {})


def write_comparison_files(
    agreement: Agreement, runs: tuple[Results, Results], folder: OutputFolder, root: str
) -> ComparisonFiles:
    """Write the files of a comparison; nothing is written to the runs.

    Args:
        agreement: The comparison.
        runs: The two runs.
        folder: The page's folder.
        root: Name of the folder in it for these files.

    Raises:
        UsageError: Another file has the name of one of them.
        OutputError: One cannot be written.
    """
    compared = [comparison for comparison in agreement.comparisons if not comparison.reason]
    facts = run_facts(runs[0]), run_facts(runs[1])
    scripts = ScriptFolder(folder, root)
    with ResultFiles(runs[0].folder) as first, ResultFiles(runs[1].folder) as second:

        def write(comparison: Comparison) -> str | None:
            records = comparison.first, comparison.second
            paths = [(run.config_path, str(run.settings)) for run in facts]
            mark = fingerprint(records, paths)
            views = (
                values_of(record, run, files.read, f"Run {name}")
                for record, run, files, name in zip(
                    records, facts, (first, second), "AB", strict=True
                )
            )
            return scripts.write("values", comparison.image, mark, lambda: views_content([*views]))

        with ThreadPoolExecutor(THREADS, "igcli-compare") as threads:
            try:
                names = [*threads.map(write, compared)]
            finally:
                threads.shutdown(cancel_futures=True)
    images = [comparison.image for comparison in compared]
    a, b = (
        write_thumbnails(_only(run, images), folder, f"{root}/thumbnails-{name}")
        for run, name in zip(runs, "ab", strict=True)
    )
    return ComparisonFiles(dict(zip(images, names, strict=True)), (a, b))


def _only(run: Results, images: list[str]) -> Results:
    return replace(run, records={image: run.records[image] for image in images})
