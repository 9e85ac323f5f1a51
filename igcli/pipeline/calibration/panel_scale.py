"""The scale that all panels of a run share, so that they can be compared.

It is the median of what the first images would have had on their own, method by method: nothing
but these has to be kept in memory until the first panel is drawn, however long the run. Records
carry it, and a run that goes on where another ended takes it from there.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import islice

from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import Journal
from igcli.pipeline.calibration.recorded import recorded_scales
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.image.context import Context
from igcli.pipeline.image.job import begin_image, finish_image
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.image.write_outputs import Attributed
from igcli.records import Source
from igcli.render.options import StyleOptions
from igcli.render.visualize import own_scales, shared_scale

FIRST = 32
"""Images whose own scales decide: 45 MB of attributions by one method at 224x224."""

Scales = Mapping[str, float]


class _Unrecorded(Journal):
    """Forgets the records of images that are another shard's."""

    def __init__(self) -> None:
        """Open nothing."""

    def append(self, record: Mapping[str, object]) -> None:
        """Forget a record."""


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
            OutputError: They cannot be read.
        """
        methods = context.spec.methods
        self.context = replace(context, scales=recorded_scales(folder, methods))
        self._engine = engine

    def settle(self, sources: Iterator[Source]) -> Generator[Outcome]:
        """Take images until every method has a scale; yield their outcomes.

        Images are taken in blocks of 32, in their order; usually the first one is enough. A method
        that it leaves without a scale, all its attributions being zero, waits for the next.

        Raises:
            OutputError: Nothing can be written any more.
        """
        while self._missing() and (block := list(islice(sources, FIRST))):
            found = self._begun(block, self.context)
            attributed = [each for each in found if isinstance(each, Attributed)]
            self._learn(attributed)
            yield from (each for each in found if isinstance(each, Outcome))
            finishing = (finish_image(each, self.context) for each in attributed)
            with closing(self._engine.run(finishing)) as outcomes:
                yield from outcomes

    def look_ahead(self, images: Iterable[Source]) -> None:
        """Find the scales by the first of all images of a run, for a shard of it.

        All shards then find the same ones, those of the whole run; nothing is written.

        Args:
            images: Of all shards, in their order.

        Raises:
            OutputError: Nothing can be read any more.
        """
        settings = self.context.settings.model_copy(update={"gif": None, "arrays": False})
        aside = replace(self.context, settings=settings, journal=_Unrecorded(), index=None)
        remaining = iter(images)
        while self._missing() and (block := list(islice(remaining, FIRST))):
            found = self._begun(block, aside)
            self._learn(each for each in found if isinstance(each, Attributed))

    def _begun(self, block: Iterable[Source], context: Context) -> list[Attributed | Outcome]:
        jobs = (begin_image(source, context) for source in block)
        with closing(self._engine.run(jobs)) as results:
            return list(results)

    def _missing(self) -> set[str]:
        return {*self.context.spec.methods} - {*self.context.scales}

    def _learn(self, images: Iterable[Attributed]) -> None:
        options: StyleOptions = self.context.settings.panel
        own: dict[str, list[tuple[float, ...]]] = {method: [] for method in self._missing()}
        for each in (each for image in images for each in image.found if each.method in own):
            own[each.method].append(own_scales(each.displayed, options))
        medians = {method: shared_scale(scales) for method, scales in own.items()}
        known = {method: scale for method, scale in medians.items() if scale is not None}
        self.context = replace(self.context, scales={**self.context.scales, **known})
