"""What is known about a network, and what looks wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from igcli.config.schema import Settings
from igcli.errors import IgcliError, ImageError
from igcli.integration.requests import sum_over_pixels
from igcli.models import labels
from igcli.models.catalog.applications import PREFIX, cached_weights
from igcli.models.diagnostics import Finding, find_problems, read_training_statistics
from igcli.models.load import Model, from_source
from igcli.models.options import ModelOptions, describe_preprocessing
from igcli.models.runtime import choose_devices
from igcli.models.sources import OpenedModel
from igcli.models.sources.open import open_source
from igcli.options import setting
from igcli.pipeline.explain.network_output import segments_of
from igcli.pipeline.explain.targets import parse_target
from igcli.pipeline.read import read_fitted
from igcli.records import Array, Source


@dataclass(frozen=True, slots=True)
class Verdict:
    """The results of running images through a network.

    Attributes:
        findings: What looks wrong.
        tops: Top label of each image, or its index, and its score.
        knows_training: Whether the network states the preprocessing that it was trained with.
    """

    findings: tuple[Finding, ...]
    tops: tuple[tuple[str, float], ...]
    knows_training: bool


def describe(settings: Settings, *, trust_model: bool) -> dict[str, str]:
    """Return the properties of a network by name, without downloading anything.

    Raises:
        ModelError: The network cannot be read, or does not take RGB images.
    """
    options, has_weights = settings.model, True
    if options.source.startswith(PREFIX) and options.weights in (None, "imagenet"):
        has_weights = cached_weights(options.source.removeprefix(PREFIX)).is_file()
    if not has_weights:
        options = options.model_copy(update={"weights": "random"})
    loaded = open_source(options, trust=trust_model)
    model = from_source(loaded, options, devices=["CPU:0"], explain=settings.explain)
    height, width = model.size
    return {
        "source": options.source,
        "input": f"{loaded.input}, {height} x {width} {'RGB' if model.channels == 3 else 'grey'}",
        "output": f"{loaded.output}, {_scores_in_words(model)}",
        "ends in": model.network.activation or "no softmax or sigmoid",
        "preprocess": _preprocess_in_words(options, loaded),
        "labels": _labels_in_words(model.labels),
        "parameters": f"{loaded.parameters:,}",
        "sha256": model.sha256 if has_weights else "known once the weights are downloaded",
    }


def _preprocess_in_words(options: ModelOptions, loaded: OpenedModel) -> str:
    text = describe_preprocessing(options.preprocess or loaded.preprocess)
    if options.preprocess is None and loaded.suggested_preprocess:
        suggested = setting("model.preprocess", loaded.suggested_preprocess)
        text += f"; exported by PyTorch, it probably expects {suggested}"
    return text


def _scores_in_words(model: Model) -> str:
    network = model.network
    if network.positions is not None:
        return f"{network.outputs:,} classes for each of {network.positions:,} pixels"
    return "one value, no or yes" if network.is_binary else f"{network.outputs:,} scores"


def _labels_in_words(names: tuple[str, ...] | None) -> str:
    """Return the number of labels, and the first and the last one."""
    if not names:
        return f"none; set {setting('model.labels')}"
    return f"{len(names):,} names: {names[0]} ... {names[-1]}"


def check(settings: Settings, images: Sequence[str], *, trust_model: bool) -> Verdict:
    """Run images through a network and report what looks wrong.

    Args:
        settings: The resolved configuration.
        images: Paths of one or more images.
        trust_model: Whether to run custom code contained in a Keras file.

    Raises:
        ModelError: The network cannot be read, or does not take RGB images.
        ImageError: An image cannot be read.
    """
    loaded = open_source(settings.model, trust=trust_model)
    without_labels = settings.model.model_copy(update={"labels": None})
    devices = choose_devices(settings.device)[:1]  # For so few images one is enough.
    model = from_source(loaded, without_labels, devices=devices, explain=settings.explain)
    names, problems = _labels(settings, model)
    inputs = [_read(image, settings, model) for image in images]
    training = read_training_statistics(loaded, settings.model)
    problems += find_problems(inputs, loaded, model, options=settings.model, training=training)
    tops = (_top(model.network.predict(pixels[None])[0]) for pixels in inputs)
    named = tuple((names[top] if names else str(top), score) for top, score in tops)
    return Verdict(tuple(problems), named, training.is_known)


def _top(scores: Array) -> tuple[int, float]:
    """Return the top class and its score, from scores (K,), or (P, K) for each of P pixels."""
    parts = segments_of(scores)
    best = int(np.argmax(scores if parts is None else parts.sizes()))
    own = sum_over_pixels(scores, None if parts is None else parts.mask(best))
    return best, float(own[best])


def _labels(settings: Settings, model: Model) -> tuple[tuple[str, ...] | None, list[Finding]]:
    """Return the labels, and what is wrong with them and with the target."""
    names, problems = model.labels, []
    outputs = model.network.outputs
    try:
        if settings.model.labels:
            names = labels.read(settings.model.labels, outputs)
    except IgcliError as error:
        remedy = f"give {setting('model.labels')} one name for each output"
        problems.append(Finding(str(error), remedy))
    try:
        parse_target(settings.target, names, outputs, where="target")
    except IgcliError as error:
        remedy = f"set {setting('target')} to one of the network's outputs"
        problems.append(Finding(str(error), remedy))
    return names, problems


def _read(image: str, settings: Settings, model: Model) -> Array:
    try:
        return read_fitted(Source(image, image), model, settings).astype(np.float32)
    except ImageError as error:
        raise ImageError(f"{image}: {error}") from None
