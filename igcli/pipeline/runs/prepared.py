"""What a run in this process loads and resolves before its first image."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from igcli.config.schema import Settings
from igcli.errors import ImageError
from igcli.methods import layers_of
from igcli.models.load import Model, load
from igcli.outputs.journal import Journal
from igcli.outputs.shards import RunLocation
from igcli.pipeline.calibration.batch_size import Work, default_batch_size
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.explain import explain
from igcli.pipeline.explain.spec import AttributionSpec, resolve_spec
from igcli.pipeline.fonts import face_for
from igcli.pipeline.image.context import Context, RecordWriter
from igcli.pipeline.read import read_fitted
from igcli.pipeline.resume.earlier import EarlierResults
from igcli.pipeline.resume.fingerprint import config_sha256
from igcli.pipeline.runs.base import AttributionRun
from igcli.pipeline.runs.summary import EngineFacts
from igcli.records import Source
from igcli.render.options import GifOptions


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Everything a run needs before its first image.

    Attributes:
        model: The network.
        engine: Runs the network.
        spec: The attribution settings, resolved for the network.
        panels: Whether the run draws panels.
    """

    model: Model
    engine: Engine
    spec: AttributionSpec
    panels: bool

    def work_per_image(self, sources: Iterable[Source], settings: Settings) -> Work:
        """Return what the first readable image takes, which is nothing if none is readable."""
        for source in sources:
            try:
                pixels = read_fitted(source, self.model, settings).astype(np.float32)
                [explanations] = self.engine.run([explain(pixels, self.spec, source)])
            except ImageError:
                continue
            return Work(
                gradients=sum(explanation.evaluations for explanation in explanations),
                predictions=sum(explanation.predictions for explanation in explanations),
            )
        return Work()

    def facts(self, batch_size: int) -> EngineFacts:
        """Return what the summary says about the network, given the batch size that is used."""
        return {
            "device": self.model.device,
            "precision": self.model.precision,
            "batch_size": batch_size,
            "model_sha256": self.model.sha256,
        }


def prepare(settings: Settings, *, panels: bool, trust_model: bool = False) -> Prepared:
    """Load the network and resolve the attribution settings; the first batch compiles.

    Args:
        settings: The resolved configuration.
        panels: Whether the run draws panels.
        trust_model: Whether to run custom code contained in a Keras file.

    Raises:
        UsageError: The device does not exist, or a file named by a setting cannot be used.
        ModelError: The network cannot be read.
        IgcliError: The network does not have the target.
    """
    model = load(
        settings.model,
        device=settings.device,
        explain=settings.explain,
        precision=settings.precision,
        trust=trust_model,
    )
    size = settings.batch_size
    batch_size = default_batch_size(model.device) if size == "auto" else size
    spec = resolve_spec(settings, model, panels=panels)
    if not any(layers_of(spec.methods, settings)):
        model.network.forget_layers()
    return Prepared(model, Engine(model.network, batch_size=batch_size), spec, panels)


def context_for(
    settings: Settings,
    location: RunLocation,
    *,
    prepared: Prepared,
    earlier: EarlierResults,
    journal: RecordWriter,
) -> Context:
    """Return what the images of a run share, without an index of earlier records.

    Args:
        settings: The resolved configuration.
        location: Where results go.
        prepared: The network and the attribution settings.
        earlier: What earlier runs left.
        journal: Where records go.
    """
    return Context(
        # A run that draws no panels keeps the names of existing ones.
        settings.model_copy(update={"panel": earlier.config.panel}),
        config_sha256(settings),
        prepared.model,
        prepared.spec,
        location.folder,
        journal,
        prepared.panels,
        retry_failed=earlier.retry_failed,
        gif_format=(earlier.config.gif or GifOptions()).format,
        face=face_for(settings.panel.font, prepared.model.labels or ()),
    )


class PreparedRun(AttributionRun):
    """A run whose images are attributed in this process."""

    def __init__(
        self,
        settings: Settings,
        location: RunLocation,
        *,
        prepared: Prepared,
        earlier: EarlierResults,
    ) -> None:
        """Open the records, and write the configuration of the results.

        Args:
            settings: The resolved configuration.
            location: Where results go.
            prepared: The network and the attribution settings.
            earlier: What earlier runs left.

        Raises:
            OutputError: The output cannot be written.
        """
        super().__init__(settings, location, earlier)
        self._location, self._earlier = location, earlier
        self._prepared, self._engine = prepared, prepared.engine
        self._journal = Journal(location.records)
        self._context = context_for(
            settings, location, prepared=prepared, earlier=earlier, journal=self._journal
        )

    def _facts(self) -> EngineFacts:
        return self._prepared.facts(self._engine.batch_size)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write the summary, then close the records."""
        with self._journal:
            super().__exit__(kind, error, trace)
