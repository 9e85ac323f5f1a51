"""The attribution settings of a run, resolved before the first image."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from igcli.config.schema import Settings
from igcli.errors import ImageError, ModelError, UsageError
from igcli.images.sources import Walk
from igcli.integration import baselines
from igcli.integration.baseline_sampler import Baselines, BaselineSampler
from igcli.integration.network import Network
from igcli.methods import (
    ExpectedGradientsOptions,
    MethodOptions,
    References,
    layers_of,
    own_options,
)
from igcli.pipeline.engine.predictions import PREDICTION_SIZE, padded
from igcli.pipeline.explain.network_output import NetworkOutput, network_output_of
from igcli.pipeline.explain.targets import Targets, resolve_targets
from igcli.pipeline.preflight import columns_of, methods_of
from igcli.pipeline.read import read_fitted
from igcli.records import Array, Pixels, Source

if TYPE_CHECKING:
    from igcli.models.load import Model
    from igcli.models.network.several_devices import AnyNetwork

MAX_REFERENCES = 200
"""Images that expected gradients draws baselines from; all of them are kept in memory."""

MAX_SCORE_BYTES = 1 << 30
"""Maximum size of their scores; a segmentation network has many for each image."""

TOP = Targets()
OTHER_OUTPUT = NetworkOutput()


@dataclass(frozen=True, slots=True, eq=False)
class AttributionSpec:
    """What to compute for every input.

    Attributes:
        methods: Names of the methods, the main one first.
        options: Options of the path and of the methods.
        baselines: The baselines of each input.
        targets: The scores to explain.
        baseline_scores: Float32 (K,) or (P, K), scores of the baseline if all inputs share one.
        references: Inputs for methods that draw their baselines from inputs.
        noise_scale: Scale of added noise, in the input's shape; None for the input's range.
        noise_mask: Bool, in the input's shape, where noise may be added; None for everywhere.
        network_output: The last activation of the network.
        interior: Whether to keep interior gradients of the main method.
        gathered: Whether to keep the attribution accumulated along the paths.
    """

    methods: tuple[str, ...]
    options: MethodOptions
    baselines: Baselines
    targets: Targets = TOP
    baseline_scores: Array | None = None
    references: References | None = None
    noise_scale: Array | None = None
    noise_mask: npt.NDArray[np.bool_] | None = None
    network_output: NetworkOutput = OTHER_OUTPUT
    interior: bool = False
    gathered: bool = False


def resolve_spec(settings: Settings, model: "Model", *, panels: bool) -> AttributionSpec:
    """Return the attribution settings of a run; predicts the scores of a shared baseline.

    Raises:
        UsageError: A file that baselines or targets come from cannot be used.
        ModelError: The network has no layer that a method needs.
        IgcliError: The network has no such target.
    """
    kind = settings.baseline.kind
    file = None if baselines.is_name(kind) else _fitted(kind, settings, model)
    sampler = BaselineSampler.from_options(
        settings.baseline,
        seed=settings.seed,
        given=None if file is None else file.astype(np.float32),
    )
    names = methods_of(settings, panels=panels)
    check_layers(names, settings, model.network)
    return AttributionSpec(
        methods=names,
        options=settings,
        baselines=sampler,
        targets=resolve_targets(settings.target, settings.targets, model),
        baseline_scores=shared_baseline_scores(sampler, model.network),
        references=_references(settings, model) if "expected_gradients" in names else None,
        network_output=network_output_of(model.network),
        interior=settings.gif is not None,
        gathered="path" in columns_of(settings, panels=panels),
    )


def check_layers(names: Sequence[str], options: MethodOptions, network: "AnyNetwork") -> None:
    """Refuse methods that explain the values at a layer if the network has no such layer.

    Raises:
        ModelError: The message says which method.
    """
    for name, layer in layers_of(names, options):
        shape = network.input_shape
        if len(shape) != 3:
            raise ModelError(
                f"{name}: expected one image (H, W, C) as the input, got arrays of shape {shape}"
            )
        try:
            network.check_layer(layer)
        except ModelError as error:
            key = name if layer is None else f"{name}.layer"
            raise ModelError(f"{key}: {error}") from error


def shared_baseline_scores(sampler: BaselineSampler, network: Network) -> Array | None:
    """Return the scores, float32 (K,), of the baseline if all inputs share one, else None."""
    if not sampler.is_fixed:
        return None
    return predict_one(sampler.of(np.zeros(network.input_shape, np.float32)), network)


def predict_one(one: Array, network: Network) -> Array:
    """Return the scores, float32 (K,), of a single input."""
    scores: Array = network.predict(one[None])[0]
    return scores


def predict_all(inputs: Sequence[Array | Pixels], network: Network) -> Array:
    """Return the scores, float32 (N, ...), of N inputs, in batches of the engine's size."""
    scores = []
    for first in range(0, len(inputs), PREDICTION_SIZE):
        part = list(inputs[first : first + PREDICTION_SIZE])
        scores.append(network.predict(padded(part).astype(np.float32))[: len(part)])
    return np.concatenate(scores)


def _fitted(path: str, settings: Settings, model: "Model") -> Pixels:
    try:
        return read_fitted(Source(path, path), model, settings)
    except ImageError as error:
        raise UsageError(f"baseline: {path}: {error}") from None


def _references(settings: Settings, model: "Model") -> References:
    """Read the images that expected gradients draws baselines from; the seed selects them."""
    folder = own_options(settings, ExpectedGradientsOptions).folder or "."
    paths = [source.path for source in Walk([folder])]
    count = min(len(paths), MAX_REFERENCES)
    chosen = random.Random(settings.seed).sample(paths, count)  # noqa: S311
    inputs = []
    for path in chosen:
        try:
            inputs.append(read_fitted(Source(path, path), model, settings))
        except ImageError:
            continue
    if not inputs:
        raise UsageError(f"expected_gradients.folder: no readable images in {folder}")
    size = 4 * len(inputs) * (model.network.positions or 1) * model.network.outputs
    if size > MAX_SCORE_BYTES:
        raise UsageError(
            f"expected_gradients.folder: the scores of {len(inputs)} images' pixels would take "
            f"{size >> 20:,} MiB: choose a folder with fewer images"
        )
    return References(inputs, predict_all(inputs, model.network))
