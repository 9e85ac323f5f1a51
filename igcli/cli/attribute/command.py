"""The commands `attribute`, which writes panels, and `gif`, which writes animations."""

import logging
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from igcli.cli.attribute.inputs import select_images, warn_of_unmatched
from igcli.cli.attribute.options import run_options
from igcli.cli.attribute.report import Report
from igcli.cli.attribute.request import (
    RunRequest,
    announce_demo,
    announce_model,
    earlier_run,
    load_network,
    resolve_request,
)
from igcli.cli.help_sections import SectionedCommand
from igcli.cli.terminal import say
from igcli.errors import FINDINGS
from igcli.images.sources import Walk
from igcli.outputs.exclusive_access import clear_location, exclusive_access
from igcli.pipeline.calibration.recorded import recorded_calibration
from igcli.pipeline.resume.earlier import EarlierResults, count_results
from igcli.pipeline.resume.shard_consistency import agree_with_shards

if TYPE_CHECKING:
    from igcli.pipeline.runs.base import AttributionRun


@click.command(cls=SectionedCommand)
@run_options
def attribute(**options: Any) -> None:
    """Write a panel for every image that shows what its prediction rests on.

    IMAGES are files, folders (searched recursively), archives, glob patterns, URLs, or - to read
    paths from standard input.
    """
    _command(options, panels=True)


@click.command(cls=SectionedCommand)
@run_options
def gif(**options: Any) -> None:
    """Write an animation of the interior gradients for every image.

    IMAGES are files, folders (searched recursively), archives, glob patterns, URLs, or - to read
    paths from standard input.
    """
    _command(options, panels=False)


def _command(options: dict[str, Any], *, panels: bool) -> None:
    request = resolve_request(options, panels=panels)
    exit_code = dry_run(request) if request.arguments.dry_run else attribute_images(request)
    click.get_current_context().exit(exit_code)


def attribute_images(request: RunRequest) -> int:
    """Attribute the images of a request, print the results and return the exit code.

    Raises:
        IgcliError: The run cannot start or go on.
    """
    request.location.folder.create()
    with exclusive_access(request.location, request.arguments.on_existing):
        return _run(request)


def _run(request: RunRequest) -> int:
    folder = request.location.folder
    images, walk = select_images(request.arguments, request.location, request.settings.targets)
    run = _start_run(request, earlier_run(request))
    total = None if images.archives else images.total
    report = Report(total, folder.path, request.report_options)
    run.on_image_finished = report.tick
    try:
        with run, closing(run.outcomes(images)) as outcomes:
            for outcome in outcomes:
                report.add(outcome)
    except KeyboardInterrupt:
        report.stop(run.summary_record)
        raise
    if request.settings.gallery and request.location.shard is None:
        from igcli.gallery.run_page import write_gallery

        report.print_file(write_gallery(folder))
    if images.archives and images.rows is not None:
        warn_of_unmatched(images.rows)
    report.finish(run.summary_record)
    return _exit_code(run.summary.exit_code, walk)


def _start_run(request: RunRequest, earlier: EarlierResults) -> "AttributionRun":
    """Load the network and return the run; earlier results are kept until it is loaded."""
    if request.arguments.engine == "ray":
        return start_distributed_run(request, earlier)
    prepared = load_network(request)
    if not agree_with_shards(request.location, earlier, prepared.model.sha256):
        earlier = earlier_run(request)  # Another shard was faster.
    from igcli.pipeline.runs.local import LocalRun
    from igcli.pipeline.runs.tar import TarRun

    if request.arguments.on_existing == "overwrite":
        clear_location(request.location)
    kind = TarRun if request.arguments.input_format == "tar" else LocalRun
    return kind(request.settings, request.location, prepared=prepared, earlier=earlier)


def _exit_code(exit_code: int, walk: Walk) -> int:
    """Return 3 if images may be missing because a folder could not be read."""
    return exit_code or (FINDINGS if walk.statistics.unreadable else 0)


def dry_run(request: RunRequest) -> int:
    """Print the number of images to do and the estimated time; return the exit code.

    Raises:
        IgcliError: As in the run itself.
    """
    images, _ = select_images(request.arguments, request.location, request.settings.targets)
    earlier = earlier_run(request)
    prepared = load_network(request)
    earlier.refuse_other_model(request.location, prepared.model.sha256)
    from igcli.pipeline.calibration.batch_size import seconds_for

    per_image = prepared.work_per_image(images, request.settings)
    already_done = 0 if earlier.record is None else count_results(request.location, images)
    to_do = images.total - already_done
    work = per_image.times(to_do)
    devices = len(prepared.model.network.devices)
    seconds = seconds_for(work, prepared.engine, devices=devices)
    note = f" ({already_done:,} more already done)" if already_done else ""
    say(
        f"{to_do:,} images{note}, about {work.in_words()} and {seconds:,.0f} s; nothing was written"
    )
    return 0


def start_distributed_run(request: RunRequest, earlier: EarlierResults) -> "AttributionRun":
    """Start Ray workers and return their run; earlier results are kept until they are ready.

    Raises:
        UsageError: A setting does not work with workers, or the cluster has no room for them.
        IgcliError: The cluster could not be reached or the network could not be loaded.
    """
    calibration = recorded_calibration(
        request.settings, request.location, earlier, panels=request.panels
    )
    announce_demo(request)
    # Imported only after all checks that do not need Ray.
    from igcli.pipeline.distributed.messages import WorkerConfig
    from igcli.pipeline.distributed.pool import Pool
    from igcli.pipeline.distributed.run import DistributedRun

    arguments = request.arguments
    level = logging.getLogger("igcli").getEffectiveLevel()
    folder = os.getcwd()  # noqa: PTH109
    worker_config = WorkerConfig(
        request.settings, request.panels, arguments.trust_model, folder, level
    )
    address = arguments.ray_address or os.environ.get("RAY_ADDRESS")
    pool = Pool(worker_config, workers=arguments.workers, address=address)
    try:
        announce_model(request, f"{pool.facts['device']}, {pool.workers} workers")
        if not agree_with_shards(request.location, earlier, pool.facts["model_sha256"]):
            earlier = earlier_run(request)  # Another shard was faster.
            calibration = recorded_calibration(
                request.settings, request.location, earlier, panels=request.panels
            )
        if arguments.on_existing == "overwrite":
            clear_location(request.location)
        return DistributedRun(pool, request.location, earlier=earlier, calibration=calibration)
    except BaseException:
        pool.stop()
        raise
