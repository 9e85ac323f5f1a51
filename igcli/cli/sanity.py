"""The command `igcli sanity`: do attributions change when the network's weights are random?"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from igcli.cli.attribute.inputs import select_images
from igcli.cli.attribute.options import Arguments
from igcli.cli.attribute.request import announce_model
from igcli.cli.completion import Names, PathType
from igcli.cli.help_sections import SectionedCommand
from igcli.cli.setting_options import load_command_settings, setting_options
from igcli.cli.terminal import NOTICE, say, verbosity
from igcli.config.load import LoadedSettings
from igcli.errors import FINDINGS, UsageError
from igcli.images.sources import Walk
from igcli.methods import METHODS
from igcli.outputs.folder import OutputFolder
from igcli.outputs.open import output_at
from igcli.outputs.output_paths import sanity_name
from igcli.outputs.shards import RunLocation
from igcli.pipeline.preflight import check
from igcli.printable import printable
from igcli.records import Source

if TYPE_CHECKING:  # Not imported for the command's help, which does not need NumPy.
    from igcli.sanity.pictures import Strip
    from igcli.sanity.randomization import Outcome, RandomizationTest, TestedImage
    from igcli.sanity.similarity import Similarity
    from igcli.sanity.stages import Stage
    from igcli.sanity.summary import Row, Summary

MODES = ("cascading", "independent", "both")
DEFAULT_LAYERS = 10
DEFAULT_MAXIMUM = 0.5
HEADINGS = ("correlation", "absolute", "SSIM", "score", "randomized", "layers")
FILE = "sanity.json"


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
    type=click.Choice(MODES),
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
    type=click.FloatRange(-1, 1),
    default=DEFAULT_MAXIMUM,
    show_default=True,
    metavar="NUMBER",
    help="Exit with code 3 if a method's mean rank correlation is higher at every stage.",
)
@click.option(
    "--max-ssim",
    type=click.FloatRange(-1, 1),
    default=DEFAULT_MAXIMUM,
    show_default=True,
    metavar="NUMBER",
    help="Exit with code 3 if a method's mean structural similarity is higher at every stage.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Process at most N images.", metavar="N")
@click.option(
    "--json", "as_json", is_flag=True, help="Print records to standard output, not a table."
)
@click.option(
    "--trust-model", is_flag=True, help="Allow a Keras file to execute code from its author."
)
@verbosity
@setting_options
def sanity(model: str, images: tuple[str, ...], **options: Any) -> None:
    """Test whether attributions change when the network's weights are randomized.

    MODEL is a name from `igcli models list` or the path of a network; IMAGES are as for
    `igcli attribute`. The weights of each layer are permuted, from the output down, and each
    image is attributed again, to the same target. The table has the mean similarity to the
    attributions of the network as it is: Spearman's rank correlation with signs and of
    magnitudes (-1 to 1), and the structural similarity of magnitudes (at most 1), beside those
    of two random maps and of the image's edges, which no weight changes. The exit code is 3 if
    attributions do not change.
    """
    loaded = _settings(model, options)
    methods = _methods(options["methods"], loaded)
    from igcli.sanity.randomization import with_methods

    check(with_methods(loaded.settings, methods), panels=True)
    given = options["overrides"].get("output")
    folder = output_at(given or loaded.settings.output)
    folder.check()
    sources, walk = _sources(images, loaded, folder, options)
    from igcli.sanity.randomization import RandomizationTest

    test = RandomizationTest(loaded.settings, methods, trust=options["trust_model"])
    intact = test.model.intact
    announce_model(loaded, intact.device, suggestion=intact.suggested_preprocess)
    if given:
        folder.create()
    run = _Run(test, options)
    summary = run.summary(sources)
    if given:
        run.write(summary, folder)
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


def _methods(names: str | None, loaded: LoadedSettings) -> tuple[str, ...]:
    """Return the methods to test.

    Raises:
        UsageError: One of the names is unknown.
    """
    if names is None:
        return (loaded.settings.method,)
    methods = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise UsageError(f"--methods: unknown method {unknown[0]!r}: use {', '.join(METHODS)}")
    return methods


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


class _Run:
    """Runs the test and prints its results as they come."""

    def __init__(self, test: "RandomizationTest", options: Mapping[str, Any]) -> None:
        from igcli.sanity import stages
        from igcli.sanity.summary import Thresholds

        self._test = test
        self._as_json = options["as_json"]
        self._quiet = options["quiet"]
        self._thresholds = Thresholds(options["max_correlation"], options["max_ssim"])
        self._layers = test.model.layers
        self._has_pictures = "output" in options["overrides"]
        self._strips: Mapping[str, Strip] = {}
        modes = [mode for mode in stages.MODES if options["mode"] in (mode, "both")]
        self._stages = stages.stages_of(self._layers, modes, options["layers"])

    def summary(self, sources: Sequence[Source]) -> "Summary":
        """Run the test."""
        from igcli.sanity.similarity import mean_similarity
        from igcli.sanity.summary import Summary, rows_of

        total = len(sources) * (1 + len(self._stages))
        # None leaves it to tqdm: no bar outside a terminal, and TQDM_DISABLE works.
        disable = True if self._quiet else None
        with tqdm(total=total, unit=" attributions", disable=disable, file=sys.stderr) as bar:
            images = self._attributed(sources, bar)
            good = [image for image in images if not image.failure]
            controls = [self._test.controls(image) for image in good]
            means = {
                name: mean_similarity([each[name] for each in controls])
                for name in (controls[0] if controls else ())
            }
            self._print_head(means)
            if self._has_pictures:
                from igcli.sanity.pictures import strips_of

                self._strips = strips_of(good, len(self._layers))
            rows: list[Row] = []
            failed = 0
            for stage in self._stages if good else ():
                outcomes = self._compared(stage, good, bar)
                failed += sum(bool(outcome.failure) for outcome in outcomes)
                rows += rows_of(outcomes, self._test.methods, stage)
                self._print_stage(outcomes, rows[-len(self._test.methods) :], good)
        summary = Summary(self._layers, images, rows, means, self._thresholds, failed)
        if self._as_json:
            self._print_json(summary.record())
        return summary

    def write(self, summary: "Summary", folder: OutputFolder) -> None:
        """Write the summary and the pictures.

        Raises:
            OutputError: The folder cannot be written.
        """
        text = json.dumps(summary.record(), allow_nan=False, indent=2)
        folder.write(FILE, text.encode("ascii") + b"\n")
        for name, strip in self._strips.items():
            folder.write(sanity_name(name), strip.encoded())

    def _attributed(self, sources: Sequence[Source], bar: Any) -> "list[TestedImage]":
        order = {source.name: index for index, source in enumerate(sources)}
        images = []
        for image in self._test.attribute(sources):
            bar.update()
            images.append(image)
        images.sort(key=lambda image: order[image.source.name])
        for image in images:
            if image.failure:
                say(f"{image.source.shown}: {image.failure}", logging.WARNING)
                if self._as_json:
                    self._print_json(image.record())
        return images

    def _compared(
        self, stage: "Stage", images: "Sequence[TestedImage]", bar: Any
    ) -> "list[Outcome]":
        order = {id(image): index for index, image in enumerate(images)}
        outcomes = []
        for outcome in self._test.compare(stage, images):
            bar.update()
            if outcome.image.source.name in self._strips:
                self._strips[outcome.image.source.name].add(outcome)
            outcomes.append(replace(outcome, maps={}))  # All of them would take too much memory.
        outcomes.sort(key=lambda outcome: order[id(outcome.image)])
        for outcome in outcomes:
            if outcome.failure:
                where = f"{stage.mode}, {stage.number} layers"
                name = outcome.image.source.shown
                say(f"{name}: {where}: {outcome.failure}", logging.WARNING)
        return outcomes

    def _print_head(self, controls: "Mapping[str, Similarity]") -> None:
        if self._as_json:
            return
        self._print(_line((*HEADINGS, "method", "down to")))
        for name, values in controls.items():
            cells = (*_cells(values), "-", "-", "-")
            self._print(_line((*cells, f"control: {name}", "-")))

    def _print_stage(
        self, outcomes: "Sequence[Outcome]", rows: "Sequence[Row]", images: "Sequence[TestedImage]"
    ) -> None:
        if self._as_json:
            for outcome in outcomes:
                for record in outcome.records():
                    self._print_json(record)
            return
        score = sum(image.score for image in images) / len(images)
        for row in rows:
            stage = row.stage
            count = f"{stage.number} of {len(self._layers)}"
            scores = _cell(score, ".4g"), _cell(row.score, ".4g")
            cells = (*_cells(row.mean), *scores, count)
            where = stage.layer if stage.mode == "cascading" else f"{stage.layer} alone"
            self._print(_line((*cells, row.method, where)))

    def _print_json(self, record: Mapping[str, object]) -> None:
        from igcli.outputs.journal import to_json

        self._print(to_json(record))

    def _print(self, line: str) -> None:
        with tqdm.external_write_mode(file=sys.stdout):
            click.echo(printable(line))


def _line(cells: Sequence[str]) -> str:
    """Return a line of the table; the method and the layer are last, as they have any length."""
    *numbers, method, where = cells
    return "  ".join(f"{cell:>11}" for cell in numbers) + f"  {method:<27}  {where}"


def _cells(values: "Similarity") -> tuple[str, ...]:
    return tuple(_cell(value) for value in values.record().values())


def _cell(value: float | None, format_spec: str = ".4f") -> str:
    return "-" if value is None else format(value, format_spec)


def _notes(summary: "Summary") -> Iterator[str]:
    flat = {row.method: row.flat for row in summary.rows if row.flat}
    for method, count in flat.items():
        yield f"{method}: warning: flat attributions, which have no order: {count:,} images"


def _print_summary(summary: "Summary") -> None:
    for note in _notes(summary):
        say(note, logging.WARNING)
    for finding in summary.findings():
        say(finding)
    parts = [f"{len(summary.images) - summary.failed:,} of {len(summary.images):,} images tested"]
    parts += [f"{summary.failed:,} failed"] if summary.failed else []
    if summary.failed_stages:
        parts.append(f"{summary.failed_stages:,} attributions by randomized networks failed")
    say("; ".join(parts), NOTICE)
