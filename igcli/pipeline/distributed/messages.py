"""The messages between the driver, the coordinator and the workers of a distributed run."""

from dataclasses import dataclass, field

from igcli.config.schema import Settings
from igcli.errors import IgcliError
from igcli.outputs.shards import Shard
from igcli.pipeline.calibration.recorded import RecordedCalibration
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.resume.earlier import EarlierResults
from igcli.pipeline.runs.summary import EngineFacts
from igcli.records import Record, Source


@dataclass(frozen=True, slots=True, eq=False)
class WorkerConfig:
    """What a worker needs to load its network.

    Attributes:
        settings: The resolved configuration.
        panels: Whether the run draws panels.
        trust_model: Whether a Keras file may run code of its author's.
        folder: The folder that relative paths are relative to.
        log_level: Lowest level of log records that the driver wants.
    """

    settings: Settings
    panels: bool
    trust_model: bool
    folder: str
    log_level: int


@dataclass(frozen=True, slots=True, eq=False)
class RunConfig:
    """What a worker needs to attribute images, known once the first network is loaded.

    Attributes:
        earlier: What earlier runs left in the output.
        calibration: What earlier runs settled by their first images.
        batch_size: Gradient evaluations at a time. All workers use the same: the last bits of
            attributions depend on it.
        output: Path of the output.
        shard: The shard that the run attributes, if it is one.
        tag: Prefix of the names of the run's temporary files and partial records.
    """

    earlier: EarlierResults
    calibration: RecordedCalibration
    batch_size: int
    output: str
    shard: Shard | None
    tag: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """An image for a worker, with its record from an earlier run if there is one."""

    source: Source
    earlier: Record | None = None


@dataclass(slots=True)
class Updates:
    """What has happened since the driver last asked.

    Attributes:
        outcomes: Outcomes of images that workers have recorded.
        killers: Images that killed their workers; the driver has to record the failure.
        facts: What each worker that has loaded its network reports about it.
        logs: Log records of workers: level and message.
        error: Why the run cannot go on.
        room: Number of further images that the coordinator can queue.
        finished: Whether all images have been attributed and no worker has work in progress.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    killers: list[Assignment] = field(default_factory=list)
    facts: list[EngineFacts] = field(default_factory=list)
    logs: list[tuple[int, str]] = field(default_factory=list)
    error: IgcliError | None = None
    room: int = 0
    finished: bool = False

    @property
    def has_news(self) -> bool:
        """Whether there is anything for the driver to act on."""
        return bool(self.outcomes or self.killers or self.facts or self.logs or self.error)
