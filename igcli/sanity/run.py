"""The whole test: images attributed by the network as it is, then stage by stage by random ones."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from igcli.outputs.folder import OutputFolder
from igcli.outputs.output_paths import sanity_name
from igcli.records import Source
from igcli.sanity.pictures import Strip, strips_of
from igcli.sanity.randomization import Outcome, RandomizationTest, TestedImage
from igcli.sanity.similarity import Similarity, mean_similarity
from igcli.sanity.stages import Stage
from igcli.sanity.summary import Row, Summary, Thresholds, rows_of

FILE = "sanity.json"

Tick = Callable[[], object]
"""Called once for each attribution."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """What is known before weights are randomized.

    Attributes:
        images: The images and their attributions by the network as it is.
        controls: Mean similarity by control; none if no image was attributed.
    """

    images: Sequence[TestedImage]
    controls: dict[str, Similarity]

    @property
    def attributed(self) -> list[TestedImage]:
        """The images that were attributed."""
        return [image for image in self.images if not image.failure]

    @property
    def score(self) -> float | None:
        """Mean score of the targets; None if no image was attributed."""
        scores = [image.score for image in self.attributed]
        return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True, slots=True, eq=False)
class StageResult:
    """One stage.

    Attributes:
        outcomes: The images, without their attributions: all would take too much memory.
        rows: The methods.
    """

    outcomes: Sequence[Outcome]
    rows: Sequence[Row]


@dataclass(slots=True, eq=False)
class SanityRun:
    """Runs the test; `start` comes before `results`, and `summary` after both.

    Attributes:
        test: The network and the methods.
        stages: Which layers are randomized together.
        thresholds: Similarities above which attributions count as unchanged.
        has_pictures: Whether to draw the attributions of all stages.
    """

    test: RandomizationTest
    stages: Sequence[Stage]
    thresholds: Thresholds
    has_pictures: bool = False
    _start: Start = field(default_factory=lambda: Start((), {}))
    _results: list[StageResult] = field(default_factory=list)
    _strips: Mapping[str, Strip] = field(default_factory=dict)

    def start(self, sources: Sequence[Source], tick: Tick) -> Start:
        """Attribute the images by the network as it is."""
        order = {source.name: index for index, source in enumerate(sources)}
        images = []
        for image in self.test.attribute(sources):
            tick()
            images.append(image)
        images.sort(key=lambda image: order[image.source.name])
        self._start = Start(images, self._controls(images))
        if self.has_pictures:
            self._strips = strips_of(self._start.attributed, len(self.test.model.layers))
        return self._start

    def _controls(self, images: Sequence[TestedImage]) -> dict[str, Similarity]:
        controls = [self.test.controls(image) for image in images if not image.failure]
        return {
            name: mean_similarity([each[name] for each in controls])
            for name in (controls[0] if controls else ())
        }

    def results(self, tick: Tick) -> Iterator[StageResult]:
        """Yield each stage once it is done; none if no image was attributed."""
        images = self._start.attributed
        for stage in self.stages if images else ():
            outcomes = self._compared(stage, images, tick)
            result = StageResult(outcomes, rows_of(outcomes, self.test.methods, stage))
            self._results.append(result)
            yield result

    def _compared(self, stage: Stage, images: Sequence[TestedImage], tick: Tick) -> list[Outcome]:
        order = {id(image): index for index, image in enumerate(images)}
        outcomes = []
        for outcome in self.test.compare(stage, images):
            tick()
            if outcome.image.source.name in self._strips:
                self._strips[outcome.image.source.name].add(outcome)
            outcomes.append(replace(outcome, maps={}))
        return sorted(outcomes, key=lambda outcome: order[id(outcome.image)])

    def summary(self) -> Summary:
        """Return what the stages so far say."""
        return Summary(
            self.test.model.layers,
            self._start.images,
            [row for result in self._results for row in result.rows],
            self._start.controls,
            self.thresholds,
            sum(bool(one.failure) for result in self._results for one in result.outcomes),
        )

    def write(self, folder: OutputFolder) -> None:
        """Write the summary and the pictures.

        Raises:
            OutputError: The folder cannot be written.
        """
        text = json.dumps(self.summary().record(), allow_nan=False, indent=2)
        folder.write(FILE, text.encode("ascii") + b"\n")
        for name, strip in self._strips.items():
            folder.write(sanity_name(name), strip.encoded())
