"""What is known of a network, and what looks wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from igcli.config.schema import Settings
from igcli.errors import IgcliError, ImageError
from igcli.images.decode import decode
from igcli.images.files import read_file
from igcli.models import labels
from igcli.models.catalog.applications import PREFIX, cached_weights
from igcli.models.diagnostics import Finding, find_problems, read_training_statistics
from igcli.models.load import Model, from_source
from igcli.models.options import describe_preprocessing
from igcli.models.runtime import choose_device
from igcli.models.sources.open import open_source
from igcli.pipeline.explain.network_output import segments_of, sum_over_pixels
from igcli.pipeline.explain.targets import parse_target
from igcli.pipeline.image.fitting import fitted
from igcli.records import Array


@dataclass(frozen=True, slots=True)
class Verdict:
    """What images say of a network.

    Attributes:
        findings: What looks wrong.
        tops: The top label of each image, or its index, and its score.
        knows_training: Whether the network tells which preprocessing it was trained with.
    """

    findings: tuple[Finding, ...]
    tops: tuple[tuple[str, float], ...]
    knows_training: bool


def describe(settings: Settings, *, trust_model: bool) -> dict[str, str]:
    """Return what is known of a network, by names for each; nothing is downloaded for it.

    Raises:
        ModelError: It cannot be read, or is none for RGB images.
    """
    options, is_here = settings.model, True
    if options.source.startswith(PREFIX) and options.weights in (None, "imagenet"):
        is_here = cached_weights(options.source.removeprefix(PREFIX)).is_file()
    if not is_here:
        options = options.model_copy(update={"weights": "random"})
    loaded = open_source(options, trust=trust_model)
    model = from_source(loaded, options, device="CPU:0", explain=settings.explain)
    height, width = model.size
    return {
        "source": options.source,
        "input": f"{loaded.input}, {height} x {width} {'RGB' if model.channels == 3 else 'grey'}",
        "output": f"{loaded.output}, {_scores_in_words(model)}",
        "ends in": model.network.activation or "no softmax or sigmoid",
        "preprocess": describe_preprocessing(options.preprocess or loaded.preprocess),
        "labels": _labels_in_words(model.labels),
        "parameters": f"{loaded.parameters:,}",
        "sha256": model.sha256 if is_here else "known once its weights are fetched",
    }


def _scores_in_words(model: Model) -> str:
    network = model.network
    if network.positions is not None:
        return f"{network.outputs:,} classes of each of {network.positions:,} pixels"
    return "one value, no or yes" if network.is_binary else f"{network.outputs:,} scores"


def _labels_in_words(labels: tuple[str, ...] | None) -> str:
    """Return how many labels there are, and the first and the last one."""
    if not labels:
        return "none (set model.labels)"
    return f"{len(labels):,} names: {labels[0]} ... {labels[-1]}"


def check(settings: Settings, images: Sequence[str], *, trust_model: bool) -> Verdict:
    """Run images and look at what the network makes of them.

    Args:
        settings: The resolved configuration.
        images: Their paths, one or more.
        trust_model: Whether a Keras file may bring code of its author's.

    Raises:
        ModelError: The network cannot be read, or is none for RGB images.
        ImageError: An image cannot be read.
    """
    opened = open_source(settings.model, trust=trust_model)
    unlabelled = settings.model.model_copy(update={"labels": None})
    device = choose_device(settings.device)
    model = from_source(opened, unlabelled, device=device, explain=settings.explain)
    names, findings = _named(settings, model)
    pixels = [_read(image, settings, model) for image in images]
    training = read_training_statistics(opened, settings.model)
    findings += find_problems(pixels, opened, model, options=settings.model, training=training)
    tops = (_top(model.network.predict(image[None])[0]) for image in pixels)
    labelled = tuple((names[best] if names else str(best), score) for best, score in tops)
    return Verdict(tuple(findings), labelled, training.is_known)


def _top(scores: Array) -> tuple[int, float]:
    """Return the top class and its score, of scores (K,) or, of each of P pixels, (P, K)."""
    parts = segments_of(scores)
    best = int(np.argmax(scores if parts is None else parts.sizes()))
    own = sum_over_pixels(scores, None if parts is None else parts.mask(best))
    return best, float(own[best])


def _named(settings: Settings, model: Model) -> tuple[tuple[str, ...] | None, list[Finding]]:
    """Return the labels, and what is wrong with them and with the target."""
    names, found = model.labels, []
    outputs = model.network.outputs
    try:
        if settings.model.labels:
            names = labels.read(settings.model.labels, outputs)
    except IgcliError as error:
        found.append(_finding(error, "give model.labels one name for each output"))
    try:
        parse_target(settings.target, names, outputs, where="target")
    except IgcliError as error:
        found.append(_finding(error, "set target to one of the network's outputs"))
    return names, found


def _finding(error: IgcliError, remedy: str) -> Finding:
    return Finding(str(error), remedy)


def _read(image: str, settings: Settings, model: Model) -> Array:
    try:
        pixels = decode(read_file(image, most=settings.max_bytes), settings)
    except ImageError as error:
        raise ImageError(f"{image}: {error}") from None
    return fitted(pixels, model, settings.model).astype(np.float32)
