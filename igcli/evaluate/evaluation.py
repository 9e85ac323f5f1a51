"""An evaluation of a finished run: its images, one after the other, through one engine."""

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from igcli import metrics
from igcli.config.load import load_settings
from igcli.config.problems import ConfigError
from igcli.config.schema import Settings
from igcli.errors import IgcliError, UsageError
from igcli.evaluate.image import (
    EvaluatedImage,
    EvaluationContext,
    evaluate_image,
    missing_metrics,
)
from igcli.evaluate.lines import open_lines, read_lines
from igcli.evaluate.masks import Masks
from igcli.evaluate.options import EvaluationOptions
from igcli.integration.network import Network
from igcli.outputs import run_files
from igcli.outputs.folder import OutputFolder
from igcli.outputs.results import read_results
from igcli.outputs.shards import Shard
from igcli.pipeline.engine.without_network import run_without_network
from igcli.records import Record

if TYPE_CHECKING:  # Imports TensorFlow, which an evaluation that is complete does not need.
    from igcli.pipeline.runs.prepared import Prepared


@dataclass(frozen=True, slots=True, eq=False)
class FinishedRun:
    """A run to evaluate.

    Attributes:
        folder: Its output.
        settings: Its settings, with the device of this process.
        records: The records of its images that are done.
    """

    folder: OutputFolder
    settings: Settings
    records: tuple[Record, ...]


def open_run(folder: OutputFolder, own: Mapping[str, object]) -> FinishedRun:
    """Return the run in an output.

    Args:
        folder: The output.
        own: Settings that may differ from those of the run: the device and the batch size.

    Raises:
        UsageError: There is none that can be evaluated.
        OutputError: It cannot be read.
    """
    results = read_results(folder)
    done = tuple(record for record in results.records.values() if record.get("status") == "ok")
    if not done:
        raise UsageError(f"{folder.path!r} holds no image that is done")
    if any(record.get("tar") for record in done):
        raise UsageError("arrays in tar files are not evaluated; run without --input-format tar")
    if not any(isinstance(record.get("arrays"), str) for record in done):
        raise UsageError(
            f"the run in {folder.path!r} has no arrays to evaluate: run the same command again "
            "with --arrays, which adds them"
        )
    return FinishedRun(folder, _settings(folder, own), done)


def _settings(folder: OutputFolder, own: Mapping[str, object]) -> Settings:
    if not folder.has(run_files.CONFIG):
        raise UsageError(f"{folder.path!r} has no {run_files.CONFIG}, which names the model")
    try:
        with folder.local_path(run_files.CONFIG) as path:
            return load_settings(path, own).settings
    except ConfigError as error:
        line = error.lines[0]
        place = "" if line.startswith("--") else f"{folder.path!r}: "
        raise UsageError(f"{place}{line}") from None


class Evaluation:
    """Evaluates the images of a run; a context manager that holds the output exclusively.

    Attributes:
        options: What it computes.
        seed: The run's seed.
        records: The records of the images.
        left: Number of images of which something is to compute; known once it is entered.
    """

    def __init__(
        self,
        run: FinishedRun,
        options: EvaluationOptions,
        *,
        shard: Shard | None = None,
        trust_model: bool = False,
    ) -> None:
        """Check what can be checked without the network.

        Args:
            run: The run.
            options: What to compute.
            shard: The part of the images to evaluate; None for all.
            trust_model: Whether to run custom code contained in a Keras file.

        Raises:
            UsageError: The masks are missing.
        """
        self.options, self.seed = options, run.settings.seed
        self._run, self._shard, self._trust_model = run, shard, trust_model
        self.left = 0
        self.records = [
            record for record in run.records if shard is None or shard.owns(record["image"])
        ]
        masks = None if options.masks is None else Masks(options.masks, run.settings)
        if masks is not None:
            masks.check(run.records)
        self._prepared: Prepared | None = None
        self._context = EvaluationContext(
            options, run.folder, run.settings.method, run.settings.seed, masks=masks
        )
        self._stack = ExitStack()

    def load_network(self) -> Network:
        """Return the network, which is loaded once.

        Raises:
            UsageError: It is another one than that of the run.
            IgcliError: It cannot be loaded, or scores pixels.
        """
        if self._prepared is None:
            self._prepared = _prepared(self._run, trust_model=self._trust_model)
            network = self._prepared.model.network
            self._context = replace(
                self._context,
                spec=self._prepared.spec,
                input_shape=network.input_shape,
                outputs=network.outputs,
            )
        return self._prepared.model.network

    def __enter__(self) -> Self:
        """Take the output, and load the network if a metric that needs it is to compute.

        Raises:
            OutputError: A run or another evaluation is writing there.
            UsageError: The network is another one than that of the run.
            IgcliError: The network cannot be loaded, or scores pixels.
        """
        with ExitStack() as stack:
            self._writer = stack.enter_context(open_lines(self._run.folder, self._shard))
            earlier = read_lines(self._run.folder, self.options.is_current)
            self._context = replace(self._context, earlier=earlier)
            missing: set[str] = set()
            self.left = 0
            for record in self.records:
                of_image = missing_metrics(record, self._context)
                self.left += bool(of_image)
                missing |= of_image
            if any(metrics.load(name).NEEDS_NETWORK for name in missing):
                self.load_network()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def outcomes(self, watch: Callable[[str], object]) -> Generator[EvaluatedImage]:
        """Evaluate the images; yield each outcome once its lines are written.

        Args:
            watch: Called with the name of each metric as it begins.

        Raises:
            OutputError: The output can no longer be written.
        """
        context = replace(self._context, watch=watch)
        jobs = (evaluate_image(record, context) for record in self.records)
        run = run_without_network if self._prepared is None else self._prepared.engine.run
        outcomes: Generator[EvaluatedImage] = run(jobs)
        with closing(outcomes):
            for outcome in outcomes:
                for line in outcome.computed:
                    self._writer.append(line)
                yield outcome


def _prepared(run: FinishedRun, *, trust_model: bool) -> "Prepared":
    from igcli.pipeline.runs.prepared import prepare

    prepared = prepare(run.settings, panels=True, trust_model=trust_model)
    recorded = {record.get("model_sha256") for record in run.records}
    if recorded != {prepared.model.sha256}:
        raise UsageError(
            f"model: {run.settings.model.source} is not the network that the run in "
            f"{run.folder.path!r} was made with (SHA-256): attribute the images again"
        )
    if prepared.model.network.positions is not None:
        raise IgcliError(
            "model: it scores each pixel, and metrics that change the image are defined for one "
            "row of scores: choose --metrics that need no network, such as sparseness"
        )
    return prepared
