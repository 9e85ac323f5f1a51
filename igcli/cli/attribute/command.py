"""The commands that attribute images: `attribute` writes panels, `gif` animations."""

import logging
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from igcli.cli.attribute.inputs import find, tell_unmatched
from igcli.cli.attribute.options import run_options
from igcli.cli.attribute.report import Report
from igcli.cli.attribute.request import (
    RunRequest,
    ask,
    earlier_of,
    prepared_for,
    say_demo,
    say_model,
)
from igcli.cli.terminal import say
from igcli.images.sources import Walk
from igcli.outputs.exclusive_access import clear_location, exclusive_access
from igcli.pipeline.calibration.recorded import recorded_calibration
from igcli.pipeline.resume.earlier import EarlierResults, count_results
from igcli.pipeline.resume.shard_consistency import agree_with_shards

if TYPE_CHECKING:
    from igcli.pipeline.runs.base import AttributionRun


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
        with exclusive_access(asked.place, asked.arguments.on_existing):
            code = _run(asked)
    click.get_current_context().exit(code)


def _run(asked: RunRequest) -> int:
    folder = asked.place.folder
    images, walk = find(asked.arguments, asked.place, asked.settings.targets)
    run = _engine(asked, earlier_of(asked))
    report = Report(None if images.archives else images.total, folder.path, asked.wanted)
    run.on_image_finished = report.tick
    try:
        with run, closing(run.outcomes(images)) as outcomes:
            for outcome in outcomes:
                report.add(outcome)
    except KeyboardInterrupt:
        report.stop(run.summary_record)
        raise
    if asked.settings.gallery and asked.place.shard is None:
        from igcli.gallery.run_page import write_gallery

        report.wrote(write_gallery(folder))
    if images.archives and images.rows is not None:
        tell_unmatched(images.rows)
    report.finish(run.summary_record)
    return _code(run.summary.exit_code, walk)


def _engine(asked: RunRequest, earlier: EarlierResults) -> "AttributionRun":
    """Return what will attribute the images; nothing is lost before the network is known."""
    if asked.arguments.engine == "ray":
        return distributed_run_for(asked, earlier)
    prepared = prepared_for(asked)
    if not agree_with_shards(asked.place, earlier, prepared.model.sha256):
        earlier = earlier_of(asked)  # another shard came first
    from igcli.pipeline.runs.local import LocalRun
    from igcli.pipeline.runs.tar import TarRun

    if asked.arguments.on_existing == "overwrite":
        clear_location(asked.place)
    kind = TarRun if asked.arguments.input_format == "tar" else LocalRun
    return kind(asked.settings, asked.place, prepared=prepared, earlier=earlier)


def _code(code: int, walk: Walk) -> int:
    """Return 3 where images may be missing because a folder could not be read."""
    return code or (3 if walk.tally.unreadable else 0)


def dry_run(asked: RunRequest) -> int:
    """Say how many images are left and how long they would take; return the exit code.

    Raises:
        IgcliError: As in the run itself.
    """
    images, _ = find(asked.arguments, asked.place, asked.settings.targets)
    earlier = earlier_of(asked)
    prepared = prepared_for(asked)
    earlier.refuse_other_model(asked.place, prepared.model.sha256)
    from igcli.pipeline.calibration.timing import seconds_for

    gradients = prepared.gradients_per_image(images, asked.settings)
    before = 0 if earlier.record is None else count_results(asked.place, images)
    left = images.total - before
    seconds = seconds_for(left * gradients, prepared.engine)
    say(
        f"{left:,} images{f' ({before:,} more before)' if before else ''}, "
        f"about {left * gradients:,} gradients and {seconds:,.0f} s; nothing was written"
    )
    return 0


def distributed_run_for(asked: RunRequest, earlier: EarlierResults) -> "AttributionRun":
    """Start workers and return their run; nothing is overwritten before the network is loaded.

    Raises:
        UsageError: A setting does not work with workers, or the cluster is too small for them.
        IgcliError: The cluster could not be started or reached, or the network not loaded.
    """
    calibration = recorded_calibration(asked.settings, asked.place, earlier, panels=asked.panels)
    say_demo(asked)
    # Imported once everything that can be known without Ray is known to be right.
    from igcli.pipeline.distributed.messages import WorkerConfig
    from igcli.pipeline.distributed.pool import Pool
    from igcli.pipeline.distributed.run import DistributedRun

    arguments = asked.arguments
    level = logging.getLogger("igcli").getEffectiveLevel()
    config = WorkerConfig(asked.settings, asked.panels, arguments.trust_model, os.getcwd(), level)  # noqa: PTH109
    address = arguments.ray_address or os.environ.get("RAY_ADDRESS")
    pool = Pool(config, workers=arguments.workers, address=address)
    try:
        say_model(asked, f"{pool.facts['device']}, {pool.workers} workers")
        if not agree_with_shards(asked.place, earlier, pool.facts["model_sha256"]):
            earlier = earlier_of(asked)  # another shard came first
            calibration = recorded_calibration(
                asked.settings, asked.place, earlier, panels=asked.panels
            )
        if arguments.on_existing == "overwrite":
            clear_location(asked.place)
        return DistributedRun(pool, asked.place, earlier=earlier, calibration=calibration)
    except BaseException:
        pool.stop()
        raise
