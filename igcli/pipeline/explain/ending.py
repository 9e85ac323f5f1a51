"""What a network ends in, as far as it tells what its scores mean."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from igcli.records import Array

if TYPE_CHECKING:
    from igcli.models.network.network import TensorFlowNetwork

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
