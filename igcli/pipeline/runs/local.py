"""A whole run: one network, many images, one output folder."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from igcli.config.schema import Settings
from igcli.outputs.journal import Journal
from igcli.outputs.shards import RunLocation
from igcli.pipeline.calibration.batch_size import tuned
from igcli.pipeline.calibration.panel_scale import SharedScales
from igcli.pipeline.calibration.precision import with_precision
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.image.job import attribute_image
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.resume.earlier import Earlier
from igcli.pipeline.resume.shard_consistency import agreed_batch_size
from igcli.pipeline.runs.prepared import Prepared, context_for
from igcli.pipeline.runs.recorder import RunRecorder
from igcli.pipeline.runs.selection import Selection
from igcli.records import Source


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
            return with_precision(sources, self._context, self._engine)
        self.model.network.precision = chosen
        return sources

    def _evaluations(self) -> int:
        """Return about how many gradients an image takes."""
        steps = self._context.settings.steps
        return len(self._context.spec.methods) * (50 if steps == "auto" else steps)

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
