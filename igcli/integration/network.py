"""The interface between the mathematics and networks: batches of points and their gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from igcli.integration.requests import LayerGradients
from igcli.records import Array


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A full batch of B points on S lines.

    Attributes:
        lines: S lines, as `Network.place` returned them.
        line: Int32 (B,), index of the line each point lies on.
        alpha: Float32 (B,), position on the line.
        target: Int32 (B,), index of the score to differentiate.
        masks: For each line float32 (P,), which pixels' scores are summed, for networks that score
            every pixel; None for networks that score the whole input.
    """

    lines: Sequence[Any]
    line: npt.NDArray[np.int32]
    alpha: Array
    target: npt.NDArray[np.int32]
    masks: Sequence[Array] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PointGradients:
    """A network's answer for a batch of points; the arrays stay on the network's device.

    Attributes:
        scores: Float32 (B,), the target's score.
        summands: (B, ...), the terms that `accumulate` sums, in a shape of the network's choice.
        gradients: (B, ...) in pixel space, if requested.
        slopes: Float32 (B,), derivative along the line's direction, if requested.
        interior: Float32 (B, H, W), channel mean of (start + direction) * gradient, if requested.
    """

    scores: Any
    summands: Any
    gradients: Any
    slopes: Any | None
    interior: Any | None


class Network(Protocol):
    """A differentiable classifier that includes its preprocessing, so that inputs are pixels.

    Placed lines and totals are on the network's device and opaque to callers.
    """

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, (H, W, C) for images."""
        ...

    @property
    def small_batches(self) -> tuple[int, ...]:
        """Batch sizes below the full one that give gradients the same bits, for remainders."""
        ...

    @property
    def streams(self) -> int:
        """Number of batches to submit at the same time, each from its own thread."""
        ...

    def place(self, start: Array, direction: Array) -> Any:
        """Copy a straight line to the network's device.

        Args:
            start: Float32, shape of an input, in pixel space; alpha = 0.
            direction: Float32, the same shape, from the start to alpha = 1.
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
        """Differentiate each point's target score; compiled once for each batch size.

        Args:
            points: The batch.
            per_point: Whether to return each gradient in pixel space.
            slopes: Whether to return derivatives along the lines.
            interior: Whether to return interior gradients.
        """
        ...

    def layer_gradients(
        self,
        inputs: Array,
        targets: npt.NDArray[np.int32],
        layer: str | None,
        *,
        masks: Array | None = None,
    ) -> Sequence[LayerGradients]:
        """Return the values at a layer for each input, and the gradients of its target score there.

        Args:
            inputs: Float32 (N, ...), in pixel space.
            targets: Int32 (N,), index of the score of each input.
            layer: Name of a layer whose values have height, width and channels; None for the last
                such values before the scores.
            masks: Float32 (N, P), which pixels' scores are summed, for networks that score every
                pixel.
        """
        ...

    def rows(self, placed: Any, rows: slice) -> Any:
        """Return some rows of an array of a `PointGradients`, still on the device."""
        ...

    def accumulate(self, total: Any | None, summands: Any, weights: Array) -> Any:
        """Add weights (P,) times summands or gradients (P, ...) to a total on the device, in order.

        The order makes the sum independent of how a path is split into batches.
        """
        ...

    def gradient_of(self, total: Any) -> Array:
        """Return the gradient in pixel space, float32, of a total of summands."""
        ...

    def fetch(self, placed: Any) -> Array:
        """Return an array on the device as a float32 array, which may be a view of it."""
        ...
