"""What a command that attributes images is asked to do, checked as far as no image is needed."""

import logging
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from igcli.cli.attribute.options import Arguments, shard_of
from igcli.cli.attribute.report import ReportOptions
from igcli.cli.setting_options import settings_of
from igcli.cli.terminal import NOTICE, say
from igcli.config.schema import Gif, Settings
from igcli.errors import UsageError
from igcli.models.options import is_name
from igcli.outputs.exclusive_access import refuse_results
from igcli.outputs.open import output_at
from igcli.outputs.run_files import refuse_foreign_page
from igcli.outputs.shards import RunLocation
from igcli.pipeline.distributed.cluster import require_ray
from igcli.pipeline.preflight import check
from igcli.pipeline.resume.earlier import EarlierResults, find_earlier

if TYPE_CHECKING:
    from igcli.pipeline.runs.prepared import Prepared


def refuse_for_tars(arguments: Arguments, settings: Settings, *, panels: bool) -> None:
    """Refuse what a run over tar archives cannot do.

    Raises:
        UsageError: One line for the first of it.
    """
    if arguments.input_format != "tar":
        return
    reasons = {
        "--engine ray hands out single images: split archives with --shard I/N": (
            arguments.engine == "ray"
        ),
        "--dry-run counts files, and nothing tells how many images an archive holds": (
            arguments.dry_run
        ),
        "gallery: a page cannot link pictures that lie in archives": settings.gallery,
        "precision: auto is settled by single images: write float32 or bfloat16": (
            settings.precision == "auto"
        ),
        "panel.scale: shared is settled by single images: give a number": (
            panels and settings.panel.scale == "shared"
        ),
    }
    for reason, holds in reasons.items():
        if holds:
            raise UsageError(f"{reason} (--input-format tar)")


DEMO = (
    "no model was chosen, so this is the embedded demo, which knows only its own scenes "
    "(sample_images); choose yours with --model FILE.keras or in igcli.yaml"
)

MEMORY = "output memory://: what is written there is gone when this command ends"

PIXELS = (
    "no model.preprocess was given: pixels 0...255 go in as they are; "
    "`igcli models check {source} IMAGE` looks whether that fits"
)

SHAPE = (
    "no model.fit was given: images of another shape are cropped to the network's; if it was "
    "trained on squashed ones, as Keras's image_dataset_from_directory makes them, set model.fit: "
    "squash"
)


@dataclass(frozen=True, slots=True, eq=False)
class RunRequest:
    """What a command is asked to do, and where it goes.

    Attributes:
        settings: The resolved configuration.
        chosen: Names of the settings that the user gave.
        arguments: What the command line says beside the settings.
        place: Where results go.
        panels: Whether panels are wanted.
        wanted: What is to be said.
    """

    settings: Settings
    chosen: AbstractSet[str]
    arguments: Arguments
    place: RunLocation
    panels: bool
    wanted: ReportOptions


def ask(options: dict[str, Any], *, panels: bool) -> RunRequest:
    """Sort the options of a command, and refuse what is wrong without looking for images.

    Raises:
        UsageError: One line for the first of them.
    """
    quiet, as_json = options.pop("quiet"), options.pop("as_json")
    loaded = settings_of(options.pop("config_file"), options.pop("overrides"), quiet=quiet)
    settings = loaded.settings
    if not panels and settings.gif is None:
        settings = settings.model_copy(update={"gif": Gif()})
    arguments = Arguments(**options)
    wanted = ReportOptions(as_json=as_json, nul=arguments.nul, quiet=quiet, icc=settings.icc)
    folder = output_at(settings.output)
    place = RunLocation(folder, shard_of(arguments.shard, folder))
    asked = RunRequest(settings, loaded.chosen, arguments, place, panels, wanted)
    _refuse(asked)
    return asked


def _refuse(asked: RunRequest) -> None:
    folder, settings = asked.place.folder, asked.settings
    folder.check()
    if folder.path.startswith("memory:"):
        say(MEMORY, logging.WARNING)
    refuse_results(asked.place, asked.arguments.on_existing)
    if settings.gallery:
        refuse_foreign_page(folder)
    if asked.place.shard is not None and settings.precision == "auto":
        raise UsageError(
            "precision: auto is settled by a measurement, which may differ from shard to shard; "
            "with --shard, write float32 or bfloat16 (summary.json of a run with --limit 1 has it)"
        )
    _refuse_engine(asked.arguments)
    refuse_for_tars(asked.arguments, settings, panels=asked.panels)
    check(settings, panels=asked.panels)


def _refuse_engine(arguments: Arguments) -> None:
    if arguments.engine == "ray":
        require_ray()
    elif arguments.workers is not None or arguments.ray_address is not None:
        raise UsageError("--workers and --ray-address are for --engine ray")


def earlier_of(asked: RunRequest) -> EarlierResults:
    """Look at what is there.

    Raises:
        UsageError: The settings do not go together with it.
    """
    if asked.place.shard is None and asked.arguments.on_existing == "overwrite":
        return EarlierResults(asked.settings)
    return find_earlier(
        asked.place,
        asked.settings,
        panels=asked.panels,
        retry_failed=asked.arguments.retry_failed,
    )


def prepared_for(asked: RunRequest) -> "Prepared":
    """Load the network, and say which it is.

    Raises:
        IgcliError: As in `prepare`.
    """
    say_demo(asked)
    # Imported once everything that can be known without TensorFlow is known to be right.
    from igcli.pipeline.runs.prepared import prepare

    trust = asked.arguments.trust_model
    prepared = prepare(asked.settings, panels=asked.panels, trust_model=trust)
    say_model(asked, prepared.model.device)
    return prepared


def say_demo(asked: RunRequest) -> None:
    """Say that the network is the demo where nobody chose it."""
    if asked.chosen.isdisjoint({"model", "model.source"}):
        say(DEMO, NOTICE)


def say_model(asked: RunRequest, device: str) -> None:
    """Say which network runs, where, and what nobody said of how it takes images."""
    model = asked.settings.model
    say(f"{model.source} on {device}", NOTICE)
    if not is_name(model.source) and model.preprocess is None:
        say(PIXELS.format(source=model.source), NOTICE)
    if not is_name(model.source) and "model.fit" not in asked.chosen:
        say(SHAPE, NOTICE)
