"""What earlier runs settled by their first images."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from igcli.config.schema import Settings
from igcli.errors import UsageError
from igcli.outputs import journal
from igcli.outputs.folder import OutputFolder
from igcli.outputs.shards import RunLocation, started_shards
from igcli.pipeline.preflight import methods_of
from igcli.pipeline.resume.earlier import EarlierResults, Precision

NOT_RECORDED = (
    "{} is determined by the first images, which workers do not share: {}, or start with "
    "--engine local --limit 32 and continue with --engine ray"
)
OWN_DEVICE = "device: {}: --engine ray gives each worker a device of its own: use {}"


@dataclass(frozen=True, slots=True)
class RecordedCalibration:
    """What earlier runs settled by their first images.

    Attributes:
        precision: Arithmetic of the network; None if the settings state it.
        scales: Shared scale of the panels by method: the attribution shown at full strength.
            Panels of other methods have a scale each.
    """

    precision: Precision | None
    scales: Mapping[str, float]


def recorded_calibration(
    settings: Settings, location: RunLocation, earlier: EarlierResults, *, panels: bool
) -> RecordedCalibration:
    """Look up what a local run settles by its first images.

    Args:
        settings: The resolved configuration.
        location: Where results go.
        earlier: What earlier runs left.
        panels: Whether the run draws panels.

    Raises:
        UsageError: It is not recorded yet, or a worker cannot use the device.
    """
    kind, _, numbers = settings.device.partition(":")
    if numbers:
        raise UsageError(OWN_DEVICE.format(settings.device, kind))
    precision = None
    if settings.precision == "auto":
        precision = earlier.precision
        if precision is None:
            raise UsageError(NOT_RECORDED.format("precision: auto", "choose float32 or bfloat16"))
    scales: Mapping[str, float] = {}
    if panels and settings.panel.scale == "shared":
        methods = methods_of(settings, panels=True)
        # Records of a run that starts over are of another network or other settings.
        is_fresh = location.shard is None and earlier.record is None
        scales = {} if is_fresh else recorded_scales(location.folder, methods)
        if len(scales) < len(methods):
            raise UsageError(NOT_RECORDED.format("panel.scale: shared", "give a number"))
    return RecordedCalibration(precision, scales)


def recorded_scales(folder: OutputFolder, methods: Iterable[str]) -> Mapping[str, float]:
    """Return the shared scales in the records of an output and its shards, by method."""
    missing, scales = {*methods}, dict[str, float]()
    folders = [folder, *(folder.subfolder(shard.folder) for shard in started_shards(folder))]
    for record in (record for part in folders for record in journal.read(part)):
        for method, scale in (record.get("panel_scales") or {}).items():
            if method in missing:
                scales[method] = float(scale)
                missing.remove(method)
        if not missing:
            break
    return scales
