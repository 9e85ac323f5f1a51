"""The command `igcli sanity`: do attributions change when the network's weights are random?"""

import logging
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from igcli.cli.attribute.inputs import select_images
from igcli.cli.attribute.options import Arguments
from igcli.cli.attribute.request import announce_model
from igcli.cli.bounded_numbers import PositiveInteger, Similarity
from igcli.cli.completion import Choice, Names, PathType, names_in
from igcli.cli.help_sections import SectionedCommand
from igcli.cli.setting_options import load_command_settings, setting_options_without
from igcli.cli.terminal import NOTICE, say, verbosity
from igcli.config.load import LoadedSettings
from igcli.errors import FINDINGS, UsageError
from igcli.images.sources import Walk
from igcli.methods import METHODS
from igcli.outputs.folder import OutputFolder
from igcli.outputs.open import output_at
from igcli.outputs.shards import RunLocation
from igcli.pipeline.preflight import check
from igcli.printable import printable
from igcli.records import Source

if TYPE_CHECKING:  # Not imported for the command's help, which does not need NumPy.
    from igcli.sanity.randomization import Outcome, RandomizationTest, TestedImage
    from igcli.sanity.run import SanityRun
    from igcli.sanity.summary import Summary

MODES = ("cascading", "independent", "both")
DEFAULT_LAYERS = 10
DEFAULT_MAXIMUM = 0.5
MEANINGLESS = ("precision", "max_error", "panel", "gif", "arrays", "gallery")
"""Settings of what the test does not do: it writes no panels, and computes in float32."""

OUTPUT_HELP = (
    "Write sanity.json and pictures of the first 100 images to a folder, or the URL of a store; "
    "by default nothing is written."
)


class _LayerCount(click.ParamType[int | None]):
    """A number of stages, or "all", which is None."""

    name = "layers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """Return the number."""
        if value in (None, "all"):
            return None
        if not str(value).isascii() or not str(value).isdigit() or not int(value):
            self.fail(f"{value!r} is neither all nor a number from 1", param, ctx)
        return int(value)


@click.command(cls=SectionedCommand)
@click.argument("model", type=PathType())
@click.argument("images", nargs=-1, type=PathType(), metavar="IMAGES...")
@click.option(
    "--methods",
    type=Names(METHODS, files=False),
    metavar="NAME,...",
    help="Methods to test, instead of --method.",
)
@click.option(
    "--mode",
    type=Choice(MODES),
    default="cascading",
    show_default=True,
    help="Randomize layers from the output down, one alone at a time, or both in turn.",
)
@click.option(
    "--layers",
    type=_LayerCount(),
    default=str(DEFAULT_LAYERS),
    show_default=True,
    metavar="N|all",
    help="Stop at N layers, evenly spread from the output to the input, or at all.",
)
@click.option(
    "--max-correlation",
    type=Similarity(),
    default=DEFAULT_MAXIMUM,
    show_default=True,
    metavar="NUMBER",
    help="Exit with code 3 if a method's mean rank correlation is higher with all layers "
    "randomized, or with --mode independent its median over the layers.",
)
@click.option(
    "--max-ssim",
    type=Similarity(),
    default=DEFAULT_MAXIMUM,
    show_default=True,
    metavar="NUMBER",
    help="Exit with code 3 if a method's mean structural similarity is higher with all layers "
    "randomized, or with --mode independent its median over the layers.",
)
@click.option("--limit", type=PositiveInteger(), help="Process at most N images.", metavar="N")
@click.option(
    "--json", "as_json", is_flag=True, help="Print records to standard output, not a table."
)
@click.option(
    "--trust-model", is_flag=True, help="Allow a Keras file to execute code from its author."
)
@verbosity
@setting_options_without(
    MEANINGLESS, {"model.source": {"hidden": True}, "output": {"help": OUTPUT_HELP}}
)
def sanity(model: str, images: tuple[str, ...], **options: Any) -> None:
    """Test whether attributions change when the network's weights are randomized.

    MODEL is a name from `igcli models list` or the path of a network; IMAGES are as for
    `igcli attribute`. The weights of each layer are permuted, from the output down, and each
    image is attributed again, to the same target. The table has the mean similarity to the
    attributions of the network as it is: Spearman's rank correlation with signs and of
    magnitudes (-1 to 1), and the structural similarity of magnitudes (at most 1), beside those
    of two random maps and of the image's edges, which no weight changes. The verdict is on the
    network whose layers are all randomized; of layers randomized one at a time, on the median.
    The exit code is 3 if attributions do not change, or are flat so that nothing shows it.
    """
    loaded = _settings(model, options)
    methods = names_in(options["methods"], METHODS, "--methods") or (loaded.settings.method,)
    from igcli.sanity.randomization import RandomizationTest, with_methods

    check(with_methods(loaded.settings, methods), panels=True)
    given = options["overrides"].get("output")
    folder = output_at(given or loaded.settings.output)
    folder.check()
    sources, walk = _sources(images, loaded, folder, options)
    test = RandomizationTest(loaded.settings, methods, trust=options["trust_model"])
    intact = test.model.intact
    announce_model(loaded, intact.device, suggestion=intact.suggested_preprocess)
    if given:
        folder.create()
    run = _run(test, options, has_pictures=bool(given))
    summary = _tested(run, sources, as_json=options["as_json"], quiet=options["quiet"])
    if given:
        run.write(folder)
    _print_summary(summary)
    passed = summary.passed and not walk.statistics.unreadable
    click.get_current_context().exit(0 if passed else FINDINGS)


def _settings(model: str, options: Mapping[str, Any]) -> LoadedSettings:
    """Return the settings, with the network that is the first argument.

    Raises:
        UsageError: An option names a network as well.
    """
    overrides = options["overrides"]
    if not {"model", "model.source"}.isdisjoint(overrides):
        raise UsageError("--model: the network is the first argument: igcli sanity MODEL IMAGES")
    return load_command_settings(
        options["config_file"], {"model": model, **overrides}, quiet=options["quiet"]
    )


def _sources(
    images: tuple[str, ...],
    loaded: LoadedSettings,
    folder: OutputFolder,
    options: Mapping[str, Any],
) -> tuple[list[Source], Walk]:
    """Return the images, and the walk that found them; errors as in `select_images`."""
    arguments = Arguments(
        images=images,
        files_from=None,
        nul=False,
        input_format="files",
        limit=options["limit"],
        shard=None,
        engine="local",
        workers=None,
        ray_address=None,
        follow_symlinks=False,
        dry_run=False,
        on_existing="resume",
        retry_failed=False,
        trust_model=options["trust_model"],
    )
    selection, walk = select_images(arguments, RunLocation(folder), loaded.settings.targets)
    return list(selection), walk


def _run(
    test: "RandomizationTest", options: Mapping[str, Any], *, has_pictures: bool
) -> "SanityRun":
    from igcli.sanity.run import SanityRun
    from igcli.sanity.stages import MODES, stages_of
    from igcli.sanity.summary import Thresholds

    modes = [mode for mode in MODES if options["mode"] in (mode, "both")]
    stages = stages_of(test.model.layers, modes, options["layers"])
    thresholds = Thresholds(options["max_correlation"], options["max_ssim"])
    return SanityRun(test, stages, thresholds, has_pictures=has_pictures)


def _tested(
    run: "SanityRun", sources: Sequence[Source], *, as_json: bool, quiet: bool
) -> "Summary":
    """Run the test, print its results as they come, and return the summary."""
    from igcli.sanity.report import Table

    # Whoever reads the table from a pipe gets whole names.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    table = Table(run.test.methods, len(run.test.model.layers), width=width)
    total = len(sources) * (1 + len(run.stages))
    # None leaves it to tqdm: no bar outside a terminal, and TQDM_DISABLE works.
    disable = True if quiet else None
    with tqdm(total=total, unit=" attributions", disable=disable, file=sys.stderr) as bar:
        start = run.start(sources, bar.update)
        _say_failures(start.images)
        if as_json:
            _print_json(image.record() for image in start.images if image.failure)
        else:
            _print(table.head(start))
        for result in run.results(bar.update):
            _say_failed_stages(result.outcomes)
            if as_json:
                _print_json(record for one in result.outcomes for record in one.records())
            else:
                _print(map(table.row, result.rows))
    summary = run.summary()
    if as_json:
        _print_json([summary.record()])
    return summary


def _say_failures(images: "Iterable[TestedImage]") -> None:
    for image in images:
        if image.failure:
            say(f"{image.source.shown}: {image.failure}", logging.WARNING)


def _say_failed_stages(outcomes: "Iterable[Outcome]") -> None:
    for outcome in outcomes:
        if outcome.failure:
            where = f"{outcome.stage.mode}, {outcome.stage.number} layers"
            say(f"{outcome.image.source.shown}: {where}: {outcome.failure}", logging.WARNING)


def _print_json(records: Iterable[Mapping[str, object]]) -> None:
    from igcli.outputs.journal import to_json

    _print(map(to_json, records))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        with tqdm.external_write_mode(file=sys.stdout):
            click.echo(printable(line))


def _print_summary(summary: "Summary") -> None:
    from igcli.sanity.report import flat_methods

    for warning in flat_methods(summary.rows):
        say(warning, logging.WARNING)
    for change in summary.changes():
        say(change, NOTICE)
    for finding in summary.findings():
        say(finding)
    parts = [f"{len(summary.images) - summary.failed:,} of {len(summary.images):,} images tested"]
    parts += [f"{summary.failed:,} failed"] if summary.failed else []
    if summary.failed_stages:
        parts.append(f"{summary.failed_stages:,} attributions by randomized networks failed")
    say("; ".join(parts), NOTICE)
