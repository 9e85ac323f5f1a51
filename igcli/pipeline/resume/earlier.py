"""What earlier runs left in an output, and whether this run may continue there."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from igcli.config.dump import absolute
from igcli.config.load import load_settings
from igcli.config.problems import ConfigError
from igcli.config.schema import Settings
from igcli.config.validation_messages import plain
from igcli.errors import UsageError
from igcli.methods import METHODS
from igcli.models.hashing import of_source
from igcli.outputs import journal, run_files, tar
from igcli.outputs.latest_records import RecordIndex
from igcli.outputs.shards import RunLocation
from igcli.pipeline.preflight import methods_of
from igcli.pipeline.resume.fingerprint import (
    MAGNIFY,
    NETWORK,
    PICTURES,
    REVISION,
    UNCHANGING,
    config_sha256,
    is_path,
    values_of,
)
from igcli.records import Record, Source

Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, Precision] = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class EarlierResults:
    """What is known about the existing results in an output.

    Attributes:
        config: The settings that config.yaml has to state: those of this run, and for pictures
            that it does not draw, those that they were drawn with.
        retry_failed: Whether to retry images that failed.
        record: One of the existing results; None if there is none.
        is_config_written: Whether config.yaml already states `config`.
    """

    config: Settings
    retry_failed: bool = False
    record: Record | None = None
    is_config_written: bool = False

    @property
    def precision(self) -> Precision | None:
        """Arithmetic of the network in the existing results; None if they do not state it."""
        stated = None if self.record is None else self.record.get("precision")
        return next((precision for precision in PRECISIONS if precision == stated), None)

    def refuse_other_model(self, location: RunLocation, sha256: str) -> None:
        """Refuse a network that the existing results were not made with.

        Raises:
            UsageError: It is a different network.
        """
        if self.record is not None and self.record.get("model_sha256") != sha256:
            raise UsageError(_refusal(location, [_other_model(self.record, sha256)]))


def find_earlier(
    location: RunLocation, settings: Settings, *, panels: bool, retry_failed: bool = False
) -> EarlierResults:
    """Return what earlier runs left; refuse settings that do not match it.

    A shard also has to match the other shards, whether or not they have results yet.

    Args:
        location: Where results go.
        settings: The resolved configuration.
        panels: Whether the run draws panels.
        retry_failed: Whether to retry images that failed.

    Raises:
        UsageError: A setting, or a file that one names, has changed; the message lists each.
    """
    has_config = location.shard is not None and location.folder.has(run_files.CONFIG)
    record = _any_result(location)
    if record is None and not has_config:
        return EarlierResults(settings, retry_failed)
    if record is not None and record.get("revision", 1) != REVISION:
        raise UsageError(_refusal(location, [_other_revision(record)]))
    before = _written_settings(location)
    drawn = {"panel": panels, "gif": settings.gif is not None}
    kept = {group: getattr(before, group) for group, is_drawn in drawn.items() if not is_drawn}
    free = {group for group in PICTURES if _may_change(group, before, location)}
    if free == {*PICTURES}:
        before = _with_magnify(before, settings)
    config = _with_magnify(settings.model_copy(update=kept), settings)
    changes = [*_differences(before, config, free)]
    if record is not None:
        sha256 = of_source(settings.model)
        if sha256 not in (None, record.get("model_sha256")):
            changes.append(_other_model(record, str(sha256)))
        if not changes and record.get("config_sha256") != config_sha256(config):
            changes = [_other_files(before, config)]
    if changes:
        raise UsageError(_refusal(location, changes))
    same = all(getattr(before, group) == getattr(config, group) for group in PICTURES)
    return EarlierResults(config, retry_failed, record, is_config_written=has_config and same)


def open_index(location: RunLocation) -> RecordIndex:
    """Return the records of earlier runs: those of the shard, then those of the whole output.

    Raises:
        OutputError: The records cannot be read.
    """
    whole = RecordIndex(location.folder)
    if location.shard is None:
        return whole
    return RecordIndex(location.records, fallback=whole)


def count_results(location: RunLocation, sources: Iterable[Source]) -> int:
    """Count the images that have a result, without checking whether they changed since."""
    with open_index(location) as index:
        records = (index.find(source.name) for source in sources)
        return sum(record is not None and record.get("status") == "ok" for record in records)


def _any_result(location: RunLocation) -> Record | None:
    whole, is_shard = location.folder, location.shard is not None
    folders = [location.records, whole] if is_shard else [whole]
    records = (record for folder in folders for record in journal.read(folder))
    return next((record for record in records if record.get("status") == "ok"), None)


def _may_change(group: str, before: Settings, location: RunLocation) -> bool:
    """Return whether the settings of a group of pictures may change.

    They may if no picture was drawn with them. In a shard they may not, unless the group was off,
    because other shards may be drawing some.
    """
    if getattr(before, group) is None:
        return True
    folders = (PICTURES[group], tar.FOLDER)
    return location.shard is None and not any(map(location.folder.has_folder, folders))


def _written_settings(location: RunLocation) -> Settings:
    """Return the settings in config.yaml, which the existing results were made with."""
    folder = location.folder
    if not folder.has(run_files.CONFIG):
        raise UsageError(_refusal(location, [f"its {run_files.CONFIG} is missing"]))
    try:
        with folder.local_path(run_files.CONFIG) as path:
            return load_settings(path, {}).settings
    except ConfigError as error:
        raise UsageError(_refusal(location, [error.lines[0]])) from None


def _with_magnify(settings: Settings, other: Settings) -> Settings:
    """Return settings with the magnification of others."""
    panel = settings.panel.model_copy(update={"magnify": other.panel.magnify})
    return settings.model_copy(update={"panel": panel})


def _differences(before: Settings, now: Settings, free: AbstractSet[str]) -> Iterator[str]:
    """Yield the settings that changed, except groups that are free and files, which are hashed."""
    old, new = dict(values_of(before)), dict(values_of(now))
    ignored = {*UNCHANGING, *METHODS} - {*methods_of(before, panels=True)}
    ignored -= {*methods_of(now, panels=True)}
    ignored |= free
    for name in {**old, **new}:
        one, other = old.get(name), new.get(name)
        both_files = is_path(name, one) and is_path(name, other)
        is_compared = name == MAGNIFY or name.partition(".")[0] not in ignored
        if one != other and not both_files and is_compared:
            yield f"{name}: {_shown(one)} -> {_shown(other)}"


def _other_files(before: Settings, now: Settings) -> str:
    """Return why hashes may differ although no setting except paths changed."""
    old = dict(values_of(before))
    reasons = []
    for name, value in values_of(now):
        if not is_path(name, value) or name in NETWORK or name in UNCHANGING:
            continue
        one, other = (absolute(str(path)) for path in (old.get(name), value))
        reasons.append(
            f"the content of {name} {other}" if one == other else f"{name}: {one} -> {other}"
        )
    return " or ".join(reasons) or "something that the records do not state"


def _other_revision(record: Record) -> str:
    revision = record.get("revision", 1)
    is_later = isinstance(revision, int) and revision > REVISION
    which = "a later" if is_later else "an earlier"
    return f"made by {which} version of igcli, which gives other results for the same settings"


def _other_model(record: Record, sha256: str) -> str:
    before = str(record.get("model_sha256"))
    return f"model: another network, SHA-256 {before[:12]}... -> {sha256[:12]}..."


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {plain(item)}" for name, item in value.items())
    return "none" if value is None else plain(value).strip("'")


def _refusal(location: RunLocation, changes: list[str]) -> str:
    remedies = ["choose another output"]
    # A shard must not replace results that also belong to the other shards.
    if location.shard is None:
        remedies.append("replace them with --on-existing overwrite")
    return (
        f"output {location.folder.path!r} holds results of other settings "
        f"({'; '.join(changes)}); {', or '.join(remedies)}"
    )
