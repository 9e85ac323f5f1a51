"""Signs that something is wrong with a network, from its scores and gradients at some images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from igcli.errors import ModelError
from igcli.integration.network import Points
from igcli.models.load import Model, scores_of_pixels
from igcli.models.options import (
    ModelOptions,
    Normalization,
    Preprocess,
    describe_preprocessing,
)
from igcli.models.preprocess import preprocessing
from igcli.models.sources import OpenedModel
from igcli.models.sources.input_shape import input_layout
from igcli.models.training_statistics import TrainingStatistics
from igcli.options import setting
from igcli.records import Array

PREPROCESS = setting("model.preprocess")

_TOLERANCE = 1e-6
_MODES: tuple[Preprocess, ...] = ("tf", "torch", "caffe", "unit", "none")
_GREY_MODES: tuple[Preprocess, ...] = ("tf", "unit", "none")
_FACTOR, _MARGIN, _MIN_MARGIN = 4.0, 3.0, 1.0
"""A preprocessing is reported if it is farther from training than the nearest one by this factor
and this margin; the margin shrinks with the square root of the number of images, to the minimum.

Measured on 39 photos and four networks: with single photos, the right one is up to 0.9 farther than
the nearest and a wrong scale 3 to 28,000; with four photos, the right one is the nearest.
"""

_TIE = 1 / 3
"""Fraction of that margin within which several preprocessings are suggested together."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looks wrong.

    Attributes:
        problem: What it is, in a few words.
        remedy: What to do about it.
    """

    problem: str
    remedy: str


def read_training_statistics(opened: OpenedModel, options: ModelOptions) -> TrainingStatistics:
    """Return the pixel statistics that a network remembers from its training.

    Raises:
        ModelError: It does not take images.
    """
    layout = input_layout(opened, options)
    bare = options.model_copy(update={"preprocess": "none"})
    return TrainingStatistics(scores_of_pixels(opened, layout, bare), layout.shape)


def find_problems(
    images: Sequence[Array],
    opened: OpenedModel,
    model: Model,
    *,
    options: ModelOptions,
    training: TrainingStatistics,
) -> list[Finding]:
    """Return everything that looks wrong, the most serious first.

    Args:
        images: Float32 (H, W, C), 0...255, of the network's size; one or more.
        opened: The network as its source returned it.
        model: The same network, frozen.
        options: How images are prepared for it.
        training: What it remembers from its training.
    """
    black = np.zeros_like(images[0])
    inputs = (*images, black, black + 255)
    scores = np.concatenate([model.network.predict(image[None]) for image in inputs])
    if not np.isfinite(scores).all():
        return [
            Finding(
                "its scores are NaN or infinite",
                f"set {PREPROCESS}, or look for a division by zero or a logarithm of zero in the "
                "network",
            )
        ]
    findings = [*_constant_scores(scores), *_unusual_sums(scores, model)]
    if not input_layout(opened, options).is_integer:  # Such a network scales pixels itself.
        mode = options.preprocess or opened.preprocess
        findings += doubtful_preprocessing(images, training, mode)
        if model.suggested_preprocess and not training.is_known:
            findings.append(_missing_preprocessing(model.suggested_preprocess))
    findings += _bad_gradients(images, scores, model)
    return findings


def _constant_scores(scores: Array) -> Iterator[Finding]:
    spread = np.abs(scores - scores[0]).max()
    if spread <= _TOLERANCE * max(1.0, float(np.abs(scores).max())):
        yield Finding(
            "it returns the same scores for all images, for black and for white",
            f"set {PREPROCESS} as in its training, and check that it is trained",
        )


def _unusual_sums(scores: Array, model: Model) -> Iterator[Finding]:
    if model.network.activation is not None:
        return
    if model.network.is_binary:
        yield Finding(
            "it ends in a single value without a sigmoid, which is taken for two classes",
            f"set {setting('model.activation', 'sigmoid')} to explain probabilities",
        )
        return
    if scores.shape[-1] > 1 and np.abs(scores.sum(-1) - 1).max() > 1e-3:
        yield Finding(
            f"its scores do not sum to one (they range from {scores[0].min():.3g} to "
            f"{scores[0].max():.3g}): it does not end in a softmax",
            "its raw output is explained, which is right for logits; to explain probabilities, set "
            f"{setting('model.activation', 'softmax')}, or {setting('model.output')} if it has an "
            "output with a softmax",
        )


def doubtful_preprocessing(
    images: Sequence[Array], training: TrainingStatistics, mode: Preprocess | Normalization
) -> Iterator[Finding]:
    """Compare images, under every preprocessing, with those that a network was trained on.

    Args:
        images: Float32 (H, W, C), 0...255, of the network's size; more images make it surer.
        training: What the network remembers from its training; if nothing, nothing is reported.
        mode: The preprocessing in use.
    """
    if not training.is_known:
        return
    modes = _MODES if images[0].shape[-1] == 3 else _GREY_MODES
    fits = {candidate: training.fit(images, preprocessing(candidate)) for candidate in modes}
    if isinstance(mode, Normalization):
        current = training.fit(images, preprocessing(mode))
    else:
        current = fits[mode]
    ranked = sorted(fits.items(), key=lambda item: item[1].divergence)
    _, best = ranked[0]
    margin = max(_MIN_MARGIN, _MARGIN / len(images) ** 0.5)
    if current.divergence > max(best.divergence + margin, _FACTOR * best.divergence):
        limit = best.divergence + _TIE * margin
        near = [candidate for candidate, fit in ranked if fit.divergence <= limit]
        suggestion = " or ".join(near)
        advised = " or ".join(setting("model.preprocess", candidate) for candidate in near)
        hint = "; more images will tell which" if len(near) > 1 else ""
        yield Finding(
            f"preprocess: {describe_preprocessing(mode)} does not seem to fit: with {suggestion}, "
            "the values at its first batch normalization vary about as in training "
            f"({best.spread:.2g} times as much, against {current.spread:.3g} times)",
            f"set {advised}, or what its author recommends{hint}",
        )


def _missing_preprocessing(suggestion: str) -> Finding:
    return Finding(
        "it was exported by PyTorch without scaling its input, and no model.preprocess was given",
        f"set {setting('model.preprocess', suggestion)} if it was trained with ImageNet's mean and "
        "standard deviation, else what its author recommends",
    )


def _bad_gradients(images: Sequence[Array], scores: Array, model: Model) -> Iterator[Finding]:
    """Check the gradients of the top scores at the images and halfway to black."""
    vanishing = 0
    for image, image_scores in zip(images, scores, strict=False):
        # If the network scores every pixel, the class that is the top one at most pixels.
        target = int(np.bincount(image_scores.argmax(-1).ravel()).argmax())
        try:
            gradients = _gradients(image, target, model)
        except ModelError as error:
            yield Finding(
                str(error).removeprefix("model: "),
                f"set {setting('model.output')} to an output before the operation that has no "
                "gradient, or save the network without it",
            )
            return
        if not np.isfinite(gradients).all():
            yield Finding(
                "its gradients are NaN or infinite",
                "look for a root, a division or a logarithm at zero in the network",
            )
            return
        vanishing += not gradients.any()
    if 2 * vanishing > len(images):
        count = f"{vanishing:,} of {len(images):,} images" if len(images) > 1 else "the image"
        yield Finding(
            f"its gradients are zero at {count} and halfway to black",
            f"set {setting('explain', 'logit')} if the network is merely saturated, else check "
            f"{PREPROCESS}; rounding and comparisons in the network have no gradient",
        )


def _gradients(image: Array, target: int, model: Model) -> Array:
    """Return the gradients, float32 (2, H, W, C), at an image and halfway to black."""
    lines = np.zeros(2, np.int32)
    alphas = np.array([1, 0.5], np.float32)
    placed = model.network.place(np.zeros_like(image), image)
    points = Points([placed], lines, alphas, lines + target)
    gradients = model.network.gradients(points, per_point=True).gradients
    return np.stack([np.asarray(gradient) for gradient in model.network.fetch(gradients)])
