"""What earlier runs left in an output, and whether this run may go on there."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

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
from igcli.records import Source

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of the results that are there already.

    Attributes:
        described: The settings of this run, and those of pictures that it does not draw as they
            were when they were drawn: what config.yaml is to say.
        retry_failed: Whether images that failed are tried again.
        record: One of the results, None where there is none.
        is_described: Whether config.yaml says so already.
    """

    described: Settings
    retry_failed: bool = False
    record: Record | None = None
    is_described: bool = False

    def refuse_other_model(self, place: RunLocation, sha256: str) -> None:
        """Refuse a network other than the one that the results are of.

        Raises:
            UsageError: It is another.
        """
        if self.record is not None and self.record.get("model_sha256") != sha256:
            raise UsageError(_refusal(place, [_other_model(self.record, sha256)]))


def agreed(
    place: RunLocation, settings: Settings, *, panels: bool, retry_failed: bool = False
) -> Earlier:
    """Refuse settings that do not go together with the results in a place.

    A shard has to agree with the others, too, whether or not there are results of them yet.

    Args:
        place: Where results go, of which the run has the lock.
        settings: Of the run.
        panels: Whether it draws panels.
        retry_failed: Whether it tries failed images again.

    Raises:
        UsageError: A setting, or a file that one names, changed; the message shows each.
    """
    shared = place.shard is not None and place.folder.has(run_files.CONFIG)
    record = _any_result(place)
    if record is None and not shared:
        return Earlier(settings, retry_failed)
    if record is not None and record.get("revision", 1) != REVISION:
        raise UsageError(_refusal(place, [_other_revision(record)]))
    before = _settings_of(place)
    drawn = {"panel": panels, "gif": settings.gif is not None}
    kept = {group: getattr(before, group) for group, is_drawn in drawn.items() if not is_drawn}
    free = {group for group in PICTURES if _is_free(group, before, place)}
    if free == {*PICTURES}:
        before = _magnified(before, settings)
    described = _magnified(settings.model_copy(update=kept), settings)
    changes = [*_differences(before, described, free)]
    if record is not None:
        sha256 = of_source(settings.model)
        if sha256 not in (None, record.get("model_sha256")):
            changes.append(_other_model(record, str(sha256)))
        if not changes and record.get("config_sha256") != config_sha256(described):
            changes = [_other_files(before, described)]
    if changes:
        raise UsageError(_refusal(place, changes))
    same = all(getattr(before, group) == getattr(described, group) for group in PICTURES)
    return Earlier(described, retry_failed, record, is_described=shared and same)


def index_of(place: RunLocation) -> RecordIndex:
    """Return the records of earlier runs: a shard's own, and those of the whole output.

    Raises:
        OutputError: They cannot be read.
    """
    whole = RecordIndex(place.folder)
    return whole if place.shard is None else RecordIndex(place.records, fallback=whole)


def count_results(place: RunLocation, sources: Iterable[Source]) -> int:
    """Count the images that have a result, whatever they hold by now."""
    with index_of(place) as index:
        records = (index.find(source.name) for source in sources)
        return sum(record is not None and record.get("status") == "ok" for record in records)


def _any_result(place: RunLocation) -> Record | None:
    folders = [place.folder] if place.shard is None else [place.records, place.folder]
    records = (record for folder in folders for record in journal.read(folder))
    return next((each for each in records if each.get("status") == "ok"), None)


def _is_free(group: str, before: Settings, place: RunLocation) -> bool:
    """Tell whether nothing was drawn yet by these settings; other shards may be about to."""
    if getattr(before, group) is None:
        return True
    places = (PICTURES[group], tar.FOLDER)
    return place.shard is None and not any(map(place.folder.has_folder, places))


def _settings_of(place: RunLocation) -> Settings:
    """Return the settings that the results in a place were made with."""
    folder = place.folder
    if not folder.has(run_files.CONFIG):
        reason = f"its {run_files.CONFIG} is gone"
        raise UsageError(_refusal(place, [reason]))
    try:
        with folder.local_path(run_files.CONFIG) as path:
            return load_settings(path, {}).settings
    except ConfigError as error:
        raise UsageError(_refusal(place, [error.lines[0]])) from None


def _magnified(settings: Settings, like: Settings) -> Settings:
    """Return settings whose pictures are magnified as those of others are."""
    panel = settings.panel.model_copy(update={"magnify": like.panel.magnify})
    return settings.model_copy(update={"panel": panel})


def _differences(before: Settings, now: Settings, free: AbstractSet[str]) -> Iterator[str]:
    """Yield the settings that changed but for groups that are free; files by what they hold."""
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
    """Return what may be behind another hash where no setting changed but paths."""
    old = dict(values_of(before))
    reasons = []
    for name, value in values_of(now):
        if not is_path(name, value) or name in NETWORK or name in UNCHANGING:
            continue
        one, other = (absolute(str(path)) for path in (old.get(name), value))
        reasons.append(
            f"what is in {name} {other}" if one == other else f"{name}: {one} -> {other}"
        )
    return " or ".join(reasons) or "something else that the records do not tell"


def _other_revision(record: Record) -> str:
    revision = record.get("revision", 1)
    is_later = isinstance(revision, int) and revision > REVISION
    which = "a later" if is_later else "an earlier"
    return f"made by {which} version of igcli, whose results for the same settings are others"


def _other_model(record: Record, sha256: str) -> str:
    before = str(record.get("model_sha256"))
    return f"model: another network, SHA-256 {before[:12]}... -> {sha256[:12]}..."


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {plain(each)}" for name, each in value.items())
    return "none" if value is None else plain(value).strip("'")


def _refusal(place: RunLocation, changes: list[str]) -> str:
    ways = ["choose another output"]
    # A shard may not replace what is the others', too.
    ways += ["replace them with --on-existing overwrite"] if place.shard is None else []
    return (
        f"output {place.folder.path!r} holds results of other settings ({'; '.join(changes)}); "
        + ", or ".join(ways)
    )
