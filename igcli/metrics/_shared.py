"""Calculations that several metrics share: the order of pixels, replaced pixels, areas."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import integrate, ndimage

from igcli.integration.requests import Computation, predict_all
from igcli.metrics._options import Fill
from igcli.metrics._protocol import Curve, Subject
from igcli.records import Array

BLUR = 10.0
"""Standard deviation, in pixels, of the blur that replaces pixels."""


Positions = npt.NDArray[np.intp]


def channel_sums(attributions: Array) -> npt.NDArray[np.float64]:
    """Return the sums over the channels, float64 (H, W), of float32 (H, W, C)."""
    sums = attributions[..., 0].astype(np.float64)
    for channel in range(1, attributions.shape[-1]):
        sums += attributions[..., channel]
    return sums


def most_attributed_first(subject: Subject) -> Positions:
    """Return the positions (H * W,) of a subject's pixels in order, computed once.

    The sums of their attributions over the channels count; ties are in the order of positions.
    """
    if not subject.order:
        subject.order.append(positions_in_order(-channel_sums(subject.attributions)))
    return subject.order[0]


def positions_in_order(values: npt.NDArray[np.float64]) -> Positions:
    """Return the positions (N,) of N values in ascending order, ties by position.

    By four stable sorts of 16 bits each, for which NumPy has a radix sort, from the least
    significant on: three times as fast as its stable sort of 64 bits.

    Args:
        values: Float64, any shape, none of them NaN.
    """
    bits = (values.reshape(-1) + 0.0).view(np.int64)  # Zero has one sign.
    # In the order of the values: those of negative ones are inverted, others get the highest bit.
    keys = bits ^ ((bits >> 63) | np.int64(-(1 << 63)))
    parts = keys.astype("<i8").view(np.uint16).reshape(-1, 4)
    order = np.argsort(parts[:, 0], kind="stable")
    for part in (1, 2, 3):
        order = order[np.argsort(parts[order, part], kind="stable")]
    return order


def ranks(attributions: Array) -> npt.NDArray[np.int64]:
    """Return the rank (H, W) of each pixel: 0 for the largest attribution, ties by position.

    Args:
        attributions: Float32 (H, W, C); their sum over the channels counts.
    """
    return ranked(channel_sums(attributions))


def ranked(
    values: npt.NDArray[np.float64], *, smallest_first: bool = False
) -> npt.NDArray[np.int64]:
    """Return the rank of each value in the shape of the values: 0 is first, ties by position.

    Args:
        values: Float64, any shape, none of them NaN.
        smallest_first: Whether the smallest value is first, not the largest.
    """
    order = positions_in_order(values if smallest_first else -values)
    positions = np.empty(order.size, np.int64)
    positions[order] = np.arange(order.size)
    return positions.reshape(values.shape)


def filled(image: Array, fill: Fill) -> Array:
    """Return what replaces the pixels of an image, float32 (H, W, C), not rounded.

    The blur treats each channel by itself, reflects the image at its borders, and is cut off at
    four standard deviations.
    """
    if fill == "black":
        return np.zeros_like(image)
    if fill == "mean":
        mean = image.mean((0, 1), dtype=np.float64)
        return np.broadcast_to(mean.astype(np.float32), image.shape)
    blurred = ndimage.gaussian_filter(
        image.astype(np.float64), (BLUR, BLUR, 0), mode="reflect", truncate=4.0
    )
    result: Array = blurred.astype(np.float32)
    return result


def replacement_for(subject: Subject, fill: Fill | Literal["baseline"]) -> Array:
    """Return what replaces the pixels of a subject's image, computed once an image."""
    if fill == "baseline":
        return subject.baseline
    if fill not in subject.replacements:
        subject.replacements[fill] = filled(subject.image, fill)
    return subject.replacements[fill]


@dataclass(frozen=True, eq=False)
class ReplacedPixels:
    """Variants of an image in which more and more pixels are replaced.

    Attributes:
        image: Float32 (H, W, C).
        replacement: Float32 (H, W, C), where its pixels come from.
        order: Positions (H * W,) of the pixels, the first to be replaced first.
        counts: Number of pixels replaced in each variant, rising.
    """

    image: Array
    replacement: Array
    order: Positions
    counts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of variants."""
        return len(self.counts)

    def write(self, indices: range, out: Array) -> None:
        """Write variants, float32 (n, H, W, C): each is the one before, with further pixels."""
        before, replaced = self.image, 0
        for index, variant in zip(indices, out, strict=True):
            np.copyto(variant, before)
            further = slice(replaced, int(self.counts[index]))
            _as_pixels(variant)[self.order[further]] = self._replacements[further]
            before, replaced = variant, further.stop

    @cached_property
    def _replacements(self) -> npt.NDArray[np.void]:
        """What replaces the pixels, in their order."""
        return _as_pixels(np.ascontiguousarray(self.replacement))[self.order]


def _as_pixels(image: Array) -> npt.NDArray[np.void]:
    """Return the pixels of an image as an array of (H * W,) elements, which are copied whole."""
    channels = image.shape[-1]
    pixels: npt.NDArray[np.void] = image.reshape(-1).view(np.dtype((np.void, 4 * channels)))
    return pixels


def step_counts(pixels: int, steps: int) -> npt.NDArray[np.int64]:
    """Return the number of pixels after each of the steps, and 0 before them: (steps + 1,)."""
    return np.rint(np.linspace(0, pixels, steps + 1)).astype(np.int64)


def replacement_curve(
    subject: Subject, image: Array, replacement: Array, *, steps: int
) -> Computation[Curve]:
    """Return the target's score as pixels of `image` are replaced, most attributed first.

    Args:
        subject: Its attributions order the pixels.
        image: Float32 (H, W, C), what the curve starts with.
        replacement: Float32 (H, W, C), what it ends with.
        steps: Number of equal steps.
    """
    order = most_attributed_first(subject)
    counts = step_counts(order.size, steps)
    scores = yield from predict_all(ReplacedPixels(image, replacement, order, counts))
    return Curve(counts / order.size, scores[:, subject.target].astype(np.float64))


def area(curve: Curve) -> float:
    """Return the area under a curve by the trapezoid rule, not normalized."""
    return float(integrate.trapezoid(curve.scores, curve.shares))
