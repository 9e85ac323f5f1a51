"""`panel.scale: shared`: one scale for all panels of a run, so that they can be compared.

It is the median of the scales that the first images would have had on their own, by method. Only
these images stay in memory until the first panel is drawn, however long the run. Records carry the
scale, and a run that continues another takes it from there.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice

from igcli.methods import COARSE
from igcli.outputs.folder import OutputFolder
from igcli.pipeline.calibration.recorded import recorded_scales
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.image.context import Context, ImageInProgress
from igcli.pipeline.image.job import begin_image, finish_image
from igcli.pipeline.image.outcome import Outcome
from igcli.records import Record, Source
from igcli.render.options import StyleOptions
from igcli.render.visualize import own_scales, shared_scale

BLOCK = 32
"""Images whose own scales decide: 45 MB of attributions by one method at 224x224."""


class _NoRecorder:
    """Drops the records of images that belong to another shard."""

    def append(self, record: Record) -> None:
        """Drop a record."""


class SharedScales:
    """Finds the scales of a run's panels.

    Attributes:
        context: What the images share, with the scales found so far.
    """

    def __init__(self, context: Context, engine: Engine, folder: OutputFolder) -> None:
        """Start with the scales of earlier runs.

        Args:
            context: What the images share.
            engine: Runs the network.
            folder: The output, where records are.

        Raises:
            OutputError: The records cannot be read.
        """
        methods = context.spec.methods
        self.context = replace(context, scales=recorded_scales(folder, methods))
        self._engine = engine

    def settle(self, sources: Iterator[Source]) -> Generator[Outcome]:
        """Attribute images until every method has a scale; yield their outcomes.

        Images are taken in blocks of 32, in order; usually the first block is enough. A method
        whose attributions are all zero there waits for the next block.

        Raises:
            OutputError: The output can no longer be written.
        """
        while self._missing() and (block := list(islice(sources, BLOCK))):
            results = self._begun(block, self.context)
            images = [result for result in results if isinstance(result, ImageInProgress)]
            self._learn(images)
            yield from (result for result in results if isinstance(result, Outcome))
            jobs = (finish_image(image, self.context) for image in images)
            with closing(self._engine.run(jobs)) as outcomes:
                yield from outcomes

    def look_ahead(self, sources: Iterable[Source]) -> None:
        """Find the scales by the first images of a whole run, for one shard of it.

        All shards then find the same scales, those of the whole run. Nothing is written.

        Args:
            sources: The images of all shards, in order.

        Raises:
            OutputError: The output can no longer be read.
        """
        settings = self.context.settings.model_copy(update={"gif": None, "arrays": False})
        context = replace(self.context, settings=settings, journal=_NoRecorder(), index=None)
        remaining = iter(sources)
        while self._missing() and (block := list(islice(remaining, BLOCK))):
            results = self._begun(block, context)
            self._learn(result for result in results if isinstance(result, ImageInProgress))

    def _begun(self, block: Iterable[Source], context: Context) -> list[ImageInProgress | Outcome]:
        jobs = (begin_image(source, context) for source in block)
        with closing(self._engine.run(jobs)) as results:
            return list(results)

    def _missing(self) -> set[str]:
        """Return the methods without a scale."""
        return {*self.context.spec.methods} - {*self.context.scales}

    def _learn(self, images: Iterable[ImageInProgress]) -> None:
        """Take the scales of missing methods from these images."""
        options: StyleOptions = self.context.settings.panel
        own: dict[str, list[tuple[float, ...]]] = {method: [] for method in self._missing()}
        for explanation in (part for image in images for part in image.explanations):
            if explanation.method in own:
                style = options.for_map(coarse=explanation.method in COARSE)
                own[explanation.method].append(own_scales(explanation.displayed, style))
        medians = {method: shared_scale(scales) for method, scales in own.items()}
        known = {method: scale for method, scale in medians.items() if scale is not None}
        self.context = replace(self.context, scales={**self.context.scales, **known})
