"""A whole run: one network, many images, one output folder."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from igcli.config.schema import Settings
from igcli.models.load import Model, load
from igcli.outputs.journal import Journal
from igcli.outputs.shards import RunLocation
from igcli.pipeline.calibration.batch_size import batch_size_for, tuned
from igcli.pipeline.calibration.panel_scale import SharedScales
from igcli.pipeline.calibration.precision import settled
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.spec import AttributionSpec, plan
from igcli.pipeline.image.context import Context
from igcli.pipeline.image.fonts import face_for
from igcli.pipeline.image.job import attribute_image
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.resume.earlier import Earlier
from igcli.pipeline.resume.fingerprint import config_sha256
from igcli.pipeline.resume.shard_consistency import agreed_batch_size
from igcli.pipeline.runs.recorder import RunRecorder
from igcli.pipeline.runs.selection import Selection
from igcli.records import Source
from igcli.render.options import GifOptions


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """All that a run needs to begin.

    Attributes:
        model: The network.
        engine: Runs it.
        plan: What is asked about each image.
        panels: Whether panels are wanted.
    """

    model: Model
    engine: Engine
    plan: AttributionSpec
    panels: bool

    def facts(self, batch_size: int) -> dict[str, Any]:
        """Return what a summary says of the network and of the batches it was given."""
        return {
            "device": self.model.device,
            "precision": self.model.precision,
            "batch_size": batch_size,
            "model_sha256": self.model.sha256,
        }


def prepare(settings: Settings, *, panels: bool, trust_model: bool = False) -> Prepared:
    """Load the network and settle what is asked; compiling is left to the first batch.

    Args:
        settings: The resolved configuration.
        panels: Whether panels are wanted.
        trust_model: Whether a Keras file may bring code of its author's.

    Raises:
        UsageError: The device is not there, or a file that a setting names cannot be used.
        ModelError: The network cannot be read.
        IgcliError: It has no such target.
    """
    model = load(
        settings.model,
        device=settings.device,
        explain=settings.explain,
        precision=settings.precision,
        trust=trust_model,
    )
    wanted = settings.batch_size
    size = batch_size_for(model.device) if wanted == "auto" else wanted
    asked = plan(settings, model, panels=panels)
    return Prepared(model, Engine(model.network, batch_size=size), asked, panels)


def context_for(
    settings: Settings,
    place: RunLocation,
    *,
    prepared: Prepared,
    earlier: Earlier,
    journal: Journal,
) -> Context:
    """Return what the images of a run share; the records of earlier runs are left out.

    Args:
        settings: The resolved configuration.
        place: Where results go.
        prepared: The network and what is asked about each image.
        earlier: What is there already.
        journal: Where records go.
    """
    return Context(
        # Where no panels are drawn, those that are there keep their names.
        settings.model_copy(update={"panel": earlier.described.panel}),
        config_sha256(settings),
        prepared.model,
        prepared.plan,
        place.folder,
        journal,
        prepared.panels,
        retry_failed=earlier.retry_failed,
        gif_format=(earlier.described.gif or GifOptions()).format,
        face=face_for(settings.panel.font, prepared.model.labels or ()),
    )


class LocalRun:
    """Attributes images into an output folder, keeps count, and sums up when it is left.

    Attributes:
        model: The network.
        summary: Counts so far.
    """

    def __init__(
        self, settings: Settings, place: RunLocation, *, prepared: Prepared, earlier: Earlier
    ) -> None:
        """Open the records, and describe the results that will be there.

        Args:
            settings: The resolved configuration.
            place: Where results go.
            prepared: The network and what is asked about each image.
            earlier: What is there already.

        Raises:
            OutputError: Nothing can be written.
        """
        self.model, self._engine = prepared.model, prepared.engine
        self._prepared = prepared
        self._books = RunRecorder(settings, place, earlier)
        self.summary = self._books.summary
        journal = Journal(place.records)
        common = context_for(settings, place, prepared=prepared, earlier=earlier, journal=journal)
        self._context = replace(common, index=self._books.index)
        self._folder, self._journal = place.folder, journal
        self._earlier, self._place = earlier, place

    @property
    def record(self) -> dict[str, Any]:
        """The summary as it was last written."""
        return self._books.record

    def outcomes(self, images: Selection) -> Generator[Outcome]:
        """Attribute images; each outcome comes once its files and its record are written.

        Raises:
            OutputError: Nothing can be written any more.
        """
        self._books.begin(images, self._facts())
        sources: Iterable[Source] = images
        if self._context.settings.precision == "auto":
            sources = self._with_precision(sources)
        if self._context.settings.batch_size == "auto":
            size = tuned(self.model, gradients=sum(images.totals) * self._evaluations())
            size = agreed_batch_size(self._place, size, self.model.device)
            self._engine = Engine(self.model.network, batch_size=size)
        with closing(self._attributed(iter(sources), images)) as outcomes:
            for outcome in outcomes:
                self.summary.add(outcome)
                yield outcome

    def _attributed(self, sources: Iterator[Source], images: Selection) -> Generator[Outcome]:
        context = self._context
        if context.panels and context.settings.panel.scale == "shared":
            shared = SharedScales(context, self._engine, self._folder)
            if images.shard is not None:
                shared.look_ahead(images.whole)
            with closing(shared.settle(sources)) as outcomes:
                yield from outcomes
            context = shared.context
        jobs = (attribute_image(source, context) for source in sources)
        with closing(self._engine.run(jobs)) as outcomes:
            yield from outcomes

    def _with_precision(self, sources: Iterable[Source]) -> Iterable[Source]:
        """Take the precision of an earlier run where there was one: results are to be equal."""
        chosen = (self._earlier.record or {}).get("precision")
        if chosen not in ("float32", "bfloat16"):
            return settled(sources, self._context, self._engine)
        self.model.network.precision = chosen
        return sources

    def _evaluations(self) -> int:
        """Return about how many gradients an image takes."""
        steps = self._context.settings.steps
        return len(self._context.plan.methods) * (50 if steps == "auto" else steps)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Write the summary, whatever ended the run."""
        with self._journal:
            self._books.close(self._facts(), error)

    def _facts(self) -> dict[str, Any]:
        return self._prepared.facts(self._engine.batch_size)
