"""A run over single images with one network in this process."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace

from igcli import methods
from igcli.pipeline.calibration.batch_size import tuned_batch_size
from igcli.pipeline.calibration.panel_scale import SharedScales
from igcli.pipeline.calibration.precision import with_precision
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.image.job import attribute_image
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.resume.shard_consistency import agreed_batch_size
from igcli.pipeline.runs.base import Selection
from igcli.pipeline.runs.prepared import PreparedRun
from igcli.records import Source

STEPS_GUESSED = 50
"""Gradients of an image with `steps: auto`, to foresee how long a run takes."""


class LocalRun(PreparedRun):
    """Attributes single images in this process.

    The first images settle what the configuration leaves open: `precision: auto`,
    `batch_size: auto` and `panel.scale: shared`.
    """

    def _attributed(self, images: Selection) -> Generator[Outcome]:
        self._context = replace(self._context, index=self._recorder.index)
        sources: Iterable[Source] = images
        if self._context.settings.precision == "auto":
            sources = self._with_precision(sources)
        if self._context.settings.batch_size == "auto":
            model = self._context.model
            size = tuned_batch_size(
                model, gradients=sum(images.totals) * self._gradients_per_image()
            )
            size = agreed_batch_size(self._location, size, model.device)
            self._engine = Engine(model.network, batch_size=size)
        yield from self._with_scales(iter(sources), images)

    def _with_scales(self, sources: Iterator[Source], images: Selection) -> Generator[Outcome]:
        """Attribute images; panels that share a scale wait until the first images settle it."""
        context = self._context
        if context.panels and context.settings.panel.scale == "shared":
            shared = SharedScales(context, self._engine, self._location.folder)
            if images.shard is not None:
                shared.look_ahead(images.whole)
            with closing(shared.settle(sources)) as outcomes:
                yield from outcomes
            context = shared.context
        jobs = (attribute_image(source, context) for source in sources)
        with closing(self._engine.run(jobs)) as outcomes:
            yield from outcomes

    def _with_precision(self, sources: Iterable[Source]) -> Iterable[Source]:
        """Take the precision of an earlier run if there was one, so that results are equal."""
        precision = self._earlier.precision
        if precision is None:
            return with_precision(sources, self._context, self._engine)
        self._context.model.network.precision = precision
        return sources

    def _gradients_per_image(self) -> int:
        """Return about how many gradients an image takes; methods without a path take few."""
        steps = self._context.settings.steps
        names = self._context.spec.methods
        with_path = sum(methods.load(name).REFINABLE is not None for name in names)
        return with_path * (STEPS_GUESSED if steps == "auto" else steps)
