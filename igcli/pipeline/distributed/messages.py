"""What every worker of a fleet is told."""

from dataclasses import dataclass

from igcli.config.schema import Settings
from igcli.outputs.shards import Shard
from igcli.pipeline.calibration.recorded import RecordedCalibration
from igcli.pipeline.resume.earlier import Earlier


@dataclass(frozen=True, slots=True, eq=False)
class WorkerConfig:
    """A run, as far as it is known before the network is.

    Attributes:
        settings: The resolved configuration.
        panels: Whether panels are wanted.
        trust_model: Whether a Keras file may bring code of its author's.
        current: The folder that relative paths are relative to.
        level: Of logs that the driver wants to hear of.
    """

    settings: Settings
    panels: bool
    trust_model: bool
    current: str
    level: int


@dataclass(frozen=True, slots=True, eq=False)
class RunConfig:
    """A run, as far as it can be sent to another machine.

    Attributes:
        earlier: What is there already.
        calibration: What earlier runs settled by their first images.
        batch_size: Gradient evaluations at a time: the last bits depend on it.
        output: The path of the output.
        shard: Which part of a run it is, if it is one.
        tag: Begins the names of the run's temporary files and parts of records.
    """

    earlier: Earlier
    calibration: RecordedCalibration
    batch_size: int
    output: str
    shard: Shard | None
    tag: str
