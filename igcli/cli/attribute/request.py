"""The request of a command that attributes images: resolved and checked before reading any."""

import logging
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from igcli.cli.attribute.options import Arguments
from igcli.cli.attribute.report import ReportOptions
from igcli.cli.attribute.shard_option import parse_shard
from igcli.cli.setting_options import load_command_settings
from igcli.cli.terminal import NOTICE, say
from igcli.config.load import LoadedSettings
from igcli.config.schema import Gif, Settings
from igcli.errors import UsageError
from igcli.models.options import is_name
from igcli.options import setting
from igcli.outputs.exclusive_access import refuse_results
from igcli.outputs.open import output_at
from igcli.outputs.run_files import refuse_foreign_page
from igcli.outputs.shards import RunLocation
from igcli.pipeline.distributed.cluster import require_ray
from igcli.pipeline.preflight import check
from igcli.pipeline.resume.earlier import EarlierResults, find_earlier

if TYPE_CHECKING:
    from igcli.pipeline.runs.prepared import Prepared

DEMO = (
    "no model was chosen, so this is the embedded demo, which only knows its own scenes "
    "(sample_images); choose a model with --model FILE.keras or in igcli.yaml"
)

MEMORY = "output memory://: its contents are lost when this command ends"

NO_PREPROCESS = (
    "no {advised} was given: the network gets pixel values 0...255 unscaled; "
    "`igcli models check {source} IMAGE` tests whether that fits"
)

FROM_PYTORCH = (
    "no model.preprocess was given: the network gets pixel values 0...255 unscaled, but networks "
    "exported by PyTorch usually expect ImageNet's mean and standard deviation: set {advised}; "
    "`igcli models check {source} IMAGE` tests what it can"
)

NO_FIT = (
    "no model.fit was given: images of another shape are cropped; if the network was trained with "
    "squashed ones, as Keras's image_dataset_from_directory makes them, set "
    f"{setting('model.fit', 'squash')}"
)

AUTO_PRECISION_OF_SHARD = (
    "precision: auto is measured, so it may differ between shards: with --shard, choose float32 or "
    "bfloat16 (the summary.json of a run with --limit 1 names the faster one)"
)


@dataclass(frozen=True, slots=True, eq=False)
class RunRequest:
    """Everything a command was asked to do, and where it writes.

    Attributes:
        settings: The resolved configuration.
        chosen: Names of the settings that the user gave.
        arguments: The options that are not settings.
        location: Where the run writes.
        panels: Whether to write panels.
        report_options: What to print.
    """

    settings: Settings
    chosen: AbstractSet[str]
    arguments: Arguments
    location: RunLocation
    panels: bool
    report_options: ReportOptions


def resolve_request(options: dict[str, Any], *, panels: bool) -> RunRequest:
    """Return the request that a command's options make; refuse mistakes known without images.

    Args:
        options: The command's options, by name.
        panels: Whether to write panels.

    Raises:
        UsageError: All mistakes in settings, else the first other mistake.
    """
    quiet, as_json = options.pop("quiet"), options.pop("as_json")
    config_file, overrides = options.pop("config_file"), options.pop("overrides")
    loaded = load_command_settings(config_file, overrides, quiet=quiet)
    settings = loaded.settings
    if not panels and overrides.get("gif") is False:
        raise UsageError(
            "--no-gif: igcli gif writes animations: leave it out, or use igcli attribute for panels"
        )
    if not panels and settings.gif is None:
        settings = settings.model_copy(update={"gif": Gif()})
    arguments = Arguments(**options)
    report_options = ReportOptions(
        as_json=as_json, nul=arguments.nul, quiet=quiet, icc=settings.icc
    )
    folder = output_at(settings.output)
    location = RunLocation(folder, parse_shard(arguments.shard, folder))
    request = RunRequest(settings, loaded.chosen, arguments, location, panels, report_options)
    _refuse_mistakes(request)
    return request


def _refuse_mistakes(request: RunRequest) -> None:
    folder, settings = request.location.folder, request.settings
    folder.check()
    if folder.path.startswith("memory:"):
        say(MEMORY, logging.WARNING)
    refuse_results(request.location, request.arguments.on_existing)
    if settings.gallery:
        refuse_foreign_page(folder)
    if request.location.shard is not None and settings.precision == "auto":
        raise UsageError(AUTO_PRECISION_OF_SHARD)
    _refuse_engine(request.arguments)
    _refuse_for_tars(request.arguments, settings, panels=request.panels)
    check(settings, panels=request.panels)


def _refuse_engine(arguments: Arguments) -> None:
    if arguments.engine == "ray":
        require_ray()
    elif arguments.workers is not None or arguments.ray_address is not None:
        raise UsageError("--workers and --ray-address require --engine ray")


def _refuse_for_tars(arguments: Arguments, settings: Settings, *, panels: bool) -> None:
    """Refuse what runs over tar files do not support."""
    if arguments.input_format != "tar":
        return
    unsupported = {
        "--engine ray distributes single images: split tar files with --shard I/N": (
            arguments.engine == "ray"
        ),
        "--dry-run counts files, but the number of images in a tar file is unknown": (
            arguments.dry_run
        ),
        "precision: auto is measured with single images: choose float32 or bfloat16": (
            settings.precision == "auto"
        ),
        "panel.scale: shared is measured with single images: give a number": (
            panels and settings.panel.scale == "shared"
        ),
    }
    for message, applies in unsupported.items():
        if applies:
            raise UsageError(f"{message} (--input-format tar)")


def earlier_run(request: RunRequest) -> EarlierResults:
    """Return what earlier runs left in the output.

    Raises:
        UsageError: The settings contradict those of the earlier runs.
    """
    if request.location.shard is None and request.arguments.on_existing == "overwrite":
        return EarlierResults(request.settings)
    return find_earlier(
        request.location,
        request.settings,
        panels=request.panels,
        retry_failed=request.arguments.retry_failed,
    )


def load_network(request: RunRequest) -> "Prepared":
    """Load the network and announce it.

    Raises:
        IgcliError: As in `prepare`.
    """
    announce_demo(request)
    # Imported only after all checks that do not need TensorFlow.
    from igcli.pipeline.runs.prepared import prepare

    trust = request.arguments.trust_model
    prepared = prepare(request.settings, panels=request.panels, trust_model=trust)
    model = prepared.model
    announce_model(request, model.device, suggestion=model.suggested_preprocess)
    return prepared


def announce_demo(request: RunRequest) -> None:
    """Say that the network is the demo if the user chose none."""
    if request.chosen.isdisjoint({"model", "model.source"}):
        say(DEMO, NOTICE)


def announce_model(
    request: RunRequest | LoadedSettings, device: str, *, suggestion: str | None = None
) -> None:
    """Say which network runs on which device, and which of its settings were left at defaults.

    Args:
        request: What the command was asked to do, or its settings.
        device: The device in words.
        suggestion: The preprocessing that the network probably expects.
    """
    model = request.settings.model
    say(f"{model.source} on {device}", NOTICE)
    if not is_name(model.source) and model.preprocess is None:
        notice = FROM_PYTORCH if suggestion else NO_PREPROCESS
        advised = setting("model.preprocess", suggestion or "")
        say(notice.format(source=model.source, advised=advised), NOTICE)
    if not is_name(model.source) and "model.fit" not in request.chosen:
        say(NO_FIT, NOTICE)
