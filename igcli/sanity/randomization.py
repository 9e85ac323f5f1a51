"""The model-randomization test: attributions of a network beside those of randomized ones.

Source: Adebayo et al. 2018, "Sanity Checks for Saliency Maps" (arXiv 1810.03292), section 3.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from igcli.compare.agreement import channel_mean
from igcli.config.schema import Settings
from igcli.errors import ImageError, ModelError
from igcli.evaluate.controls import attributions_of
from igcli.methods import layers_of
from igcli.models.load import Model
from igcli.models.randomization import RandomizableModel, load_randomizable
from igcli.pipeline.calibration.batch_size import default_batch_size
from igcli.pipeline.engine.engine import Engine, Job, in_background
from igcli.pipeline.explain.explain import explain
from igcli.pipeline.explain.spec import AttributionSpec, resolve_spec
from igcli.pipeline.explain.targets import TargetChoice, Targets
from igcli.pipeline.read import read_fitted
from igcli.records import Array, Explanation, Pixels, Source
from igcli.sanity.similarity import Similarity, similarity
from igcli.sanity.stages import Stage
from igcli.urls import is_url

NO_PIXELS = (
    "model: it scores every pixel (segmentation), and which pixels a class has changes with the "
    "weights: sanity takes networks that score whole images"
)

CONTROLS = ("random", "edges")
"""Attributions that no weight changes: of two random maps, and of the image's edges and itself."""

Maps = Mapping[str, Array]
"""Channel means of attributions, float32 (H, W), by method."""


@dataclass(frozen=True, slots=True, eq=False)
class TestedImage:
    """An image, and its attributions by the network as it is.

    Attributes:
        source: Where it comes from.
        pixels: uint8 (H, W, C), fitted to the network.
        target: Index of the explained output, at every stage.
        label: Its name.
        score: Its score.
        maps: The attributions by method.
        failure: Why it could not be read or attributed, if so.
    """

    source: Source
    pixels: Pixels = field(default_factory=lambda: np.empty((0, 0, 3), np.uint8), repr=False)
    target: int = 0
    label: str = ""
    score: float = 0.0
    maps: Maps = field(default_factory=dict, repr=False)
    failure: str = ""

    def record(self) -> dict[str, object]:
        """Return what all its records have in common, for JSON."""
        if self.failure:
            return {"image": self.source.name, "status": "failed", "error": self.failure}
        return {
            "image": self.source.name,
            "status": "ok",
            "target": self.target,
            "label": self.label,
            "score": self.score,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """An image at one stage.

    Attributes:
        image: The image.
        stage: The stage.
        similarities: Similarity to the attributions of the network as it is, by method.
        score: The target's score by the randomized network.
        maps: The attributions by the randomized network, by method.
        failure: Why it could not be attributed, if so.
    """

    image: TestedImage
    stage: Stage
    similarities: Mapping[str, Similarity] = field(default_factory=dict)
    score: float = 0.0
    maps: Maps = field(default_factory=dict, repr=False)
    failure: str = ""

    def records(self) -> Iterator[dict[str, object]]:
        """Yield the comparison by each method, for JSON."""
        common = {**self.image.record(), **self.stage.record()}
        if self.failure:
            yield {**common, "status": "failed", "error": self.failure}
        for method, values in self.similarities.items():
            yield {
                **common,
                "method": method,
                "randomized_score": self.score,
                **values.record(),
            }


class RandomizationTest:
    """Attributes images by a network and by randomized ones, always to the same targets.

    Attributes:
        model: The network.
        methods: Names of the methods.
    """

    def __init__(self, settings: Settings, methods: Sequence[str], *, trust: bool = False) -> None:
        """Load the network.

        Args:
            settings: The resolved configuration; of several top targets the first is explained.
            methods: Names of the methods.
            trust: Whether a Keras file may run its author's code.

        Raises:
            UsageError: The device does not exist, or a file named by a setting cannot be used.
            ModelError: The network cannot be read, its weights cannot be randomized, or it scores
                every pixel.
            IgcliError: The network does not have the target.
        """
        self.methods = tuple(methods)
        self._settings = with_methods(settings, methods)
        self.model: RandomizableModel = load_randomizable(
            settings.model, device=settings.device, explain=settings.explain, trust=trust
        )
        if self.model.intact.network.positions is not None:
            raise ModelError(NO_PIXELS)
        self._spec = self._spec_for(self.model.intact)
        size = settings.batch_size
        device = self.model.intact.device
        self._batch_size = default_batch_size(device) if size == "auto" else size

    def attribute(self, sources: Iterable[Source]) -> Iterator[TestedImage]:
        """Yield each image with its attributions by the network as it is, as they are finished."""
        jobs = (self._attributed(source) for source in sources)
        yield from self._engine(self.model.intact).run(jobs)

    def compare(self, stage: Stage, images: Iterable[TestedImage]) -> Iterator[Outcome]:
        """Yield each image at a stage, as they are finished."""
        model = self.model.randomized(stage.layers, seed=self._settings.seed)
        spec = self._spec_for(model)
        yield from self._engine(model).run(_compared(image, stage, spec) for image in images)

    def controls(self, image: TestedImage) -> dict[str, Similarity]:
        """Return the similarity of attributions that no weight changes, by control.

        For "random" that of two independent random maps, for "edges" that of the image's edges
        before and after the network's weights are randomized.
        """
        pixels, seed = image.pixels.astype(np.float32), self._settings.seed
        seeds = {name: (seed, seed + 1) if name == "random" else (seed, seed) for name in CONTROLS}
        return {
            name: similarity(
                *(channel_mean(attributions_of(name, pixels, each)) for each in seeds[name])
            )
            for name in CONTROLS
        }

    def _engine(self, model: Model) -> Engine:
        return Engine(model.network, batch_size=self._batch_size)

    def _spec_for(self, model: Model) -> AttributionSpec:
        if not any(layers_of(self.methods, self._settings)):
            model.network.forget_layers()
        return resolve_spec(self._settings, model, panels=True)

    def _attributed(self, source: Source) -> Job[TestedImage]:
        intact = self.model.intact
        try:
            read: Callable[..., Pixels] = read_fitted
            waits = is_url(source.path)
            pixels = yield from in_background(read, source, intact, self._settings, waits=waits)
            explanations = yield from explain(pixels.astype(np.float32), self._spec, source)
        except ImageError as error:
            return TestedImage(source, failure=str(error))
        main = explanations[0]
        return TestedImage(
            source,
            pixels,
            main.target,
            intact.label(main.target),
            main.score,
            _maps([part for part in explanations if part.target == main.target]),
        )


def _compared(image: TestedImage, stage: Stage, spec: AttributionSpec) -> Job[Outcome]:
    """Attribute an image by the network of a stage and compare the attributions."""
    targets = Targets(TargetChoice(index=image.target))
    pixels = image.pixels.astype(np.float32)
    try:
        explanations = yield from explain(pixels, replace(spec, targets=targets))
    except ImageError as error:
        return Outcome(image, stage, failure=str(error))
    maps = _maps(explanations)
    similarities = yield from in_background(_similarities, image.maps, maps)
    return Outcome(image, stage, similarities, explanations[0].score, maps)


def _similarities(before: Maps, after: Maps) -> dict[str, Similarity]:
    return {method: similarity(before[method], after[method]) for method in before}


def _maps(explanations: Iterable[Explanation]) -> dict[str, Array]:
    return {
        part.method: channel_mean(part.attributions).astype(np.float32) for part in explanations
    }


def with_methods(settings: Settings, methods: Sequence[str]) -> Settings:
    """Return settings that attribute by some methods and draw nothing else, to one target."""
    columns = settings.panel.model_copy(update={"columns": tuple(methods)})
    target = settings.target
    is_top = isinstance(target, str) and target.startswith("top:")
    return settings.model_copy(
        update={
            "method": methods[0],
            "panel": columns,
            "gif": None,
            "target": "top" if is_top else target,
        }
    )
