"""Networks that give every pixel a class: what is explained is a class's score over its pixels.

The score of a class is the sum of its scores over the pixels that the network gives to it at the
image. These pixels stay the same along the path, so that the score is one differentiable function.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from igcli.methods import References
from igcli.records import Array

if TYPE_CHECKING:
    from igcli.models.network.network import TensorFlowNetwork

NO_PIXELS = (
    "no pixel of the image is given to this class: its score is 0, and nothing is attributed"
)


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """The class of each pixel of an image.

    Attributes:
        classes: Int (P,).
        outputs: Number of classes.
    """

    classes: npt.NDArray[np.intp]
    outputs: int

    def sizes(self) -> Array:
        """Return the number of pixels of each class, float32 (K,)."""
        return np.bincount(self.classes, minlength=self.outputs).astype(np.float32)

    def mask(self, target: int) -> Array:
        """Return one for the pixels of a class and zero for the others, float32 (P,)."""
        found: Array = (self.classes == target).astype(np.float32)
        return found


def segments(scores: Array) -> Segments | None:
    """Return the classes of pixels with scores (P, K); None for one row of scores (K,)."""
    if scores.ndim == 1:
        return None
    return Segments(scores.argmax(-1), scores.shape[-1])


def added_up(scores: Array, mask: Array | None) -> Array:
    """Return the sums, float32 (..., K), of scores (..., P, K) over the pixels of a mask (P,).

    Without a mask scores (..., K) are returned as they are.
    """
    if mask is None:
        return scores
    total: Array = np.einsum("p,...pk->...k", mask, scores, dtype=np.float64).astype(np.float32)
    return total


def references_of(references: References | None, mask: Array | None) -> References | None:
    """Return inputs that stand for what is usual, with their scores over the pixels of a mask."""
    if references is None or mask is None:
        return references
    return replace(references, scores=added_up(references.scores, mask))


_SUM = 1e-3
"""By how much the probabilities of classes that exclude each other may miss one."""

_SATURATED = 1e-4
"""Distance of a probability from 0 or 1 where its gradient vanishes."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a network.

    Attributes:
        activation: "softmax", "log softmax", "sigmoid", or None where it ends otherwise.
        is_binary: Whether its two scores are those of a single value, no and yes.
        is_logit: Whether the value before the activation is explained.
    """

    activation: str | None = None
    is_binary: bool = False
    is_logit: bool = False

    def probabilities(self, scores: Array) -> npt.NDArray[np.float64] | None:
        """Return the probabilities of classes that exclude each other, float64 (K,).

        None where they do not, or where the scores (K,) are no probabilities and no logits. Those
        of a network that ends otherwise are taken for probabilities where they could be.
        """
        values = scores.astype(np.float64)
        if self.activation == "sigmoid" and not self.is_binary:
            return None
        if self.activation == "log softmax" or (self.activation == "softmax" and self.is_logit):
            values = np.exp(values - values.max())
            values /= values.sum()
        elif self.activation == "sigmoid" and self.is_logit:
            values = 1 / (1 + np.exp(-values))
        is_one = abs(values.sum() - 1) <= _SUM
        return values if is_one and values.min() >= 0 else None

    def is_saturated(self, score: float) -> bool:
        """Tell whether a score is a probability so near to 0 or 1 that it has no gradient."""
        squashed = self.activation in ("softmax", "sigmoid") and not self.is_logit
        return squashed and min(abs(score), abs(1 - score)) < _SATURATED


def ending_of(network: "TensorFlowNetwork") -> Ending:
    """Return what a network ends in."""
    return Ending(network.activation, network.is_binary, network.explained == "logit")
