"""What is asked about every image of a run, settled before the first one."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igcli.config.schema import Settings
from igcli.errors import ImageError, UsageError
from igcli.images.decode import decode
from igcli.images.files import read_file
from igcli.images.sources import Walk
from igcli.integration import baselines
from igcli.integration.baseline_sampler import Baselines, BaselineSampler
from igcli.integration.network import Network
from igcli.methods import ExpectedGradientsOptions, MethodOptions, References, own_options
from igcli.models.load import Model
from igcli.pipeline.engine.engine import PREDICTION_SIZE
from igcli.pipeline.explain.network_output import Ending, ending_of
from igcli.pipeline.explain.targets import Targets, targets
from igcli.pipeline.image.fitting import fitted
from igcli.pipeline.preflight import columns_of, methods_of
from igcli.records import Array, Pixels

MOST_REFERENCES = 200
"""Images of a folder that baselines are drawn from; they are all kept in memory."""

MOST_SCORES = 1 << 30
"""Bytes of their scores, which a network that gives every pixel a class has many of."""

TOP = Targets()
NO_ENDING = Ending()


@dataclass(frozen=True, slots=True, eq=False)
class AttributionSpec:
    """What is asked about every input.

    Attributes:
        methods: Names, the main one first.
        options: Of the path and the methods.
        starts: The baselines.
        targets: The scores to explain.
        fixed_scores: Float32 (K,) or (P, K), of the baseline that all inputs share, if they do.
        references: Inputs for methods that draw their baselines.
        spread: What added noise is scaled by, in the input's shape; None for the input's range.
        noisy: Bool, in the input's shape, where noise may be added; None for everywhere.
        ending: What the network ends in.
        interior: Whether interior gradients of the first method are wanted.
        gathered: Whether the attribution gathered along the paths is wanted.
    """

    methods: tuple[str, ...]
    options: MethodOptions
    starts: Baselines
    targets: Targets = TOP
    fixed_scores: Array | None = None
    references: References | None = None
    spread: Array | None = None
    noisy: npt.NDArray[np.bool_] | None = None
    ending: Ending = NO_ENDING
    interior: bool = False
    gathered: bool = False


def plan(settings: Settings, model: Model, *, panels: bool) -> AttributionSpec:
    """Return what a run asks about its images; a baseline that they share is predicted here.

    Raises:
        UsageError: A file that baselines or targets come from cannot be used.
        IgcliError: The network has no such target.
    """
    kind = settings.baseline.kind
    given = None if baselines.is_name(kind) else _fitted(kind, settings, model)
    start = BaselineSampler.from_options(
        settings.baseline,
        seed=settings.seed,
        given=None if given is None else given.astype(np.float32),
    )
    names = methods_of(settings, panels=panels)
    return AttributionSpec(
        methods=names,
        options=settings,
        starts=start,
        targets=targets(settings.target, settings.targets, model),
        fixed_scores=fixed_scores(start, model.network),
        references=_references(settings, model) if "expected_gradients" in names else None,
        ending=ending_of(model.network),
        interior=settings.gif is not None,
        gathered="path" in columns_of(settings, panels=panels),
    )


def fixed_scores(start: BaselineSampler, network: Network) -> Array | None:
    """Return the scores, float32 (K,), of a baseline that all inputs share; None if they do not."""
    if not start.is_fixed:
        return None
    return own_scores(start.of(np.zeros(network.input_shape, np.float32)), network)


def own_scores(baseline: Array, network: Network) -> Array:
    """Return the scores, float32 (K,), of an input by itself."""
    scores: Array = network.predict(baseline[None])[0]
    return scores


def predictions(inputs: Sequence[Array | Pixels], network: Network) -> Array:
    """Return the scores, float32 (N, ...), of N inputs, in the shape of batch that a run uses."""
    found = []
    for first in range(0, len(inputs), PREDICTION_SIZE):
        part = list(inputs[first : first + PREDICTION_SIZE])
        batch = np.stack(part + part[-1:] * (PREDICTION_SIZE - len(part))).astype(np.float32)
        found.append(network.predict(batch)[: len(part)])
    return np.concatenate(found)


def _fitted(path: str, settings: Settings, model: Model) -> Pixels:
    try:
        pixels = decode(read_file(path, most=settings.max_bytes), settings)
    except ImageError as error:
        raise UsageError(f"baseline: {path}: {error}") from None
    return fitted(pixels, model, settings.model)


def _references(settings: Settings, model: Model) -> References:
    """Read images of the folder that baselines are drawn from, the same ones for a seed."""
    folder = own_options(settings, ExpectedGradientsOptions).folder or "."
    found = [source.path for source in Walk([folder])]
    chosen = random.Random(settings.seed).sample(found, min(len(found), MOST_REFERENCES))  # noqa: S311
    inputs = []
    for path in chosen:
        try:
            inputs.append(_fitted(path, settings, model))
        except UsageError:
            continue
    if not inputs:
        raise UsageError(f"expected_gradients.folder: no images that can be read in {folder}")
    kept = 4 * len(inputs) * (model.network.positions or 1) * model.network.outputs
    if kept > MOST_SCORES:
        raise UsageError(
            f"expected_gradients.folder: the scores of {len(inputs)} images' pixels would take "
            f"{kept >> 20:,} MiB: name a folder with fewer images"
        )
    return References(inputs, predictions(inputs, model.network))
