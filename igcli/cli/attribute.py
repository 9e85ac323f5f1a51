"""The commands that attribute images: `attribute` writes panels, `gif` animations."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import click

from igcli.cli.options import settings_of
from igcli.cli.report import Report, Wanted
from igcli.cli.run_options import Arguments, run_options
from igcli.cli.sources import find
from igcli.cli.terminal import NOTICE, say
from igcli.config.load import Loaded
from igcli.config.schema import Gif, Settings
from igcli.images.walk import Walk
from igcli.models.options import is_name
from igcli.outputs.existing import clear, refuse_existing
from igcli.outputs.folder import OutputFolder
from igcli.outputs.lock import Lock
from igcli.outputs.page import refuse_foreign
from igcli.pipeline.checks import check
from igcli.pipeline.resume import Earlier, agreed, count_results

DEMO = (
    "no model was chosen, so this is the embedded demo, which knows only its own scenes "
    "(sample_images); choose yours with --model FILE.keras or in igcli.yaml"
)

PIXELS = (
    "no model.preprocess was given: pixels 0...255 go in as they are; "
    "`igcli models check {source} IMAGE` looks whether that fits"
)


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


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a command is asked to do, and where it goes."""

    settings: Settings
    arguments: Arguments
    folder: OutputFolder
    panels: bool
    wanted: Wanted


def _command(options: dict[str, Any], *, panels: bool) -> None:
    quiet, as_json = options.pop("quiet"), options.pop("as_json")
    loaded = settings_of(options.pop("config_file"), options.pop("overrides"), quiet=quiet)
    settings = loaded.settings
    if not panels and settings.gif is None:
        settings = settings.model_copy(update={"gif": Gif()})
    arguments = Arguments(**options)
    wanted = Wanted(as_json=as_json, nul=arguments.nul, quiet=quiet)
    asked = Asked(settings, arguments, OutputFolder(settings.output), panels, wanted)
    _refuse(asked)
    if arguments.dry_run:
        code = _dry_run(loaded, asked)
    else:
        asked.folder.create()
        with Lock(asked.folder):
            code = _run(loaded, asked)
    click.get_current_context().exit(code)


def _refuse(asked: Asked) -> None:
    """Refuse what can be known to be wrong without looking for the images."""
    asked.folder.check()
    refuse_existing(asked.folder, asked.arguments.on_existing)
    if asked.settings.gallery:
        refuse_foreign(asked.folder)
    check(asked.settings, panels=asked.panels)


def _run(loaded: Loaded, asked: Asked) -> int:
    folder = asked.folder
    walk, total = find(asked.arguments, folder)
    earlier = _earlier(asked)
    prepared = _prepared(loaded, asked)
    earlier.refuse_other_model(folder, prepared.model.sha256)
    from igcli.gallery.write import write_gallery
    from igcli.pipeline.run import Run

    if asked.arguments.on_existing == "overwrite":
        clear(folder)
    run = Run(asked.settings, folder, prepared=prepared, panels=asked.panels, earlier=earlier)
    report = Report(total, folder.path, asked.wanted)
    try:
        with run, closing(run.outcomes(walk)) as outcomes:
            for outcome in outcomes:
                report.add(outcome)
    except KeyboardInterrupt:
        report.stop(run.record)
        raise
    if asked.settings.gallery:
        report.wrote(write_gallery(folder))
    report.finish(run.record)
    return _code(run.summary.exit_code, walk)


def _earlier(asked: Asked) -> Earlier:
    """Look at what is there; refuse settings that do not go together with it."""
    if asked.arguments.on_existing == "overwrite":
        return Earlier(asked.settings)
    return agreed(
        asked.folder,
        asked.settings,
        panels=asked.panels,
        retry_failed=asked.arguments.retry_failed,
    )


def _prepared(loaded: Loaded, asked: Asked) -> Any:
    if loaded.chosen.isdisjoint({"model", "model.source"}):
        say(DEMO, NOTICE)
    # Imported once everything that can be known without TensorFlow is known to be right.
    from igcli.pipeline.run import prepare

    trust = asked.arguments.trust_model
    prepared = prepare(asked.settings, panels=asked.panels, trust_model=trust)
    say(f"{prepared.model.name} on {prepared.model.device}", NOTICE)
    if not is_name(asked.settings.model.source) and asked.settings.model.preprocess is None:
        say(PIXELS.format(source=prepared.model.name), NOTICE)
    return prepared


def _code(code: int, walk: Walk) -> int:
    """Return 3 where images may be missing because a folder could not be read."""
    return code or (3 if walk.tally.unreadable else 0)


def _dry_run(loaded: Loaded, asked: Asked) -> int:
    walk, total = find(asked.arguments, asked.folder)
    earlier = _earlier(asked)
    prepared = _prepared(loaded, asked)
    earlier.refuse_other_model(asked.folder, prepared.model.sha256)
    from igcli.pipeline.estimate import evaluations_for, seconds_for

    evaluations = evaluations_for(walk, asked.settings, prepared)
    before = 0 if earlier.record is None else count_results(asked.folder, walk)
    left = total - before
    seconds = seconds_for(left, evaluations, prepared.engine)
    say(
        f"{left:,} images{f' ({before:,} more before)' if before else ''}, "
        f"about {left * evaluations:,} gradients and {seconds:,.0f} s; nothing was written"
    )
    return 0
