"""What the first images of a run settle for all, looked up where earlier ones did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from igcli.config.schema import Settings
from igcli.errors import UsageError
from igcli.outputs import journal
from igcli.outputs.folder import OutputFolder
from igcli.outputs.shards import RunLocation, started_shards
from igcli.pipeline.preflight import methods_of
from igcli.pipeline.resume.earlier import Earlier

NOT_RECORDED = (
    "{} is settled by the first images, which workers do not share: {}, or begin with "
    "--engine local --limit 32 and go on with --engine ray"
)
OWN_GPU = "device: {}: --engine ray gives each worker a GPU of its own: use device: gpu"


@dataclass(frozen=True, slots=True)
class RecordedCalibration:
    """What the first images of a run settled for all.

    Attributes:
        precision: What gradients are computed in; None where the settings say it.
        scales: By method, attribution that all panels show at full strength; each its own if empty.
    """

    precision: Literal["float32", "bfloat16"] | None
    scales: Mapping[str, float]


def recorded_calibration(
    settings: Settings, place: RunLocation, earlier: Earlier, *, panels: bool
) -> RecordedCalibration:
    """Look up what a local run leaves to its first images.

    Args:
        settings: The resolved configuration.
        place: Where results go.
        earlier: What is there already.
        panels: Whether panels are wanted.

    Raises:
        UsageError: It is not settled yet, or a worker could not do it.
    """
    if settings.device.startswith("gpu:"):
        raise UsageError(OWN_GPU.format(settings.device))
    precision = None
    if settings.precision == "auto":
        precision = (earlier.record or {}).get("precision")
        if precision not in ("float32", "bfloat16"):
            raise UsageError(NOT_RECORDED.format("precision: auto", "choose float32 or bfloat16"))
    scales: Mapping[str, float] = {}
    if panels and settings.panel.scale == "shared":
        methods = methods_of(settings, panels=True)
        scales = recorded_scales(place.folder, methods)
        if len(scales) < len(methods):
            raise UsageError(NOT_RECORDED.format("panel.scale: shared", "give a number"))
    return RecordedCalibration(precision, scales)


def recorded_scales(folder: OutputFolder, methods: Iterable[str]) -> Mapping[str, float]:
    """Return the scales that the records in an output and its shards tell, by method."""
    missing, found = {*methods}, dict[str, float]()
    folders = [folder, *(folder.subfolder(shard.folder) for shard in started_shards(folder))]
    for record in (record for each in folders for record in journal.read(each)):
        for method, scale in (record.get("panel_scales") or {}).items():
            if method in missing:
                found[method] = float(scale)
                missing.remove(method)
        if not missing:
            break
    return found
