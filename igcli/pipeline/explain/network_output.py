"""Networks that give every pixel a class: what is explained is a class's score over its pixels.

The score of a class is the sum of its scores over the pixels that the network gives to it at the
image. These pixels stay the same along the path, so that the score is one differentiable function.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from igcli.methods import References
from igcli.records import Array

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
