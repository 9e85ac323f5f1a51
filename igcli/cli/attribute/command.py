"""The commands that attribute images: `attribute` writes panels, `gif` animations."""

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from igcli.cli.attribute.dry_run import dry_run
from igcli.cli.attribute.fleet import fleet_for
from igcli.cli.attribute.inputs import find, tell_unmatched
from igcli.cli.attribute.options import run_options
from igcli.cli.attribute.report import Report
from igcli.cli.attribute.request import RunRequest, ask, earlier_of, prepared_for
from igcli.images.sources import Walk
from igcli.outputs.exclusive_access import clear_place, occupied
from igcli.pipeline.resume.earlier import Earlier
from igcli.pipeline.resume.shard_consistency import agree

if TYPE_CHECKING:
    from igcli.pipeline.distributed.run import FleetRun
    from igcli.pipeline.runs.local import LocalRun
    from igcli.pipeline.runs.tar import TarRun


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
    asked = ask(options, panels=panels)
    if asked.arguments.dry_run:
        code = dry_run(asked)
    else:
        asked.place.folder.create()
        with occupied(asked.place, asked.arguments.on_existing):
            code = _run(asked)
    click.get_current_context().exit(code)


def _run(asked: RunRequest) -> int:
    folder = asked.place.folder
    images, walk = find(asked.arguments, asked.place, asked.settings.targets)
    run = _engine(asked, earlier_of(asked))
    report = Report(None if images.archives else images.total, folder.path, asked.wanted)
    if images.archives:
        from igcli.pipeline.runs.tar import TarRun

        if isinstance(run, TarRun):
            run.seen = report.tick
    try:
        with run, closing(run.outcomes(images)) as outcomes:
            for outcome in outcomes:
                report.add(outcome)
    except KeyboardInterrupt:
        report.stop(run.record)
        raise
    if asked.settings.gallery and asked.place.shard is None:
        from igcli.gallery.write import write_gallery

        report.wrote(write_gallery(folder))
    if images.archives and images.rows is not None:
        tell_unmatched(images.rows)
    report.finish(run.record)
    return _code(run.summary.exit_code, walk)


def _engine(asked: RunRequest, earlier: Earlier) -> "LocalRun | FleetRun | TarRun":
    """Return what will attribute the images; nothing is lost before the network is known."""
    if asked.arguments.engine == "ray":
        return fleet_for(asked, earlier)
    prepared = prepared_for(asked)
    if not agree(asked.place, earlier, prepared.model.sha256):
        earlier = earlier_of(asked)  # another shard came first
    from igcli.pipeline.runs.local import LocalRun
    from igcli.pipeline.runs.tar import TarRun

    if asked.arguments.on_existing == "overwrite":
        clear_place(asked.place)
    kind = TarRun if asked.arguments.input_format == "tar" else LocalRun
    return kind(asked.settings, asked.place, prepared=prepared, earlier=earlier)


def _code(code: int, walk: Walk) -> int:
    """Return 3 where images may be missing because a folder could not be read."""
    return code or (3 if walk.tally.unreadable else 0)
