"""What looks wrong with a network, from its answers to some images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from igcli.errors import ModelError
from igcli.integration.network import Points
from igcli.models.catalog.listing import preprocessing_in_words
from igcli.models.load import Model, scores_of_pixels
from igcli.models.options import ModelOptions, Normalization, Preprocess
from igcli.models.preprocess import preprocessing
from igcli.models.sources import OpenedModel
from igcli.models.sources.input_shape import input_layout
from igcli.models.training_statistics import TrainedOn
from igcli.records import Array

_SAME = 1e-6
_MODES: tuple[Preprocess, ...] = ("tf", "torch", "caffe", "unit", "none")
_GREY_MODES: tuple[Preprocess, ...] = ("tf", "unit", "none")
_TIMES, _MARGIN, _LEAST_MARGIN = 4.0, 3.0, 1.0
"""How much further from training than another one a preprocessing has to be, to be doubted.

Found on 39 photos and four networks: with single photos the right one is up to 0.9 further than the
nearest, a wrong scale 3 to 28,000; with four photos the right one is the nearest.
"""

_ALIKE = 1 / 3
"""Share of that margin within which preprocessings are named together."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looks wrong.

    Attributes:
        what: In a few words.
        remedy: What to do about it.
    """

    what: str
    remedy: str


def findings(
    images: Sequence[Array], loaded: OpenedModel, model: Model, *, options: ModelOptions
) -> list[Finding]:
    """Return all that looks wrong, the gravest first.

    Args:
        images: Float32 (H, W, C), 0...255, of the network's size; one or more.
        loaded: The network as its source gives it.
        model: The same, frozen.
        options: How pixels are brought to it.
    """
    blank = np.zeros_like(images[0])
    scores = np.concatenate(
        [model.network.predict(each[None]) for each in (*images, blank, blank + 255)]
    )
    if not np.isfinite(scores).all():
        return [
            Finding(
                "its scores are NaN or infinite",
                "set model.preprocess, or look for a "
                "division or a logarithm of zero in the network",
            )
        ]
    found = [*_answers(scores), *_sums(scores, model)]
    if not input_layout(loaded, options).is_integer:  # Such a network scales pixels itself.
        used = options.preprocess or loaded.preprocess
        found += doubts(images, trained_on(loaded, options), used)
    found += _gradients(images, scores, model)
    return found


def trained_on(loaded: OpenedModel, options: ModelOptions) -> TrainedOn:
    """Return what is known of a network's training.

    Raises:
        ModelError: It takes no images.
    """
    layout = input_layout(loaded, options)
    bare = options.model_copy(update={"preprocess": "none"})
    return TrainedOn(scores_of_pixels(loaded, layout, bare), layout.shape)


def _answers(scores: Array) -> Iterator[Finding]:
    spread = np.abs(scores - scores[0]).max()
    if spread <= _SAME * max(1.0, float(np.abs(scores).max())):
        yield Finding(
            "it answers the same for all images, for black and for white",
            "set model.preprocess to what it was trained with, and see that it is trained",
        )


def _sums(scores: Array, model: Model) -> Iterator[Finding]:
    if model.network.activation is not None:
        return
    if model.network.is_binary:
        yield Finding(
            "it ends in a single value without a sigmoid, which counts as two classes",
            "set model.activation: sigmoid (--model-activation sigmoid) to explain probabilities",
        )
        return
    if scores.shape[-1] > 1 and np.abs(scores.sum(-1) - 1).max() > 1e-3:
        yield Finding(
            f"its scores do not sum to one (they are {scores[0].min():.3g} to "
            f"{scores[0].max():.3g}): it ends in no softmax",
            "attributions are then of its raw output, which is right for logits; set "
            "model.activation to explain probabilities, or model.output if it has another",
        )


def _gradients(images: Sequence[Array], scores: Array, model: Model) -> Iterator[Finding]:
    """Look at the gradients of the top scores at the images and half way to black."""
    zero = 0
    for image, own in zip(images, scores, strict=False):
        # Of a network that scores every pixel, the class of the most pixels.
        target = int(np.bincount(own.argmax(-1).ravel()).argmax())
        try:
            gradients = _gradients_of(image, target, model)
        except ModelError as error:
            text = str(error).removeprefix("model: ")
            yield Finding(
                text,
                "name an output before the operation that stops it with model.output, or save "
                "the network without it",
            )
            return
        if not np.isfinite(gradients).all():
            yield Finding(
                "its gradients are NaN or infinite",
                "look for a root, a division or a logarithm at zero in the network",
            )
            return
        zero += not gradients.any()
    if 2 * zero > len(images):
        of = f"{zero:,} of {len(images):,} images" if len(images) > 1 else "the image"
        yield Finding(
            f"its gradients are zero at {of} and half way to black",
            "set explain: logit if it is only too sure of itself, else model.preprocess; a "
            "rounding or a comparison in the network has no gradient",
        )


def _gradients_of(image: Array, target: int, model: Model) -> Array:
    """Return the gradients, float32 (2, H, W, C), at an image and half way to black."""
    line = np.zeros(2, np.int32)
    alpha = np.array([1, 0.5], np.float32)
    points = Points([model.network.place(np.zeros_like(image), image)], line, alpha, line + target)
    found = model.network.gradients(points, per_point=True)
    return np.stack([np.asarray(each) for each in model.network.fetch(found.gradients)])


def doubts(
    images: Sequence[Array], trained: TrainedOn, used: Preprocess | Normalization
) -> Iterator[Finding]:
    """Compare images, under every preprocessing, with those that a network was trained on.

    Args:
        images: Float32 (H, W, C), 0...255, of the network's size; several give a surer answer.
        trained: What is known of the training; where that is nothing, nothing is doubted.
        used: What is done to pixels.
    """
    if not trained.is_known:
        return
    modes = _MODES if images[0].shape[-1] == 3 else _GREY_MODES
    fits = {mode: trained.fit(images, preprocessing(mode)) for mode in modes}
    if isinstance(used, Normalization):
        own = trained.fit(images, preprocessing(used))
    else:
        own = fits[used]
    ranked = sorted(fits.items(), key=lambda item: item[1].divergence)
    _, best = ranked[0]
    margin = max(_LEAST_MARGIN, _MARGIN / len(images) ** 0.5)
    if own.divergence > max(best.divergence + margin, _TIMES * best.divergence):
        limit = best.divergence + _ALIKE * margin
        near = [mode for mode, fit in ranked if fit.divergence <= limit]
        named = " or ".join(near)
        more = "; more images tell which" if len(near) > 1 else ""
        yield Finding(
            f"preprocess: {preprocessing_in_words(used)} does not seem to fit: with {named} the "
            "values at its first batch normalization vary about as they did in training "
            f"({best.spread:.2g} times as much, against {own.spread:.3g} times)",
            f"set model.preprocess: {named}, or what its author says{more}",
        )
