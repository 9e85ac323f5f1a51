"""The seam between mathematics and networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from igcli.records import Array


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A full batch of B points on S lines.

    Attributes:
        lines: S placed lines.
        line: Int32 (B,), the line each point lies on.
        alpha: Float32 (B,), where on the line.
        target: Int32 (B,), the score to differentiate.
        masks: For each line float32 (P,), the pixels whose scores are added up, of a network that
            scores every pixel; None for one that scores the whole input.
    """

    lines: Sequence[Any]
    line: npt.NDArray[np.int32]
    alpha: Array
    target: npt.NDArray[np.int32]
    masks: Sequence[Array] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PointGradients:
    """What a network says of a batch of points, all of it left where the network computes.

    Attributes:
        scores: Float32 (B,), the target's score.
        summands: (B, ...), what `accumulate` adds up; its own shape is the network's affair.
        gradients: (B, ...) in pixel space; None where not asked for.
        slopes: Float32 (B,), derivative along the line's direction, where asked for.
        interior: Float32 (B, H, W), channel mean of (start + direction) * gradient, where asked
            for.
    """

    scores: Any
    summands: Any
    gradients: Any
    slopes: Any | None
    interior: Any | None


class Network(Protocol):
    """A differentiable classifier, its preprocessing inside, so that black is black.

    What is placed lies where the network computes and is opaque to callers.
    """

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, (H, W, C) for images."""
        ...

    @property
    def small_batches(self) -> tuple[int, ...]:
        """Sizes, below the full one, in which gradients have the same bits: for what is left."""
        ...

    @property
    def streams(self) -> int:
        """Batches that it is best given at the same time, each by a thread of its own."""
        ...

    def place(self, start: Array, direction: Array) -> Any:
        """Bring a straight line to where the network computes.

        Args:
            start: Float32, shape of an input, in pixel space: where alpha is 0.
            direction: The same, from there to where alpha is 1.
        """
        ...

    def predict(self, inputs: Array) -> Array:
        """Return float32 (N, K), the scores of inputs (N, ...) in pixel space.

        A network that scores each of P pixels returns (N, P, K).
        """
        ...

    def gradients(
        self,
        points: Points,
        *,
        per_point: bool = False,
        slopes: bool = False,
        interior: bool = False,
    ) -> PointGradients:
        """Differentiate each point's target score; compiled once for every size of batch.

        Args:
            points: Where.
            per_point: Whether each gradient is wanted in pixel space.
            slopes: Whether derivatives along the lines are.
            interior: Whether interior gradients are.
        """
        ...

    def accumulate(self, total: Any | None, summands: Any, weights: Array) -> Any:
        """Add weights (P,) times summands, or gradients, (P, ...) to a placed total, in order.

        The order makes the sum independent of how batches cut a path.
        """
        ...

    def gradient_of(self, total: Any) -> Array:
        """Return the gradient in pixel space, float32, that a total of summands stands for."""
        ...

    def fetch(self, placed: Any) -> Array:
        """Return a placed array as a float32 array, which may be a view of it."""
        ...
