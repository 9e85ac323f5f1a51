"""A whole run: one network, many images, one output folder."""

import platform
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

from igcli.config.schema import Settings
from igcli.config.write import to_yaml
from igcli.errors import OutputError
from igcli.models.load import Model, load
from igcli.outputs import reports
from igcli.outputs.index import Index
from igcli.outputs.journal import Journal, join
from igcli.outputs.shards import Place
from igcli.pipeline.context import Context
from igcli.pipeline.engine import Engine
from igcli.pipeline.identity import config_sha256
from igcli.pipeline.one_image import attribute_image
from igcli.pipeline.outcome import Outcome
from igcli.pipeline.plan import Plan, plan
from igcli.pipeline.precision import settled
from igcli.pipeline.resume import Earlier
from igcli.pipeline.scales import SharedScales
from igcli.pipeline.selection import Selection
from igcli.pipeline.size import batch_size_for
from igcli.pipeline.summary import Summary
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
    plan: Plan
    panels: bool


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


class Run:
    """Attributes images into an output folder, keeps count, and sums up when it is left.

    Attributes:
        model: The network.
        summary: Counts so far.
        record: The summary as it was written, once the run is left.
    """

    def __init__(
        self, settings: Settings, place: Place, *, prepared: Prepared, earlier: Earlier
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
        self.summary = Summary(settings.max_error)
        self.record: dict[str, Any] = {}
        self._records = place.records
        join(self._records)
        self._index = Index(self._records)
        self._started = time.perf_counter()
        self._context = Context(
            # Where no panels are drawn, those that are there keep their names.
            settings.model_copy(update={"panel": earlier.described.panel}),
            config_sha256(settings),
            self.model,
            prepared.plan,
            place.folder,
            Journal(self._records),
            prepared.panels,
            self._index,
            earlier.retry_failed,
            (earlier.described.gif or GifOptions()).format,
        )
        self._earlier = earlier
        self._total = 0
        reports.write_config(place.folder, to_yaml(earlier.described))

    def outcomes(self, images: Selection) -> Generator[Outcome]:
        """Attribute images; each outcome comes once its files and its record are written.

        Raises:
            OutputError: Nothing can be written any more.
        """
        self._total = images.total
        # Written now, too: whoever looks after a kill learns how many there should be.
        reports.write_summary(self._records, self._sum_up(finished=False))
        sources: Iterable[Source] = images
        if self._context.settings.precision == "auto":
            sources = self._with_precision(sources)
        with closing(self._attributed(iter(sources))) as outcomes:
            for outcome in outcomes:
                self.summary.add(outcome)
                yield outcome

    def _attributed(self, sources: Iterator[Source]) -> Generator[Outcome]:
        context = self._context
        if context.panels and context.settings.panel.scale == "shared":
            shared = SharedScales(context, self._engine)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Write the summary, whatever ended the run; what ended it is not covered up."""
        with self._index, self._context.journal:
            self.record = self._sum_up(finished=error is None)
            with suppress(OutputError) if isinstance(error, OutputError) else nullcontext():
                reports.write_summary(self._records, self.record)

    def _sum_up(self, *, finished: bool) -> dict[str, Any]:
        return self.summary.record(
            {
                "finished": finished,
                "total": self._total,
                "seconds": round(time.perf_counter() - self._started, 3),
                "device": self.model.device,
                "precision": self.model.precision,
                "batch_size": self._engine.batch_size,
                "model_sha256": self.model.sha256,
                "config_sha256": self._context.config_sha256,
                "versions": _versions(),
            }
        )


def _versions() -> dict[str, str]:
    packages = ("igcli", "tensorflow", "keras", "numpy", "pillow")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
