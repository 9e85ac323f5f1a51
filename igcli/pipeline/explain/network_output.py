"""What a network returns: scores of the whole input or of every pixel, and their activation.

A segmentation network gives every pixel a class. The score of a class is then the sum of its scores
over the pixels that the network assigns to it at the image. These pixels stay the same along the
path, so that the score is one differentiable function.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from igcli.integration.requests import sum_over_pixels
from igcli.methods import References
from igcli.records import Array

if TYPE_CHECKING:
    from igcli.models.network.several_devices import AnyNetwork

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
        """Return 1 for the pixels of a class and 0 for the others, float32 (P,)."""
        mask: Array = (self.classes == target).astype(np.float32)
        return mask


def segments_of(scores: Array) -> Segments | None:
    """Return the classes of pixels with scores (P, K); None for one row of scores (K,)."""
    if scores.ndim == 1:
        return None
    return Segments(scores.argmax(-1), scores.shape[-1])


def references_over(references: References | None, mask: Array | None) -> References | None:
    """Return reference inputs with the sums of their scores over the pixels of a mask."""
    if references is None or mask is None:
        return references
    return replace(references, scores=sum_over_pixels(references.scores, mask))


_SUM_TOLERANCE = 1e-3
"""Largest difference between 1 and the sum of the probabilities of exclusive classes."""

_SATURATED = 1e-4
"""Distance of a probability from 0 or 1 below which it has no usable gradient."""


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """The last activation of a network.

    Attributes:
        activation: "softmax", "log softmax", "sigmoid", or None for any other.
        is_binary: Whether its two scores, no and yes, come from a single value.
        is_logit: Whether the value before the activation is explained.
    """

    activation: str | None = None
    is_binary: bool = False
    is_logit: bool = False

    def probabilities(self, scores: Array) -> npt.NDArray[np.float64] | None:
        """Return the probabilities of mutually exclusive classes, float64 (K,).

        None if the classes are not exclusive, or if scores (K,) are neither probabilities nor
        logits. Scores after any other activation count as probabilities if they sum to one.
        """
        values = scores.astype(np.float64)
        if self.activation == "sigmoid" and not self.is_binary:
            return None
        if self.activation == "log softmax" or (self.activation == "softmax" and self.is_logit):
            values = np.exp(values - values.max())
            values /= values.sum()
        elif self.activation == "sigmoid" and self.is_logit:
            values = 1 / (1 + np.exp(-values))
        is_one = abs(values.sum() - 1) <= _SUM_TOLERANCE
        return values if is_one and values.min() >= 0 else None

    def is_saturated(self, score: float) -> bool:
        """Tell whether a score is a probability so close to 0 or 1 that it has no gradient."""
        squashed = self.activation in ("softmax", "sigmoid") and not self.is_logit
        return squashed and min(abs(score), abs(1 - score)) < _SATURATED


def network_output_of(network: "AnyNetwork") -> NetworkOutput:
    """Return the last activation of a network."""
    return NetworkOutput(network.activation, network.is_binary, network.explained == "logit")
