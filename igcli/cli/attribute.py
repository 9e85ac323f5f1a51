"""The commands that attribute images: `attribute` writes panels, `gif` animations."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from igcli.cli.options import setting_options, settings_of
from igcli.cli.report import Report, Wanted
from igcli.cli.terminal import say, verbosity
from igcli.config.load import Loaded
from igcli.config.schema import Settings
from igcli.errors import NoImagesError, UsageError
from igcli.images.listing import Listing
from igcli.images.walk import Walk
from igcli.outputs.existing import OnExisting, clear, refuse_existing
from igcli.outputs.folder import OutputFolder
from igcli.outputs.names import count_distinct
from igcli.outputs.page import refuse_foreign
from igcli.pipeline.checks import check
from igcli.render.options import GifOptions

DEMO = (
    "no model was chosen, so this is the embedded demo, which knows only its own scenes "
    "(sample_images); choose yours with --model FILE.keras or in igcli.yaml"
)

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line says beside the settings; each is an option of the same name."""

    images: tuple[str, ...]
    files_from: str | None
    nul: bool
    limit: int | None
    dry_run: bool
    on_existing: OnExisting
    trust_model: bool


def run_options(command: Command) -> Command:
    """Give a command the images and the options that `attribute` and `gif` share."""
    command = setting_options(verbosity(command))
    for option in reversed(
        (
            click.argument("images", nargs=-1, metavar="[IMAGES]..."),
            click.option(
                "--files-from", metavar="FILE", help="Read paths of images from a file, or -."
            ),
            click.option(
                "-0", "--null", "nul", is_flag=True, help="Paths read and printed end in NUL."
            ),
            click.option("--limit", type=click.IntRange(min=1), help="Take the first so many."),
            click.option(
                "--dry-run", is_flag=True, help="Count, estimate the time and write nothing."
            ),
            click.option(
                "--on-existing",
                type=click.Choice(["error", "overwrite"]),
                default="error",
                show_default=True,
                help="What to do where the output is not empty.",
            ),
            click.option(
                "--trust-model", is_flag=True, help="Let a Keras file run its author's code."
            ),
            click.option(
                "--json", "as_json", is_flag=True, help="Records on standard output, not paths."
            ),
        )
    ):
        command = option(command)
    return command


@click.command()
@run_options
def attribute(**options: Any) -> None:
    """Write a panel for every image: what its prediction rests on.

    IMAGES are files, folders (walked), glob patterns, or - for paths on standard input.
    """
    _command(options, panels=True)


@click.command()
@run_options
def gif(**options: Any) -> None:
    """Write a GIF of the interior gradients for every image.

    IMAGES are files, folders (walked), glob patterns, or - for paths on standard input.
    """
    _command(options, panels=False)


def _command(options: dict[str, Any], *, panels: bool) -> None:
    quiet, as_json = options.pop("quiet"), options.pop("as_json")
    loaded = settings_of(options.pop("config_file"), options.pop("overrides"), quiet=quiet)
    settings = loaded.settings
    if not panels and settings.gif is None:
        settings = settings.model_copy(update={"gif": GifOptions()})
    arguments = Arguments(**options)
    wanted = Wanted(as_json=as_json, nul=arguments.nul, quiet=quiet)
    folder = OutputFolder(settings.output)
    walk, total = _find(arguments, folder)
    folder.check()
    refuse_existing(folder, arguments.on_existing)
    if settings.gallery:
        refuse_foreign(folder)
    check(settings, panels=panels)
    if not quiet:
        _say_demo(loaded)
    code = _run(settings, arguments, wanted, Found(folder, walk, total, panels))
    click.get_current_context().exit(code)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What is to be done, and where it goes."""

    folder: OutputFolder
    walk: Walk
    total: int
    panels: bool


def _run(settings: Settings, arguments: Arguments, wanted: Wanted, found: Found) -> int:
    # Imported once everything that can be known without TensorFlow is known to be right.
    from igcli.gallery.write import write_gallery
    from igcli.pipeline.run import Run, prepare

    prepared = prepare(settings, panels=found.panels, trust_model=arguments.trust_model)
    if not wanted.quiet:
        say(f"{prepared.model.name} on {prepared.model.device}")
    if arguments.dry_run:
        return _dry_run(settings, prepared, found)
    found.folder.create()
    if arguments.on_existing == "overwrite":
        clear(found.folder)
    report = Report(found.total, found.folder.path, wanted)
    with Run(settings, found.folder, prepared=prepared, panels=found.panels) as run:
        for outcome in run.outcomes(found.walk):
            report.add(outcome)
    if settings.gallery:
        report.wrote(write_gallery(found.folder))
    report.finish(run.record)
    return run.summary.exit_code


def _dry_run(settings: Settings, prepared: Any, found: Found) -> int:
    from igcli.pipeline.estimate import seconds_for

    evaluations = settings.steps + 1
    seconds = seconds_for(found.total, evaluations, prepared.engine)
    say(
        f"{found.total:,} images, {found.total * evaluations:,} gradients, "
        f"about {seconds:,.0f} s; nothing was written"
    )
    return 0


def _find(arguments: Arguments, folder: OutputFolder) -> tuple[Walk, int]:
    """Return the images and how many they are; no two of them share an output.

    Raises:
        UsageError: Nothing is named, or something that is not there.
        NoImagesError: There are none.
    """
    named = [name for name in arguments.images if name != "-"]
    lists = ["-"] if len(named) < len(arguments.images) else []
    lists += [arguments.files_from] if arguments.files_from is not None else []
    if not named and not lists:
        raise UsageError("no images are named: give files, folders, glob patterns, or -")
    if len(lists) > 1:
        raise UsageError("paths come either from standard input (-) or from --files-from")
    listed: Iterable[str] = _listed(lists[0], nul=arguments.nul) if lists else ()
    walk = Walk(named, listed=listed, output=folder.path, limit=arguments.limit)
    total = count_distinct(walk)
    if not total:
        where = ", ".join(named) or "the list"
        seen = f": {walk.tally}" if str(walk.tally) else ""
        raise NoImagesError(f"no images in {where}{seen}")
    return walk, total


def _listed(name: str, *, nul: bool) -> Listing:
    if name == "-":
        return Listing(sys.stdin.buffer, nul=nul)
    try:
        with Path(name).open("rb") as file:
            return Listing(file, nul=nul)
    except OSError as error:
        raise UsageError(f"--files-from: {name}: {error.strerror}") from None


def _say_demo(loaded: Loaded) -> None:
    if loaded.chosen.isdisjoint({"model", "model.source"}):
        say(DEMO)
