"""What looks wrong with a network, from its answers to one image."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.load import Model
from igcli.models.options import Normalization
from igcli.models.preprocess import preprocessing
from igcli.models.runtime import tensorflow
from igcli.models.sources import Loaded
from igcli.paths.network import Points
from igcli.records import Array

tf = tensorflow()

_SAME = 1e-6
_MODES = ("tf", "torch", "caffe", "unit", "none")
_SURE, _BETTER = 0.3, 2.0
"""Found on 39 photos: the right mode is doubted on one of them, a wrong one seen on nearly all
where it differs by more than a little, as none and caffe do from tf."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looks wrong.

    Attributes:
        what: In a few words.
        remedy: What to do about it.
    """

    what: str
    remedy: str


def findings(image: Array, loaded: Loaded, model: Model, *, preprocess: Any) -> list[Finding]:
    """Return all that looks wrong, the gravest first.

    Args:
        image: Float32 (H, W, 3), 0...255, of the network's size.
        loaded: The network as its source gives it.
        model: The same, frozen.
        preprocess: What is done to pixels.
    """
    blank = np.zeros_like(image)
    scores = model.network.predict(np.stack([image, blank, blank + 255]))
    if not np.isfinite(scores).all():
        return [
            Finding(
                "its scores are NaN or infinite",
                "set model.preprocess, or look for a "
                "division or a logarithm of zero in the network",
            )
        ]
    found = [*_answers(scores), *_sums(scores, model)]
    found += _gradients(image, int(np.argmax(scores[0])), model)
    found += _preprocessing(image, loaded, preprocess)
    return found


def _answers(scores: Array) -> Iterator[Finding]:
    spread = np.abs(scores - scores[0]).max()
    if spread <= _SAME * max(1.0, float(np.abs(scores).max())):
        yield Finding(
            "it answers the same for the image, for black and for white",
            "set model.preprocess to what it was trained with, and see that it is trained",
        )


def _sums(scores: Array, model: Model) -> Iterator[Finding]:
    if model.network.activation is not None:
        return
    if scores.shape[1] > 1 and np.abs(scores.sum(1) - 1).max() > 1e-3:
        yield Finding(
            f"its scores do not sum to one (they are {scores[0].min():.3g} to "
            f"{scores[0].max():.3g}): it ends in no softmax",
            "attributions are then of its raw output, which is well for logits; name another "
            "output with model.output if it has one",
        )


def _gradients(image: Array, target: int, model: Model) -> Iterator[Finding]:
    """Look at the gradients of the top score at the image and half way to black."""
    line = np.zeros(2, np.int32)
    alpha = np.array([1, 0.5], np.float32)
    points = Points([model.network.place(np.zeros_like(image), image)], line, alpha, line + target)
    try:
        found = model.network.gradients(points, each=True)
    except ModelError as error:
        text = str(error).removeprefix("model: ")
        yield Finding(
            text,
            "name an output before the operation that stops it with model.output, or save "
            "the network without it",
        )
        return
    gradients = model.network.fetch(found.gradients)
    if not all(np.isfinite(each).all() for each in gradients):
        yield Finding(
            "its gradients are NaN or infinite",
            "look for a root, a division or a logarithm at zero in the network",
        )
    elif not any(each.any() for each in gradients):
        yield Finding(
            "its gradients are zero at the image and half way to black",
            "set explain: logit if it is only too sure of itself, else model.preprocess; a "
            "rounding or a comparison in the network has no gradient",
        )


def _preprocessing(image: Array, loaded: Loaded, mode: Any) -> Iterator[Finding]:
    """Compare how steadily the network recognises the image under every preprocessing."""
    if isinstance(mode, Normalization):
        return
    found = {each: _steadiness(image, loaded, each) for each in _MODES}
    best = max(found, key=lambda each: found[each])
    if found[best] > _SURE and found[best] > _BETTER * max(found[mode], 0.0):
        yield Finding(
            f"preprocess: {mode} does not seem to fit: with {best} it recognises the image and "
            f"slight changes of it far more steadily ({found[best]:.2f} against {found[mode]:.2f})",
            f"set model.preprocess: {best}, or what its author says",
        )


def _steadiness(image: Array, loaded: Loaded, mode: Any) -> float:
    """Return how much surer a network is of slight changes of an image than of blank ones.

    The mean probability of the image's top class for it mirrored, moved, darker and lighter, less
    that for black, white, grey and noise.
    """
    changed = [
        image,
        image[:, ::-1],
        np.roll(image, image.shape[1] // 28, 1),
        np.roll(image, -(image.shape[0] // 28), 0),
        image * 0.85,
        np.minimum(image * 1.1 + 8, 255),
    ]
    noise = np.random.default_rng(0).uniform(0, 255, image.shape)
    blank = [np.full_like(image, value) for value in (0, 255, 128)]
    batch = tf.constant(np.stack([*changed, *blank, noise]), tf.float32)
    scores = np.asarray(loaded.function(preprocessing(mode)(batch)), np.float64)
    scores = scores.reshape(len(scores), -1)
    likely = _probabilities(scores)
    own = likely[:, int(np.argmax(likely[0]))]
    return float(own[: len(changed)].mean() - own[len(changed) :].mean())


def _probabilities(scores: Any) -> Any:
    """Return scores as they are where they are probabilities, else their softmax."""
    if scores.shape[1] == 1:
        yes = scores if scores.min() >= 0 and scores.max() <= 1 else 1 / (1 + np.exp(-scores))
        return np.concatenate([1 - yes, yes], 1)
    if scores.min() >= 0 and scores.max() <= 1 + 1e-3:
        return scores
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
